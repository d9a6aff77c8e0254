"""(vi) The code's view of each release is that release, but for removals, deprecations, descriptions."""

from collections.abc import Iterator, Mapping

from schema.contract.elements import tops
from schema.contract.past import Past
from schema.contract.rules import shown
from schema.contract.terms import Contract, Violation
from schema.contract.written import lasting


def the_past_is_as_it_was(contract: Contract) -> Iterator[Violation]:
    for past in contract.releases:
        yield from map(_unviewable, contract.code.unviewable.get(past.version, ()))
        if past.version not in contract.code.views:
            continue
        gone = past.elements.keys() - contract.elements.keys()
        was, now = lasting(past.sdl, gone), lasting(contract.code.views[past.version])
        yield from _lost_and_leaked(past, was.keys() - now.keys() - gone, now.keys() - was.keys())
        yield from _others(past.version, was, now)


def _unviewable(problem: str) -> Violation:
    """A problem has its coordinate first, and ends in what mends it."""
    coordinate, _, said = problem.partition(": ")
    first, dot, mend = said.partition(". ")
    return Violation(rule="vi", coordinate=coordinate, problem=f"{first}{dot}".strip(), mend=mend)


def _lost_and_leaked(past: Past, lost: set[str], leaked: set[str]) -> Iterator[Violation]:
    for each in tops(lost):
        yield Violation(
            rule="vi",
            coordinate=each,
            problem=f"{past.version} has it, and the code's view of {past.version} lacks it.",
            mend=f'Declare it added="{past.added.get(each, past.version)}".',
        )
    for each in tops(leaked):
        yield Violation(
            rule="vi",
            coordinate=each,
            problem=f"{past.version} lacks it, and the code's view of {past.version} has it.",
            mend="Declare it added in the release that it came with.",
        )


def _others(version: str, was: Mapping[str, str], now: Mapping[str, str]) -> Iterator[Violation]:
    for each in sorted(was.keys() & now.keys()):
        if was[each] != now[each]:
            yield Violation(
                rule="vi",
                coordinate=each,
                problem=f"{version} has {shown(was[each])}, the code's view of it {shown(now[each])}.",
                mend="Leave it as it was, and add a new one beside it.",
            )
