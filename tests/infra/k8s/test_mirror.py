from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from infra.k8s.kinds import Object
from infra.k8s.mirror import REMEMBERED, Change, Mirror, key

Step = tuple[str, str]  # what happens to which name


def an_object(name: str, version: int, uid: str = "1") -> Object:
    return {
        "metadata": {"name": name, "namespace": "n", "resourceVersion": str(version), "uid": uid}
    }


def an_event(type: str, *of: Any) -> dict[str, Any]:
    return {"type": type, "object": an_object(*of)}


def played(steps: Sequence[Step]) -> tuple[list[dict[str, Any]], list[dict[str, Object]]]:
    """The events, and what is there after each."""
    there: dict[str, Object] = {}
    events, states = [], [dict(there)]
    for version, (act, name) in enumerate(steps, 1):
        if act == "remove" and name in there:
            event = an_event("DELETED", name, version, there.pop(name)["metadata"]["uid"])
        else:
            known = name in there
            uid = there[name]["metadata"]["uid"] if known else str(version)
            there[name] = an_object(name, version, uid)
            event = {"type": "MODIFIED" if known else "ADDED", "object": there[name]}
        events.append(event)
        states.append(dict(there))
    return events, states


def keep(told: dict[str, Object], changes: Sequence[Change]) -> None:
    for change in changes:
        if change.gone:
            del told[change.object["metadata"]["uid"]]
        else:
            told[change.object["metadata"]["uid"]] = change.object


steps = st.lists(st.tuples(st.sampled_from(["put", "remove"]), st.sampled_from("abc")), max_size=30)


@given(steps, st.data())
def test_whatever_comes_twice_late_or_after_a_gap_it_ends_with_what_is_there(
    played_steps: list[Step], data: st.DataObject
) -> None:
    events, states = played(played_steps)
    mirror, told = Mirror(), dict[str, Object]()
    at = 0
    keep(told, mirror.replace(list(states[0].values()), "0"))
    while at < len(events):
        match data.draw(st.sampled_from(["next", "next", "old", "list"])):
            case "next":
                keep(told, mirror.take(events[at]))
                at += 1
            case "old" if at:
                keep(told, mirror.take(events[data.draw(st.integers(0, at - 1))]))
            case "list":
                at = data.draw(st.integers(at, len(events)))
                keep(told, mirror.replace(list(states[at].values()), str(at)))
        there = {key(each): each for each in states[at].values()}
        assert mirror.objects == there
        assert {each["metadata"]["uid"]: each for each in there.values()} == told
        assert mirror.version == str(at)


def test_what_a_label_took_out_of_our_sight_is_gone_though_its_version_is_the_last_one() -> None:
    mirror = Mirror()
    mirror.replace([an_object("a", 5)], "7")
    assert [c.gone for c in mirror.take(an_event("DELETED", "a", 5))] == [True]


def test_the_end_of_an_earlier_one_of_that_name_is_old_news() -> None:
    mirror = Mirror()
    mirror.replace([an_object("a", 5, "second")], "7")
    assert mirror.take(an_event("DELETED", "a", 3, "first")) == []
    assert len(mirror.objects) == 1


def test_one_that_took_a_name_over_ends_the_one_before() -> None:
    mirror = Mirror()
    mirror.replace([an_object("a", 5, "first")], "7")
    changes = mirror.take(an_event("ADDED", "a", 9, "second"))
    assert [(c.object["metadata"]["uid"], c.gone) for c in changes] == [
        ("first", True),
        ("second", False),
    ]


def test_a_list_tells_of_nothing_that_is_as_it_was() -> None:
    mirror = Mirror()
    mirror.replace([an_object("a", 5)], "7")
    assert mirror.replace([an_object("a", 5)], "20") == []


def test_what_is_remembered_of_the_gone_is_bounded() -> None:
    mirror = Mirror()
    mirror.replace([], "1")
    for i in range(2, REMEMBERED + 100):
        mirror.take(an_event("DELETED", f"c{i}", i))
    assert len(mirror._gone) == REMEMBERED


def test_who_set_which_field_is_not_kept() -> None:
    mirror = Mirror()
    mirror.replace([{"metadata": {**an_object("a", 1)["metadata"], "managedFields": [{}]}}], "1")
    assert mirror.objects["n", "a"] == an_object("a", 1)
