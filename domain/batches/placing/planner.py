"""Where a batch runs: what it asks for, or else the first place that serves its model."""

from dataclasses import dataclass

from domain.batches.batch import InputError, Place, TargetKind, Wish
from domain.batches.placing.capacity import Capacity, Served
from domain.batches.placing.wishes import asked_target, check
from domain.errors import NotFound
from domain.gateway.naming import Wanted, parse
from domain.templates.template import Template, TemplateStatus

__all__ = ["Ask", "check", "plan"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """`endpoint` is the path of its requests, `model` what their lines say."""

    endpoint: str
    model: str
    wish: Wish


def plan(ask: Ask, capacity: Capacity) -> Place | InputError:
    """`capacity` was loaded for the ask's wish and model."""
    refused = check(ask.wish, capacity, ask.endpoint)
    if refused is not None:
        code = "model_not_found" if isinstance(refused, NotFound) else refused.code.lower()
        param = ".".join(["modelyard", *(str(step) for step in refused.path)])
        return InputError(code=code, message=refused.message, param=param)
    match asked_target(ask.wish):
        case TargetKind.DEPLOYMENT:
            return _on_deployment(ask, capacity)
        case TargetKind.EXTERNAL:
            return _on_external(ask, capacity)
        case TargetKind.DEDICATED:
            return _on_dedicated(ask, capacity)
        case TargetKind.KUBERNETES_JOB:
            return _in_job(ask, capacity)
        case TargetKind.ECHO:
            why = "Echoes are asked for: no engine answers."
            return Place(target=TargetKind.ECHO, why=why)
        case _:
            return _anywhere(ask, capacity)


def _on_deployment(ask: Ask, capacity: Capacity) -> Place | InputError:
    served = capacity.deployment
    written = ask.wish.deployment
    if written is None:
        wanted = parse(ask.model)
        if served is None or wanted is None or not served.serves(wanted):
            return _not_found(ask, "No deployment serves it, and DEPLOYMENT is asked for.")
        return _deployed(served, wanted, f"The deployment {served.name!r} serves {ask.model!r}.")
    wanted = parse(written)
    assert served is not None, "checked"
    assert wanted is not None, "checked"
    wanted = _with_line(wanted, parse(ask.model))
    if not served.knows(wanted):
        return _not_found(
            ask, f"The deployment {served.name!r}, which is asked for, has no such model."
        )
    return _deployed(served, wanted, f"The deployment {written!r} is asked for.")


def _with_line(asked: Wanted, line: Wanted | None) -> Wanted:
    """Lines that name the same deployment may say more of it than the wish does; any other name stands
    for what the wish says."""
    if line is None or line.deployment != asked.deployment:
        return asked
    return Wanted(asked.deployment, asked.revision or line.revision, asked.model or line.model)


def _on_external(ask: Ask, capacity: Capacity) -> Place | InputError:
    endpoint = capacity.endpoint
    if endpoint is None:
        return _listed(ask, capacity) or _not_found(
            ask, "No external endpoint lists it, and EXTERNAL is asked for."
        )
    if endpoint.models and ask.model not in endpoint.models:
        listed = ", ".join(endpoint.models)
        return _not_found(ask, f"The external endpoint {endpoint.name!r} lists {listed}.")
    return Place(
        target=TargetKind.EXTERNAL,
        why=f"The external endpoint {endpoint.name!r} is asked for.",
        external_endpoint_id=endpoint.id,
    )


def _on_dedicated(ask: Ask, capacity: Capacity) -> Place | InputError:
    wish = ask.wish.template
    if wish is None:
        return _by_template(ask, capacity, "A deployment of its own is asked for") or _not_found(
            ask, "No active template has that name, and DEDICATED is asked for."
        )
    template = capacity.template(wish.version)
    assert template is not None, "checked"
    asked = f"The template {template.name!r} is asked for"
    return _dedicated(template, f"{asked}: a deployment is made of its version {template.version}.")


def _in_job(ask: Ask, capacity: Capacity) -> Place | InputError:
    wish = ask.wish.template
    template = capacity.template(wish.version if wish is not None else None)
    if template is None:
        return _not_found(ask, "No active template has that name, and KUBERNETES_JOB is asked for.")
    if refused := _other_endpoint(ask, template, "A Kubernetes Job is asked for"):
        return refused
    why = (
        f"A Kubernetes Job is asked for: its pods are made of the template {template.name!r}, version "
        f"{template.version}."
    )
    return Place(target=TargetKind.KUBERNETES_JOB, why=why, template_id=template.id)


def _anywhere(ask: Ask, capacity: Capacity) -> Place | InputError:
    """A deployment that serves the model, an external endpoint that lists it, a template of its name."""
    served, wanted = capacity.deployment, parse(ask.model)
    if served is not None and wanted is not None and served.serves(wanted):
        return _deployed(served, wanted, f"The deployment {served.name!r} serves {ask.model!r}.")
    nowhere = f"No deployment serves {ask.model!r}"
    return (
        _listed(ask, capacity)
        or _by_template(ask, capacity, f"{nowhere}, and no external endpoint lists it")
        or _not_found(
            ask,
            "There is no deployment of that name that serves, no external endpoint that lists it, and "
            "no active template of that name.",
        )
    )


def _deployed(served: Served, wanted: Wanted, why: str) -> Place:
    follows = "Revision {} is pinned." if wanted.revision else "It follows the active revision."
    return Place(
        target=TargetKind.DEPLOYMENT,
        why=f"{why} {follows.format(wanted.revision)}",
        deployment_id=served.id,
        deployment_name=served.name,
        revision_number=wanted.revision,
        model=wanted.model,
    )


def _listed(ask: Ask, capacity: Capacity) -> Place | InputError | None:
    if not capacity.listing:
        return None
    names = [endpoint.name for endpoint in capacity.listing]
    if len(names) > 1:
        several = ", ".join(repr(name) for name in names)
        message = (
            f"The external endpoints {several} list {ask.model!r}: name the one that is meant "
            "(modelyard.endpoint)."
        )
        return InputError(code="ambiguous_model", message=message, param="model")
    return Place(
        target=TargetKind.EXTERNAL,
        why=f"No deployment serves {ask.model!r}; the external endpoint {names[0]!r} lists it.",
        external_endpoint_id=capacity.listing[0].id,
    )


def _by_template(ask: Ask, capacity: Capacity, because: str) -> Place | InputError | None:
    template = capacity.template(None)
    if template is None:
        return None
    if refused := _other_endpoint(ask, template, because):
        return refused
    made = f"a deployment is made of the template {template.name!r}, version {template.version}."
    return _dedicated(template, f"{because}: {made}")


def _other_endpoint(ask: Ask, template: Template, because: str) -> InputError | None:
    if not template.batch.endpoints or ask.endpoint in template.batch.endpoints:
        return None
    message = (
        f"{because}, and the template {template.name!r} is not for {ask.endpoint} but for "
        f"{', '.join(template.batch.endpoints)}."
    )
    return InputError(code="mismatched_endpoint", message=message, param="endpoint")


def _dedicated(template: Template, why: str) -> Place:
    assert template.status is not TemplateStatus.DRAFT, "checked"
    return Place(target=TargetKind.DEDICATED, why=why, template_id=template.id)


def _not_found(ask: Ask, why: str) -> InputError:
    message = f"The model {ask.model!r} can't be had here. {why}"
    return InputError(code="model_not_found", message=message, param="model")
