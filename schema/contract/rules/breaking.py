"""(v) What there was goes on to mean what it meant."""

from collections.abc import Iterator

from schema.contract.comparing import Aspect, ChangeKind, Criticality, Difference, compare
from schema.contract.terms import Contract, Violation

_BESIDE = "Leave it as it was, and add a new one beside it."
_MENDS = {
    Aspect.PRESENCE: "Make it optional, or give it a default.",
    Aspect.KIND: _BESIDE,
    Aspect.TYPE: _BESIDE,
    Aspect.DEFAULT: "Leave the default as it was.",
    Aspect.LEFT: "Leave it in.",
    Aspect.USE: _BESIDE,
}
_RISKS = {
    Criticality.BREAKING: "That breaks clients.",
    Criticality.DANGEROUS: "That changes what clients get without a word.",
}


def nothing_breaks(contract: Contract) -> Iterator[Violation]:
    if (last := contract.last) is None:
        return
    gone = last.elements.keys() - contract.elements.keys()
    for each in compare(last.schema, contract.schema):
        if _is_meant(each) and each.member not in gone:
            yield Violation(
                rule="v",
                coordinate=each.coordinate,
                problem=f"{each.description} {_RISKS[each.criticality]}",
                mend=_MENDS[each.aspect],
            )


def _is_meant(found: Difference) -> bool:
    """What is gone is rule (iv)'s. What is new or joins is kept from those who do not know it."""
    if found.criticality is Criticality.SAFE or found.kind is ChangeKind.REMOVED:
        return False
    if found.kind is ChangeKind.ADDED or found.aspect is Aspect.JOINED:
        return found.criticality is Criticality.BREAKING
    return True
