"""The same three elements in every form: a field, an enum's value, a deprecated argument."""

from pathlib import Path

from resolvers.root import build_schema
from tests.support.element_forms import SHOWN, forms

GOLDEN = Path(__file__).with_name("forms.txt")


def test_each_form_of_an_element_says_the_same() -> None:
    """`python -m tests.support.element_forms` shows them."""
    schema = build_schema(is_sorted=True)
    told = "\n".join(forms(schema, each) for each in SHOWN)
    assert told == GOLDEN.read_text()
