"""The changelog's sections, made from fragments."""

from datetime import date

from schema.contract.changelog import HEAD, has_release, with_release

FIRST, LATER = date(2026, 11, 1), date(2026, 11, 22)


def test_fragments_become_the_newest_section() -> None:
    once = with_release("", "0.1.0", FIRST, ["It runs.\n"])
    twice = with_release(once, "0.2.0", LATER, ["A.\n", "B\nand more.\n\nAnd C.\n"])
    assert twice == (
        f"{HEAD}\n## 0.2.0, 2026-11-22\n\n- A.\n\n- B\n  and more.\n\n  And C.\n\n"
        "## 0.1.0, 2026-11-01\n\n- It runs.\n"
    )
    assert has_release(twice, "0.2.0")
    assert not has_release(twice, "0.3.0")


def test_a_section_that_is_there_gets_what_it_lacks_and_the_day() -> None:
    half = with_release("", "0.1.0", FIRST, ["A.\n"])
    whole = with_release(half, "0.1.0", LATER, ["A.\n", "B.\n"])
    assert whole == f"{HEAD}\n## 0.1.0, 2026-11-22\n\n- A.\n\n- B.\n"
    assert with_release(whole, "0.1.0", LATER, []) == whole
