from collections import Counter
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.deployments.deployment import DeploymentStatus
from domain.deployments.replica import Endpoint
from domain.gateway.choice import pick
from domain.gateway.naming import Wanted
from domain.gateway.refusals import ModelNotFound
from domain.gateway.route import Route, Share, Target
from tests.support.builders import NOON

CHAT = Wanted("chat")


def a_share(number: int, replicas: int, weight: int | None = None, **said: Any) -> Share:
    models = said.pop("models", ("m",))
    endpoints = tuple(
        Endpoint(model=model, host="127.0.0.1", port=8000 + place)
        for place, model in enumerate(models)
    )
    targets = tuple(Target(f"{number}-{place}", endpoints) for place in range(replicas))
    own = {"revision_number": number, "weight": weight, "targets": targets, "held_back": False}
    return Share(**{**own, "awaited": True, **said})


def a_route(*shares: Share) -> Route:
    return Route(
        deployment_id="d",
        project_id="p",
        name="chat",
        status=DeploymentStatus.READY,
        reason=None,
        message="",
        next_retry_at=None,
        created_at=NOON,
        shares=shares,
    )


def drawn(route: Route, wanted: Wanted = CHAT, draws: int = 1000) -> Counter[int]:
    """How often each revision is chosen when chance takes every value alike."""
    choices = [pick(route, wanted, {}, draw / draws) for draw in range(draws)]
    return Counter(choice.revision_number for choice in choices if choice is not None)


def test_weights_share_the_requests_among_groups() -> None:
    route = a_route(a_share(1, 1, weight=90), a_share(2, 5, weight=10))
    assert drawn(route) == {1: 900, 2: 100}


def test_without_weights_every_replica_gets_its_part() -> None:
    assert drawn(a_route(a_share(1, 3), a_share(2, 1))) == {1: 750, 2: 250}


def test_a_group_without_healthy_replicas_leaves_its_part_to_the_others() -> None:
    assert drawn(a_route(a_share(1, 0, weight=90), a_share(2, 1, weight=10))) == {2: 1000}


def test_a_group_of_weight_0_gets_nothing_beside_another() -> None:
    assert drawn(a_route(a_share(1, 1, weight=100), a_share(2, 3, weight=0))) == {1: 1000}


def test_a_group_of_weight_0_gets_nothing_beside_one_that_shares_by_count() -> None:
    assert drawn(a_route(a_share(1, 2), a_share(2, 3, weight=0))) == {1: 1000}


def test_leaving_replicas_answer_where_nothing_else_can() -> None:
    assert drawn(a_route(a_share(1, 0, weight=100), a_share(2, 3, weight=0))) == {2: 1000}


def test_what_a_rollout_holds_back_answers_by_its_number_alone() -> None:
    route = a_route(a_share(1, 0, weight=100), a_share(2, 3, weight=0, held_back=True))
    assert drawn(route) == {}
    assert drawn(route, Wanted("chat", 2)) == {2: 1000}


def test_a_number_takes_no_other_revision() -> None:
    route = a_route(a_share(1, 2, weight=100), a_share(2, 0, weight=0))
    assert drawn(route, Wanted("chat", 2)) == {}


def test_a_revision_that_nothing_runs_is_not_found() -> None:
    route = a_route(a_share(1, 1), a_share(2, 0, awaited=False))
    for number in (2, 3):
        with pytest.raises(ModelNotFound, match=f"chat@{number}"):
            pick(route, Wanted("chat", number), {}, 0)


def test_another_model_is_asked_where_it_answers() -> None:
    route = a_route(a_share(1, 1, models=("m", "judge")))
    assert (choice := pick(route, Wanted("chat", model="judge"), {}, 0))
    assert (choice.endpoint.model, choice.endpoint.port) == ("judge", 8001)


def test_without_a_name_the_first_model_is_asked() -> None:
    choice = pick(a_route(a_share(1, 1, models=("m", "judge"))), CHAT, {}, 0)
    assert choice is not None
    assert choice.endpoint.model == "m"


def test_a_model_of_the_new_revision_alone_is_asked_there() -> None:
    route = a_route(a_share(1, 1, weight=90), a_share(2, 1, weight=10, models=("m", "judge")))
    assert drawn(route, Wanted("chat", model="judge")) == {2: 1000}


def test_an_unknown_model_is_not_found_unless_nobody_can_tell() -> None:
    wanted = Wanted("chat", model="judge")
    with pytest.raises(ModelNotFound, match="chat/judge"):
        pick(a_route(a_share(1, 1)), wanted, {}, 0)
    assert pick(a_route(a_share(1, 0)), wanted, {}, 0) is None


shares = st.builds(
    a_share,
    st.integers(1, 9),
    st.integers(0, 4),
    st.none() | st.integers(0, 100),
    held_back=st.booleans(),
)
routes = st.lists(shares, max_size=3, unique_by=lambda share: share.revision_number).map(
    lambda made: a_route(*made)
)
chances = st.floats(0, 1, exclude_max=True)


@given(routes, st.data(), chances)
def test_the_chosen_has_the_fewest_requests_of_its_group(
    route: Route, data: st.DataObject, chance: float
) -> None:
    ids = [target.replica_id for target in route.targets]
    counts = {id_: data.draw(st.integers(0, 3)) for id_ in ids}
    if choice := pick(route, CHAT, counts, chance):
        group = next(s for s in route.shares if s.revision_number == choice.revision_number)
        peers = [target.replica_id for target in group.targets]
        assert choice.replica_id in peers
        assert counts[choice.replica_id] == min(counts[peer] for peer in peers)


@given(routes, chances)
def test_trying_on_ends_with_every_replica_tried_once(route: Route, chance: float) -> None:
    tried: list[str] = []
    while choice := pick(route, CHAT, {}, chance, tried):
        tried.append(choice.replica_id)
    able = [t.replica_id for s in route.shares if not s.held_back or s.weight for t in s.targets]
    by_count = any(s.weight is None for s in route.shares if s.targets)
    assert len(tried) == len(set(tried))
    if not by_count:
        assert set(tried) == set(able)


@given(routes, chances)
def test_nothing_is_chosen_only_where_nothing_may_be(route: Route, chance: float) -> None:
    may = [s for s in route.shares if s.targets and not (s.held_back and s.weight == 0)]
    able = [s for s in may if s.weight != 0 or not s.held_back]
    assert (pick(route, CHAT, {}, chance) is None) == (not able)


@given(routes, st.integers(1, 9), chances)
def test_a_number_is_answered_by_that_revision_or_not_at_all(
    route: Route, number: int, chance: float
) -> None:
    pinned = replace(CHAT, revision=number)
    if all(share.revision_number != number for share in route.shares):
        with pytest.raises(ModelNotFound):
            pick(route, pinned, {}, chance)
    elif choice := pick(route, pinned, {}, chance):
        assert choice.revision_number == number
