"""Where a batch runs, and what it may not ask for."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.batches.batch import ENDPOINTS, InputError, Place, TargetKind, TemplateWish, Wish
from domain.batches.external_endpoint import ExternalEndpoint
from domain.batches.placing import capacity
from domain.batches.placing.capacity import Capacity, Served
from domain.batches.placing.planner import Ask, check, plan
from domain.batches.placing.wishes import FROM_TEMPLATE, HAVE, NAMES_PLACE, asked_target
from domain.definitions.variants import Variant
from domain.deployments.deployment import DeploymentStatus
from domain.errors import DefinitionError, InvalidValue, NoKubernetes, NotFound
from domain.templates.template import BatchUse, Template, TemplateStatus
from tests.support.builders import NOON, a_deployment, a_revision
from tests.support.memory import MemoryStore

CHAT, EMBEDDINGS = "/v1/chat/completions", "/v1/embeddings"
CHAT_SERVED = Served(id="d", name="chat", last_revision=3, is_serving=True, models=("m", "n"))


def an_endpoint(name: str = "out", *models: str) -> ExternalEndpoint:
    return ExternalEndpoint(
        id=f"e-{name}",
        project_id="p",
        name=name,
        base_url="http://example.org/v1",
        models=models,
        api_key_secret=None,
        created_at=NOON,
        created_by="ada",
        updated_at=NOON,
    )


def a_template(version: int = 1, **said: Any) -> Template:
    own: dict[str, Any] = {
        "id": f"t{version}",
        "project_id": "p",
        "name": "chat",
        "version": version,
        "status": TemplateStatus.ACTIVE,
        "variant": Variant.ECHO,
        "spec": {"models": [{"name": "m", "service": {"port": 8000}}]},
        "allowed_overrides": ("/environment",),
        "description": "",
        "created_at": NOON,
        "created_by": "ada",
        "updated_at": NOON,
    }
    return Template(**{**own, **said})


def planned(there: Capacity, model: str = "chat", at: str = CHAT, **wish: Any) -> Any:
    return plan(Ask(endpoint=at, model=model, wish=Wish(**wish)), there)


ALL = Capacity(
    deployment=CHAT_SERVED, listing=(an_endpoint("out", "chat"),), templates=(a_template(),)
)


def test_a_deployment_is_first_then_who_lists_the_model_then_a_template_of_its_name() -> None:
    assert planned(ALL).deployment_id == "d"
    assert planned(replace(ALL, deployment=None)).external_endpoint_id == "e-out"
    alone = planned(replace(ALL, deployment=None, listing=()))
    assert (alone.target, alone.template_id) == (TargetKind.DEDICATED, "t1")
    assert planned(Capacity()).code == "model_not_found"


def test_a_deployment_that_serves_nothing_is_passed_over() -> None:
    asleep = replace(CHAT_SERVED, is_serving=False)
    assert planned(replace(ALL, deployment=asleep)).target is TargetKind.EXTERNAL


@pytest.mark.parametrize(
    ("model", "number", "own"), [("chat", None, None), ("chat@2", 2, None), ("chat/n", None, "n")]
)
def test_a_model_may_name_a_revision_and_a_model_of_it(
    model: str, number: int | None, own: str | None
) -> None:
    place = planned(Capacity(deployment=CHAT_SERVED), model)
    assert (place.deployment_name, place.revision_number, place.model) == ("chat", number, own)


@pytest.mark.parametrize("model", ["chat@4", "chat/other", "Qwen/Qwen3"])
def test_what_a_deployment_does_not_have_is_not_found(model: str) -> None:
    assert planned(Capacity(deployment=CHAT_SERVED), model).code == "model_not_found"


def test_several_endpoints_that_list_a_model_are_ambiguous() -> None:
    there = Capacity(listing=(an_endpoint("a", "chat"), an_endpoint("b", "chat")))
    refused = planned(there)
    assert refused.code == "ambiguous_model"
    assert "'a', 'b'" in refused.message


def test_a_template_found_by_name_has_to_be_for_the_endpoint() -> None:
    for_chat = a_template(batch=BatchUse(endpoints=(CHAT,)))
    there = Capacity(templates=(for_chat,))
    assert planned(there).template_id == "t1"
    assert planned(there, at=EMBEDDINGS).code == "mismatched_endpoint"


def test_a_deployment_that_is_asked_for_serves_whatever_the_lines_call_it() -> None:
    there = Capacity(deployment=CHAT_SERVED)
    place = planned(there, "gpt-5", deployment="chat@2")
    assert (place.deployment_id, place.revision_number) == ("d", 2)
    place = planned(there, "chat/n", deployment="chat")
    assert (place.revision_number, place.model) == (None, "n")


def test_an_endpoint_that_is_asked_for_has_to_list_the_model() -> None:
    there = Capacity(endpoint=an_endpoint("out", "gpt-5"))
    asked = Ask(endpoint=CHAT, model="gpt-5", wish=Wish(endpoint="out"))
    place = plan(asked, there)
    assert isinstance(place, Place)
    assert place.external_endpoint_id == "e-out"
    refused = plan(replace(asked, model="other"), there)
    assert isinstance(refused, InputError)
    assert refused.code == "model_not_found"


def test_an_echo_needs_nothing() -> None:
    assert planned(Capacity(), "anything", target=TargetKind.ECHO).target is TargetKind.ECHO


@pytest.mark.parametrize(
    "target", [TargetKind.DEPLOYMENT, TargetKind.EXTERNAL, TargetKind.DEDICATED]
)
def test_a_target_without_a_name_is_found_by_the_model(target: TargetKind) -> None:
    assert planned(ALL, target=target).target is target
    assert planned(Capacity(), target=target).code == "model_not_found"


def checked(there: Capacity, at: str = CHAT, **wish: Any) -> Any:
    return check(Wish(**wish), there, at)


def test_a_kubernetes_job_is_refused_where_there_is_no_kubernetes() -> None:
    there = Capacity(no_jobs=NoKubernetes())
    assert isinstance(checked(there, target=TargetKind.KUBERNETES_JOB), NoKubernetes)


@pytest.mark.parametrize(
    "wish",
    [
        {"target": TargetKind.ECHO, "deployment": "chat"},
        {"target": TargetKind.DEPLOYMENT, "template": TemplateWish(name="chat")},
        {"deployment": "chat", "endpoint": "out"},
        {"replicas": 2},
        {"target": TargetKind.DEPLOYMENT, "keep_alive": 60.0},
        {"deployment": "chat", "replicas": 2},
    ],
)
def test_wishes_that_contradict_each_other_are_refused(wish: dict[str, Any]) -> None:
    there = replace(ALL, endpoint=an_endpoint())
    assert isinstance(checked(there, **wish), InvalidValue)


@pytest.mark.parametrize(
    ("wish", "path"),
    [
        ({"deployment": "nobody"}, ("deployment",)),
        ({"deployment": "No Name"}, ("deployment",)),
        ({"endpoint": "nobody"}, ("endpoint",)),
        ({"template": TemplateWish(name="nobody")}, ("template", "name")),
        ({"template": TemplateWish(name="nobody", version=2)}, ("template", "version")),
    ],
)
def test_what_is_named_has_to_be_there(wish: dict[str, Any], path: tuple[str, ...]) -> None:
    refused = checked(Capacity(), **wish)
    assert isinstance(refused, NotFound)
    assert refused.path == path


@pytest.mark.parametrize("named", ["chat@4", "chat/other"])
def test_a_revision_and_a_model_that_are_named_have_to_be_there(named: str) -> None:
    assert isinstance(checked(Capacity(deployment=CHAT_SERVED), deployment=named), NotFound)


def test_a_draft_is_refused_and_what_is_deprecated_needs_its_version() -> None:
    draft = a_template(2, status=TemplateStatus.DRAFT)
    old = a_template(1, status=TemplateStatus.DEPRECATED)
    there = Capacity(templates=(draft, old))
    assert isinstance(checked(there, template=TemplateWish(name="chat")), NotFound)
    assert isinstance(checked(there, template=TemplateWish(name="chat", version=2)), InvalidValue)
    wish = TemplateWish(name="chat", version=1)
    assert checked(there, template=wish) is None
    assert planned(there, template=wish).template_id == "t1"


def test_a_template_that_is_named_has_to_be_for_the_endpoint() -> None:
    there = Capacity(templates=(a_template(batch=BatchUse(endpoints=(CHAT,))),))
    wish = TemplateWish(name="chat")
    assert checked(there, template=wish) is None
    assert isinstance(checked(there, EMBEDDINGS, template=wish), InvalidValue)


def test_overrides_have_to_be_allowed_and_readable() -> None:
    there = Capacity(templates=(a_template(),))
    allowed = TemplateWish(name="chat", overrides={"environment": {"A": {"value": "1"}}})
    assert checked(there, template=allowed) is None
    outside = checked(there, template=replace(allowed, overrides={"image": "x"}))
    assert isinstance(outside, DefinitionError)
    assert (outside.code, outside.path) == ("OVERRIDE_NOT_ALLOWED", ("template", "overrides"))
    unread = checked(there, template=replace(allowed, overrides={"environment": 7}))
    assert isinstance(unread, DefinitionError)


SERVED = st.builds(
    Served,
    id=st.just("d"),
    name=st.just("chat"),
    last_revision=st.integers(0, 3),
    is_serving=st.booleans(),
    models=st.sampled_from([(), ("m",), ("m", "n")]),
)
TEMPLATES = st.lists(
    st.builds(
        a_template,
        st.integers(1, 4),
        status=st.sampled_from(TemplateStatus),
        batch=st.builds(BatchUse, endpoints=st.sampled_from([(), (CHAT,)])),
    ),
    max_size=3,
).map(tuple)
CAPACITY = st.builds(
    Capacity,
    deployment=st.none() | SERVED,
    endpoint=st.none() | st.sampled_from([an_endpoint(), an_endpoint("x", "chat")]),
    listing=st.sampled_from(
        [(), (an_endpoint("a", "chat"),), (an_endpoint("a", "c"), an_endpoint("b", "c"))]
    ),
    templates=TEMPLATES,
)
WISHES = st.builds(
    Wish,
    target=st.none() | st.sampled_from(TargetKind),
    deployment=st.none() | st.sampled_from(["chat", "chat@2", "chat/n", "No Name"]),
    endpoint=st.none() | st.just("out"),
    template=st.none()
    | st.builds(TemplateWish, name=st.just("chat"), version=st.none() | st.integers(1, 4)),
    replicas=st.none() | st.just(2),
    keep_alive=st.none() | st.just(60.0),
)
ASKS = st.builds(
    Ask,
    endpoint=st.sampled_from(ENDPOINTS),
    model=st.sampled_from(["chat", "chat@2", "chat/m", "chat@9/n", "Qwen/Q", "", "\x00"]),
    wish=WISHES,
)


@given(ASKS, CAPACITY)
def test_a_place_is_what_was_asked_for_and_names_exactly_what_it_needs(
    ask: Ask, there: Capacity
) -> None:
    found = plan(ask, there)
    refused = check(ask.wish, there, ask.endpoint)
    if isinstance(found, InputError):
        assert found.message
        return
    assert refused is None
    assert found.why.endswith(".")
    assert asked_target(ask.wish) in (None, found.target)
    held = {
        "deployment": found.deployment_id,
        "external endpoint": found.external_endpoint_id,
        "template": found.template_id,
    }
    needed = {
        TargetKind.DEPLOYMENT: {"deployment"},
        TargetKind.EXTERNAL: {"external endpoint"},
        TargetKind.DEDICATED: {"template"},
        TargetKind.KUBERNETES_JOB: {"template"},
        TargetKind.ECHO: set(),
    }
    assert {what for what, id_ in held.items() if id_ is not None} == needed[found.target]


@given(WISHES, CAPACITY, st.sampled_from(ENDPOINTS))
def test_what_is_not_refused_names_one_place_and_asks_of_it_what_it_has(
    wish: Wish, there: Capacity, endpoint: str
) -> None:
    if check(wish, there, endpoint) is not None:
        return
    named = [name for name in NAMES_PLACE if getattr(wish, name) is not None]
    assert len(named) <= 1
    asked = asked_target(wish)
    for name in named:
        fits = FROM_TEMPLATE if name == "template" else {NAMES_PLACE[name]}
        assert asked in fits
    for name, kinds in HAVE.items():
        assert asked in kinds or getattr(wish, name) is None


async def test_capacity_finds_what_the_wish_names_and_else_what_the_model_does() -> None:
    store = MemoryStore()
    chat = a_deployment(store.default, name="chat", status=DeploymentStatus.READY)
    revision = a_revision(chat, number=1)
    chat = replace(chat, active_revision_id=revision.id, last_revision=1)
    made = a_deployment(store.default, name="batch-1", is_dedicated=True)
    gone = a_deployment(store.default, name="gone", status=DeploymentStatus.STOPPING)
    listing = replace(an_endpoint("out", "gpt"), project_id=store.default.id)
    template = a_template(project_id=store.default.id, name="t")
    async with store.start_work("ada", "request:1") as work:
        for each in (chat, made, gone):
            await work.deployments.add(each)
        await work.revisions.add(revision)
        await work.external_endpoints.add(listing)
        await work.templates.add(template)

    async def load(model: str | None = None, **wish: Any) -> Capacity:
        return await capacity.load(store.reads, store.default.id, Wish(**wish), model, None)

    served = (await load("chat@1")).deployment
    assert served is not None
    assert (served.id, served.is_serving, served.models) == (chat.id, True, ("m",))
    assert (await load("whatever", deployment="chat")).deployment == served
    assert (await load("batch-1")).deployment is None
    assert (await load("gone")).deployment is None
    assert (await load("gpt")).listing == (listing,)
    assert (await load(endpoint="out")).endpoint == listing
    assert (await load("t")).templates == (template,)
    assert (await load("chat", template=TemplateWish(name="t"))).templates == (template,)
    assert await load("nul\x00") == await load() == Capacity()
