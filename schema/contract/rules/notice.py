"""(iv) What goes was deprecated for long enough, and what is deprecated says what to use instead."""

from collections.abc import Collection, Iterator

from graphql import GraphQLDirective

from schema.contract.elements import Element, is_for_operations, tops
from schema.contract.past import Past
from schema.contract.rules import NOTICE, named
from schema.contract.rules.deprecating import faults
from schema.contract.terms import Contract, Violation
from schema.versions.index import order
from schema.versions.marks import NEXT
from schema.versions.reach import reached


def nothing_goes_unannounced(contract: Contract) -> Iterator[Violation]:
    if contract.last is not None:
        yield from _removals(contract, contract.last)
    for coordinate, declaration in contract.declarations.items():
        for problem, mend in faults(contract, coordinate, declaration):
            yield Violation(rule="iv", coordinate=coordinate, problem=problem, mend=mend)


def _removals(contract: Contract, last: Past) -> Iterator[Violation]:
    gone = last.elements.keys() - contract.elements.keys()
    due = {each for each in gone if _is_due(contract, last, each)}
    left = reached(last.schema, without=due)
    for each in tops(gone):
        if each not in due and _is_missed(each, last.elements[each], left):
            since = last.deprecated.get(each)
            said = f"was deprecated since {since} only" if since else "was not deprecated"
            yield Violation(
                rule="iv",
                coordinate=each,
                problem=f"It is gone, and in {last.version} it {said}.",
                mend=_mend(each, since, last.removal.get(each)),
            )


def _mend(coordinate: str, since: str | None, removal: str | None) -> str:
    later = f"{NOTICE} minor releases later"
    if since is not None:
        return f"Bring it back: {removal or later} it may go."
    if "." in coordinate or coordinate.startswith("@"):
        return f"Bring it back, deprecated={named(NEXT)}: {later} it may go."
    return f"Bring it back, and deprecate what leads to it: {later} both may go."


def _is_missed(coordinate: str, element: Element, left: Collection[str]) -> bool:
    """A type goes with the last that led to it; a mark of the schema is nothing that clients write."""
    if isinstance(element, GraphQLDirective):
        return is_for_operations(element)
    return "." in coordinate or coordinate in left


def _is_due(contract: Contract, last: Past, coordinate: str) -> bool:
    since, removal = last.deprecated.get(coordinate), last.removal.get(coordinate)
    if since is None or order(contract.coming) < order(removal or since):
        return False
    minors = {order(each.version)[:2] for each in contract.releases}
    after = {each for each in minors | {order(contract.coming)[:2]} if each > order(since)[:2]}
    return len(after) >= NOTICE
