"""What a new batch may ask of the place where it runs. Pure; what is refused is so at once."""

from dataclasses import replace

from domain.batches.batch import TargetKind, TemplateWish, Wish
from domain.batches.placing.capacity import Capacity
from domain.definitions import drafts, overrides
from domain.definitions.layers import Layer, LayerKind
from domain.errors import InvalidValue, NotFound, UserError
from domain.gateway.naming import parse
from domain.templates.template import Template, TemplateStatus

K = TargetKind
NAMES_PLACE = {"deployment": K.DEPLOYMENT, "endpoint": K.EXTERNAL, "template": K.DEDICATED}
FROM_TEMPLATE = frozenset({K.DEDICATED, K.KUBERNETES_JOB})
HAVE = {"replicas": FROM_TEMPLATE, "keep_alive": frozenset({K.DEDICATED})}


def asked_target(wish: Wish) -> TargetKind | None:
    """What it asks for, or what the place that it names is; None where that is left to the planner."""
    if wish.target is not None:
        return wish.target
    return next((kind for name, kind in NAMES_PLACE.items() if _says(wish, name)), None)


def check(wish: Wish, capacity: Capacity, endpoint: str) -> UserError | None:
    """The first thing that is wrong with it; paths are relative to the wish. `endpoint` is the path of
    the batch's requests."""
    return (
        _no_job(wish, capacity)
        or _contradiction(wish)
        or _unknown_deployment(wish, capacity)
        or _unknown_endpoint(wish, capacity)
        or _wrong_template(wish, capacity, endpoint)
    )


def _says(wish: Wish, name: str) -> bool:
    return getattr(wish, name) is not None


def _contradiction(wish: Wish) -> UserError | None:
    named = [name for name in NAMES_PLACE if _says(wish, name)]
    if wish.target is None and len(named) > 1:
        problem = f"A batch runs in one place: name {' or '.join(named)}, not both."
        return InvalidValue(path=(named[1],), problem=problem)
    for name in named:
        if wish.target is not None and not _fits(wish.target, NAMES_PLACE[name]):
            problem = f"The target {wish.target.name} takes no {name}."
            return InvalidValue(path=(name,), problem=problem)
    for name, kinds in HAVE.items():
        if _says(wish, name) and asked_target(wish) not in kinds:
            problem = "Only a deployment that is made for the batch has it: ask for a template."
            return InvalidValue(path=(name,), problem=problem)
    return None


def _fits(target: TargetKind, named: TargetKind) -> bool:
    return target is named or (named is K.DEDICATED and target in FROM_TEMPLATE)


def _no_job(wish: Wish, capacity: Capacity) -> UserError | None:
    if wish.target is not K.KUBERNETES_JOB or capacity.no_jobs is None:
        return None
    return replace(capacity.no_jobs, path=("target",))


def _unknown_deployment(wish: Wish, capacity: Capacity) -> UserError | None:
    if wish.deployment is None:
        return None
    path, wanted, served = ("deployment",), parse(wish.deployment), capacity.deployment
    if wanted is None or served is None:
        return NotFound(kind="model deployment", id=wish.deployment, path=path)
    if not served.has_revision(wanted.revision):
        return NotFound(kind="model revision", id=wish.deployment, path=path)
    if not served.has_model(wanted.model):
        return NotFound(kind="model of a deployment", id=wish.deployment, path=path)
    return None


def _unknown_endpoint(wish: Wish, capacity: Capacity) -> UserError | None:
    if wish.endpoint is None or capacity.endpoint is not None:
        return None
    return NotFound(kind="external endpoint", id=wish.endpoint, path=("endpoint",))


def _wrong_template(wish: Wish, capacity: Capacity, endpoint: str) -> UserError | None:
    if wish.template is None:
        return None
    said = wish.template
    template = capacity.template(said.version)
    if template is None and said.version is None:
        kind = "active version of a template named"
        return NotFound(kind=kind, id=said.name, path=("template", "name"))
    if template is None:
        name = f"{said.name}@{said.version}"
        return NotFound(kind="version of a template", id=name, path=("template", "version"))
    if template.status is TemplateStatus.DRAFT:
        problem = (
            f"Version {template.version} of template {said.name!r} is a draft, which previews alone may "
            "name. Activate it first."
        )
        return InvalidValue(path=("template", "version"), problem=problem)
    if template.batch.endpoints and endpoint not in template.batch.endpoints:
        listed = ", ".join(template.batch.endpoints)
        problem = f"The template {said.name!r} is not for {endpoint} but for {listed}."
        return InvalidValue(path=("template", "name"), problem=problem)
    return _wrong_overrides(said, template)


def _wrong_overrides(said: TemplateWish, template: Template) -> UserError | None:
    """They are merged when the deployment is made; what is wrong with them alone can be told now."""
    draft = drafts.read(Layer(kind=LayerKind.TEMPLATE, tree=said.overrides))
    outside = overrides.refused(template.spec, said.overrides, template.allowed_overrides)
    found = next(iter((*outside, *draft.errors)), None)
    if found is not None:
        found.path = ("template", "overrides")
    return found
