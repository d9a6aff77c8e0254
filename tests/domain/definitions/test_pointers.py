import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.definitions.pointers import pointer, steps


@given(st.lists(st.text("ab/~01", max_size=4)))
def test_a_pointers_steps_are_those_it_was_made_of(path: list[str]) -> None:
    assert steps(pointer(tuple(path))) == tuple(path)


def test_indexes_and_escapes_are_written_as_rfc_6901_says() -> None:
    assert pointer(("models", 0, "a/b~c")) == "/models/0/a~1b~0c"
    assert pointer(()) == ""


def test_a_pointer_begins_with_a_slash() -> None:
    with pytest.raises(ValueError, match="slash"):
        steps("models")
