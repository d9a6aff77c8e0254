from hashlib import sha256

import pytest

from domain.definitions.digest import canonical, digest


def test_the_digest_is_of_sorted_json_without_white_space_in_utf_8() -> None:
    running = {"b": [1, None, True], "a": {"é": "x"}}
    text = '{"a":{"é":"x"},"b":[1,null,true]}'
    assert canonical(running) == text
    assert digest(running) == sha256(text.encode()).hexdigest()


def test_the_order_of_keys_does_not_matter_and_values_do() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest({"a": 1}) != digest({"a": "1"})


def test_what_is_no_json_has_no_digest() -> None:
    with pytest.raises(ValueError, match="JSON"):
        digest({"a": float("nan")})


@pytest.mark.parametrize(
    ("one", "other"),
    [(10, 10.0), (0, -0.0), (2**60, 2.0**60), ([1.0], [1]), ({"a": 2.0}, {"a": 2})],
)
def test_equal_numbers_have_equal_text(one: object, other: object) -> None:
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize("number", [10.5, 1e300, -1e300, 2.0**63])
def test_other_numbers_stay_as_they_are(number: float) -> None:
    assert canonical(number) == repr(number)
