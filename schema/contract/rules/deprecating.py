"""What a deprecation has to say: since when, and what to use instead."""

from collections.abc import Iterator

from schema.contract.elements import is_required
from schema.contract.rules import NOTICE, named
from schema.contract.terms import Contract
from schema.versions.index import Declaration, order
from schema.versions.marks import NEXT


def faults(
    contract: Contract, coordinate: str, declaration: Declaration
) -> Iterator[tuple[str, str]]:
    """(Problem, mend) of a deprecation. To take one back is no fault: the next one counts anew."""
    since, use, removal = declaration.deprecated, declaration.use, declaration.removal
    if since is None:
        return
    yield from _undated(contract, coordinate, since)
    if use is None:
        yield "It is deprecated, and does not say what replaces it.", "Name a coordinate with use=."
    elif use not in contract.elements:
        yield f"It is deprecated for {use}, which is not there.", "Name a coordinate with use=."
    elif contract.declarations[use].deprecated is not None:
        lasting = contract.declarations[use].use or "what lasts"
        yield (
            f"It is deprecated for {use}, which is deprecated itself.",
            f"Name {lasting} with use=.",
        )
    if is_required(contract.elements.get(coordinate)):
        yield "It is deprecated, and required: nobody can leave it out.", "Make it optional."
    if removal is not None and not _is_far(since, removal):
        yield (
            f"It is deprecated {since}, and {removal} may remove it already.",
            f"Say a removal that is {NOTICE} minor releases later, or none.",
        )


def _undated(contract: Contract, coordinate: str, since: str) -> Iterator[tuple[str, str]]:
    if (last := contract.last) is None:
        return
    was = last.deprecated.get(coordinate)
    if since != (was or contract.coming):
        said = f"deprecates it since {was}" if was else "does not deprecate it"
        yield (
            f"It is declared deprecated {since}; {last.version} {said}.",
            f"Declare it deprecated={named(was or contract.coming)}.",
        )


def _is_far(since: str, removal: str) -> bool:
    """What has no number yet is judged when it gets one."""
    if since == NEXT or removal == NEXT:
        return removal != NEXT
    (major, minor, *_), (last, least, *_) = order(since), order(removal)
    return last > major or (last == major and least >= minor + NOTICE)
