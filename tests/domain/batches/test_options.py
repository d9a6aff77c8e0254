"""What a client may say: the same checks for a typed input and for a JSON body."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.batches.admission import body, options
from domain.batches.admission.options import NewBatch
from domain.batches.batch import ENDPOINTS, Retry, TargetKind, TemplateWish, Wish
from domain.errors import (
    InvalidType,
    InvalidValue,
    MissingRequiredParameter,
    UnknownParameter,
    UserError,
)

PLAIN: Mapping[str, Any] = {
    "input_file_id": "file-1",
    "endpoint": "/v1/chat/completions",
    "completion_window": "24h",
}
WHOLE: Mapping[str, Any] = {
    **PLAIN,
    "metadata": {"a": "b"},
    "output_expires_after": {"anchor": "created_at", "seconds": 7200},
    "modelyard": {
        "target": "DEDICATED",
        "deployment": "chat@3",
        "endpoint": "cloud",
        "template": {"name": "llama", "version": 2, "overrides": {"resources": {"cpu": "4"}}},
        "profile": "night",
        "priority": 9,
        "replicas": 2,
        "keepAlive": "1h",
        "maxConcurrency": 64,
        "requestTimeout": 2.5,
        "retry": {"attempts": 3, "first": "1s", "longest": 60},
    },
}
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


def a_new_batch(**said: Any) -> NewBatch:
    return NewBatch(**{"input_file_id": "1", "endpoint": "/v1/embeddings", **said})


def with_wish(**said: Any) -> Mapping[str, Any]:
    return {**PLAIN, "modelyard": said}


def refusal(said: object) -> UserError:
    with pytest.raises(UserError) as refused:
        options.check(body.read(said))
    return refused.value


def param(said: object) -> tuple[str, str | None]:
    """The code and the param of what a body is refused for."""
    error = refusal(said)
    return error.code, body.param(error.path)


def test_a_body_is_read_with_its_units() -> None:
    new = body.read(WHOLE)
    options.check(new)
    assert new == NewBatch(
        input_file_id="file-1",
        endpoint="/v1/chat/completions",
        completion_window="24h",
        metadata={"a": "b"},
        output_expires_after=7200,
        wish=Wish(
            target=TargetKind.DEDICATED,
            deployment="chat@3",
            endpoint="cloud",
            template=TemplateWish(name="llama", version=2, overrides={"resources": {"cpu": "4"}}),
            profile="night",
            priority=9,
            replicas=2,
            keep_alive=3600,
            max_concurrency=64,
            request_timeout=2.5,
            retry=Retry(attempts=3, first=1, longest=60),
        ),
    )


def test_null_is_as_if_nothing_was_said() -> None:
    names = ("metadata", "output_expires_after", "modelyard")
    assert body.read({**PLAIN, **dict.fromkeys(names)}) == body.read(PLAIN)
    wishes = dict.fromkeys(body.WISHES)
    assert body.read(with_wish(**wishes)).wish == Wish()


@pytest.mark.parametrize("name", ["input_file_id", "endpoint", "completion_window"])
@pytest.mark.parametrize("said", [{}, {"value": None}])
def test_what_has_to_be_said_is_missed(name: str, said: Mapping[str, Any]) -> None:
    given_ = {each: value for each, value in PLAIN.items() if each != name}
    if said:
        given_[name] = None
    with pytest.raises(MissingRequiredParameter) as missed:
        body.read(given_)
    assert missed.value.code == "MISSING_REQUIRED_PARAMETER"
    assert body.param(missed.value.path) == name


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ({**PLAIN, "foo": 1}, "foo"),
        ({**PLAIN, "id": None}, "id"),
        (with_wish(foo=1), "modelyard.foo"),
        (with_wish(keep_alive=1), "modelyard.keep_alive"),
        (with_wish(template={"name": "a", "tag": "b"}), "modelyard.template.tag"),
        (with_wish(retry={"max": 3}), "modelyard.retry.max"),
        (
            {**PLAIN, "output_expires_after": {"anchor": "created_at", "days": 1}},
            "output_expires_after.days",
        ),
    ],
)
def test_an_unknown_parameter_is_named_by_its_path(said: object, where: str) -> None:
    assert param(said) == ("UNKNOWN_PARAMETER", where)


def test_a_misspelled_parameter_is_asked_about() -> None:
    assert refusal(with_wish(keepalive=1)).message.endswith("Did you mean 'keepAlive'?")


@pytest.mark.parametrize(
    ("said", "code", "where"),
    [
        ([], "INVALID_TYPE", None),
        ("text", "INVALID_TYPE", None),
        (None, "INVALID_TYPE", None),
        ({**PLAIN, "input_file_id": 7}, "INVALID_TYPE", "input_file_id"),
        ({**PLAIN, "endpoint": "/v1/images"}, "INVALID_VALUE", "endpoint"),
        ({**PLAIN, "endpoint": "/v1/embeddings/"}, "INVALID_VALUE", "endpoint"),
        ({**PLAIN, "completion_window": "25"}, "INVALID_VALUE", "completion_window"),
        ({**PLAIN, "completion_window": 24}, "INVALID_TYPE", "completion_window"),
        ({**PLAIN, "metadata": []}, "INVALID_TYPE", "metadata"),
        ({**PLAIN, "metadata": {"n": 1}}, "INVALID_TYPE", "metadata.n"),
        ({**PLAIN, "metadata": {"n": None}}, "INVALID_TYPE", "metadata.n"),
        ({**PLAIN, "metadata": {"n": "\0"}}, "INVALID_VALUE", "metadata.n"),
        ({**PLAIN, "output_expires_after": 3600}, "INVALID_TYPE", "output_expires_after"),
        (
            {**PLAIN, "output_expires_after": {"seconds": 3600}},
            "MISSING_REQUIRED_PARAMETER",
            "output_expires_after.anchor",
        ),
        (
            {**PLAIN, "output_expires_after": {"anchor": "last_used_at", "seconds": 3600}},
            "INVALID_VALUE",
            "output_expires_after.anchor",
        ),
        (
            {**PLAIN, "output_expires_after": {"anchor": "created_at", "seconds": "1h"}},
            "INVALID_TYPE",
            "output_expires_after.seconds",
        ),
        (with_wish(target="MOON"), "INVALID_VALUE", "modelyard.target"),
        (with_wish(deployment=1), "INVALID_TYPE", "modelyard.deployment"),
        (with_wish(deployment=""), "MISSING_REQUIRED_PARAMETER", "modelyard.deployment"),
        (with_wish(endpoint="a" * 256), "INVALID_VALUE", "modelyard.endpoint"),
        (with_wish(profile="\0"), "INVALID_VALUE", "modelyard.profile"),
        (with_wish(template="llama"), "INVALID_TYPE", "modelyard.template"),
        (with_wish(template={}), "MISSING_REQUIRED_PARAMETER", "modelyard.template.name"),
        (
            with_wish(template={"name": "a", "version": 0}),
            "INVALID_VALUE",
            "modelyard.template.version",
        ),
        (
            with_wish(template={"name": "a", "overrides": []}),
            "INVALID_TYPE",
            "modelyard.template.overrides",
        ),
        (with_wish(priority=0), "INVALID_VALUE", "modelyard.priority"),
        (with_wish(priority=11), "INVALID_VALUE", "modelyard.priority"),
        (with_wish(priority=5.0), "INVALID_TYPE", "modelyard.priority"),
        (with_wish(priority=True), "INVALID_TYPE", "modelyard.priority"),
        (with_wish(replicas=0), "INVALID_VALUE", "modelyard.replicas"),
        (with_wish(replicas=10**400), "INVALID_VALUE", "modelyard.replicas"),
        (with_wish(maxConcurrency=0), "INVALID_VALUE", "modelyard.maxConcurrency"),
        (with_wish(keepAlive="25h"), "INVALID_VALUE", "modelyard.keepAlive"),
        (with_wish(keepAlive=-1), "INVALID_VALUE", "modelyard.keepAlive"),
        (with_wish(keepAlive=True), "INVALID_TYPE", "modelyard.keepAlive"),
        (with_wish(requestTimeout=0), "INVALID_VALUE", "modelyard.requestTimeout"),
        (with_wish(requestTimeout="0s"), "INVALID_VALUE", "modelyard.requestTimeout"),
        (with_wish(requestTimeout="2d"), "INVALID_VALUE", "modelyard.requestTimeout"),
        (with_wish(retry=3), "INVALID_TYPE", "modelyard.retry"),
        (with_wish(retry={"attempts": 0}), "INVALID_VALUE", "modelyard.retry.attempts"),
        (with_wish(retry={"attempts": 101}), "INVALID_VALUE", "modelyard.retry.attempts"),
        (with_wish(retry={"first": "2h"}), "INVALID_VALUE", "modelyard.retry.first"),
        (with_wish(retry={"first": 9, "longest": 8}), "INVALID_VALUE", "modelyard.retry.longest"),
    ],
)
def test_what_can_not_be_is_refused_with_its_param(
    said: object, code: str, where: str | None
) -> None:
    assert param(said) == (code, where)


@pytest.mark.parametrize("written", ["DEPLOYMENT", "deployment", "Kubernetes_Job", "ECHO"])
def test_a_target_may_be_written_in_either_case(written: str) -> None:
    assert body.read(with_wish(target=written)).wish.target == TargetKind(written.lower())


def test_a_first_wait_beyond_the_default_longest_is_its_own_longest() -> None:
    assert body.read(with_wish(retry={"first": "2m"})).wish.retry == Retry(first=120, longest=120)


@given(st.dictionaries(TEXT, TEXT, max_size=20))
def test_metadata_of_sixteen_pairs_is_taken(metadata: Mapping[str, str]) -> None:
    fits = len(metadata) <= 16 and all(
        len(key) <= 64 and len(value) <= 512 for key, value in metadata.items()
    )
    new = a_new_batch(metadata=metadata)
    if fits:
        options.check(new)
    else:
        with pytest.raises(InvalidValue) as refused:
            options.check(new)
        assert refused.value.path[0] == "metadata"


@pytest.mark.parametrize(("key", "value"), [("k" * 65, ""), ("", "v" * 513), ("k" * 65, "v" * 513)])
def test_a_pair_of_metadata_that_is_too_long_is_refused(key: str, value: str) -> None:
    options.check(a_new_batch(metadata={key[:64]: value[:512]}))
    with pytest.raises(InvalidValue):
        options.check(a_new_batch(metadata={key: value}))


@given(st.floats(allow_nan=True, allow_infinity=True) | st.integers())
def test_results_are_kept_from_an_hour_to_thirty_days(seconds: float) -> None:
    new = a_new_batch(output_expires_after=seconds)
    if 3600 <= seconds <= 2592000:
        options.check(new)
    else:
        with pytest.raises(InvalidValue) as refused:
            options.check(new)
        assert refused.value.path == ("output_expires_after",)


@given(st.sampled_from(ENDPOINTS))
def test_every_endpoint_is_taken(endpoint: str) -> None:
    options.check(a_new_batch(endpoint=endpoint))


WISHES = st.builds(
    Wish,
    target=st.none() | st.sampled_from(TargetKind),
    priority=st.none() | st.integers(),
    replicas=st.none() | st.integers(),
    keep_alive=st.none() | st.floats(),
    max_concurrency=st.none() | st.integers(),
    request_timeout=st.none() | st.floats(),
    retry=st.none()
    | st.builds(Retry, attempts=st.integers(), first=st.floats(), longest=st.floats()),
)


@given(WISHES)
def test_a_wish_passes_where_it_lies_within_its_bounds(wish: Wish) -> None:
    said = (wish.priority, wish.replicas, wish.max_concurrency)
    retry = wish.retry or Retry()
    within = (
        all(value is None or value >= 1 for value in said)
        and (wish.priority or 1) <= 10
        and (wish.replicas or 1) <= options.MOST_REPLICAS
        and (wish.max_concurrency or 1) <= options.MOST_CONCURRENCY
        and (wish.keep_alive is None or 0 <= wish.keep_alive <= 86_400)
        and (wish.request_timeout is None or 0 < wish.request_timeout <= 86_400)
        and 1 <= retry.attempts <= options.MOST_ATTEMPTS
        and 0 <= retry.first <= retry.longest <= 3_600
    )
    assert _passes(lambda: a_new_batch(wish=wish)) == within


@given(WISHES)
def test_a_typed_input_and_a_body_are_held_to_the_same(wish: Wish) -> None:
    """What can be written in JSON at all comes out the same, refused or not."""
    typed = replace(body.read(PLAIN), wish=wish)
    retry = wish.retry
    said = {
        "target": None if wish.target is None else wish.target.name,
        "priority": wish.priority,
        "replicas": wish.replicas,
        "keepAlive": wish.keep_alive,
        "maxConcurrency": wish.max_concurrency,
        "requestTimeout": wish.request_timeout,
        "retry": None
        if retry is None
        else {"attempts": retry.attempts, "first": retry.first, "longest": retry.longest},
    }
    assert _passes(lambda: typed) == _passes(lambda: body.read(with_wish(**said)))


def _passes(new: Any) -> bool:
    try:
        options.check(new())
    except (InvalidValue, InvalidType):
        return False
    return True


@given(JSON)
def test_whatever_a_body_is_it_is_read_or_refused(said: object) -> None:
    _read(said)


@given(st.dictionaries(st.sampled_from([*WHOLE, "foo"]), JSON))
def test_whatever_its_members_are_a_body_is_read_or_refused(said: Mapping[str, Any]) -> None:
    _read({**WHOLE, **said})


@given(st.dictionaries(st.sampled_from([*WHOLE["modelyard"], "foo"]), JSON))
def test_whatever_its_wishes_are_a_body_is_read_or_refused(said: Mapping[str, Any]) -> None:
    _read(with_wish(**said))


REFUSALS = (InvalidType, InvalidValue, MissingRequiredParameter, UnknownParameter)


def _read(said: object) -> None:
    with suppress(*REFUSALS):
        options.check(body.read(said))
