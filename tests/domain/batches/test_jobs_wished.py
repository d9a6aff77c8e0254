"""Kubernetes Jobs as places for batches: what may be asked for, and what is chosen."""

from dataclasses import replace
from typing import Any

import pytest

from domain.batches.batch import InputError, Place, TargetKind, TemplateWish, Wish
from domain.batches.placing.capacity import Capacity
from domain.batches.placing.planner import Ask, check, plan
from domain.batches.placing.wishes import asked_target
from domain.errors import InvalidValue, NoKubernetes
from domain.templates.template import BatchUse
from tests.support.builders import a_project, a_template

CHAT = "/v1/chat/completions"
TEMPLATE = a_template(a_project(), name="chat")
THERE = Capacity(templates=(TEMPLATE,))


def wish(**said: Any) -> Wish:
    return Wish(target=TargetKind.KUBERNETES_JOB, **said)


def planned(there: Capacity, model: str = "chat", **said: Any) -> Place | InputError:
    return plan(Ask(endpoint=CHAT, model=model, wish=wish(**said)), there)


@pytest.mark.parametrize("said", [{}, {"template": TemplateWish(name="chat")}, {"replicas": 3}])
def test_a_job_is_made_of_the_template_that_is_named_or_called_as_the_model(
    said: dict[str, Any],
) -> None:
    place = planned(THERE, **said)
    assert isinstance(place, Place)
    assert (place.target, place.template_id) == (TargetKind.KUBERNETES_JOB, TEMPLATE.id)
    assert asked_target(wish(**said)) is TargetKind.KUBERNETES_JOB


def test_without_a_template_there_is_no_job() -> None:
    refused = planned(Capacity())
    assert isinstance(refused, InputError)
    assert refused.code == "model_not_found"


def test_a_template_for_other_endpoints_is_refused() -> None:
    other = replace(TEMPLATE, batch=BatchUse(endpoints=("/v1/embeddings",)))
    refused = planned(Capacity(templates=(other,)))
    assert isinstance(refused, InputError)
    assert refused.code == "mismatched_endpoint"


@pytest.mark.parametrize("why", [NoKubernetes(), InvalidValue(problem="The operator has to.")])
def test_where_there_can_be_none_it_is_told_why_at_once(why: Any) -> None:
    refused = check(wish(), replace(THERE, no_jobs=why), CHAT)
    assert refused is not None
    assert (type(refused), refused.path, refused.message) == (type(why), ("target",), why.message)
    assert (
        check(Wish(template=TemplateWish(name="chat")), replace(THERE, no_jobs=why), CHAT) is None
    )


@pytest.mark.parametrize(
    "said", [{"deployment": "chat"}, {"endpoint": "out"}, {"keep_alive": 60.0}]
)
def test_a_job_takes_nothing_that_is_another_places(said: dict[str, Any]) -> None:
    assert isinstance(check(wish(**said), THERE, CHAT), InvalidValue)
