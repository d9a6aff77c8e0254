"""(ii) What the last release lacks comes next; (iii) what it has stays dated as it was."""

from collections.abc import Iterator

from schema.contract.elements import above, memberships, tops
from schema.contract.rules import named
from schema.contract.terms import Contract, Violation
from schema.versions.index import order


def what_is_new_comes_next(contract: Contract) -> Iterator[Violation]:
    if (last := contract.last) is None:
        return
    said = {
        each: contract.declarations[each].added
        for each in contract.elements.keys() - last.elements.keys()
    }
    for each in tops({each for each in said if said[each] != contract.coming}):
        yield Violation(
            rule="ii",
            coordinate=each,
            problem=f"It is declared {said[each]}, and {last.version} lacks it.",
            mend=f"Declare it added={named(contract.coming)}.",
        )
    for key, member, other, version in _memberships(contract):
        is_new = key not in last.added and {member, other} <= last.elements.keys()
        if is_new and version != contract.coming:
            yield Violation(
                rule="ii",
                coordinate=member,
                problem=f"“{key}” is declared {version}, and {last.version} lacks it.",
                mend=f'Declare {member} with joins={{"{other}": {named(contract.coming)}}}.',
            )


def what_is_old_stays_dated(contract: Contract) -> Iterator[Violation]:
    if (last := contract.last) is None:
        return
    moved = {
        each: contract.declarations[each].added
        for each in contract.elements.keys() & last.elements.keys()
        if contract.declarations[each].added != last.added[each]
    }
    for each in sorted(moved):
        owner = above(each)
        if owner is not None and moved.get(owner) == moved[each]:
            continue  # it inherits what is wrong
        yield Violation(
            rule="iii",
            coordinate=each,
            problem=f"It is declared {moved[each]}; {last.version} has it since {last.added[each]}.",
            mend=f'Declare it added="{last.added[each]}" again.',
        )
    for key, member, other, version in _memberships(contract):
        if version != last.added.get(key, version):
            yield Violation(
                rule="iii",
                coordinate=member,
                problem=f"“{key}” is declared {version}; {last.version} has it since {last.added[key]}.",
                mend=f'Declare {member} with joins={{"{other}": "{last.added[key]}"}} again.',
            )


def _memberships(contract: Contract) -> Iterator[tuple[str, str, str, str]]:
    """(Key, member, of what, since when); undeclared, it is as old as the younger of the two."""
    declared = contract.declarations
    for key, (member, other) in sorted(memberships(contract.schema).items()):
        known = (declared[each].added for each in (member, other, key) if each in declared)
        yield key, member, other, max(known, key=order)
