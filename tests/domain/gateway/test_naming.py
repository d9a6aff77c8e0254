import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.gateway.naming import Wanted, parse


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("chat", Wanted("chat")),
        ("chat/llama", Wanted("chat", model="llama")),
        ("chat@12", Wanted("chat", 12)),
        ("chat@12/meta/llama@3", Wanted("chat", 12, "meta/llama@3")),
        ("c", Wanted("c")),
        ("chat/two\nlines", Wanted("chat", model="two\nlines")),
    ],
)
def test_a_model_names_a_deployment_and_perhaps_more(written: str, meant: Wanted) -> None:
    assert parse(written) == meant


@pytest.mark.parametrize(
    "written",
    ["", "Chat", "chat@", "chat@0", "chat@01", "chat@x", "chat/", "-chat", "chat@1@2", "@1", "/m"],
)
def test_what_names_no_deployment_is_none(written: str) -> None:
    assert parse(written) is None


@given(
    st.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True),
    st.none() | st.integers(1, 999_999_999),
    st.none() | st.text(min_size=1),
)
def test_what_was_written_is_what_is_parsed(
    name: str, revision: int | None, model: str | None
) -> None:
    written = name + (f"@{revision}" if revision else "") + (f"/{model}" if model else "")
    assert parse(written) == Wanted(name, revision, model)
