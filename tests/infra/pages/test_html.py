"""What is text stays text, whoever wrote it."""

from html import unescape

from hypothesis import given
from hypothesis import strategies as st

from infra.http.pages.html import Html, join, prose, tag


def test_text_and_attributes_are_escaped() -> None:
    written = tag("a", "<b> & co", href='/?a="1"&b=2', class_="x")
    assert written == '<a href="/?a=&quot;1&quot;&amp;b=2" class="x">&lt;b&gt; &amp; co</a>'


def test_markup_within_markup_is_written_once() -> None:
    assert tag("p", ["a ", tag("b", "<c>"), None]) == "<p>a <b>&lt;c&gt;</b></p>"


def test_an_attribute_that_is_false_or_none_is_left_out() -> None:
    assert tag("input", name="n", hidden=True, value=None, open=False) == '<input name="n" hidden>'


def test_backticks_are_code_and_empty_lines_part_paragraphs() -> None:
    said = prose("Use `a<b` here.\n\nOr not.")
    assert said == "<p>Use <code>a&lt;b</code> here.</p><p>Or not.</p>"


@given(st.text())
def test_no_text_makes_an_element(text: str) -> None:
    for written in (join(text), tag("p", text)[3:-4]):
        assert "<" not in written
        assert unescape(written) == text


@given(st.text())
def test_prose_makes_no_elements_but_paragraphs_and_code(text: str) -> None:
    left = prose(text)
    for known in ("<p>", "</p>", "<code>", "</code>"):
        left = Html(left.replace(known, ""))
    assert "<" not in left
