"""The gate: the rules that a change of the schema has to keep. Each is a function of the contract."""

from collections.abc import Callable, Iterator, Mapping

from schema.contract.rules.breaking import nothing_breaks
from schema.contract.rules.committed import the_file_is_what_is_printed
from schema.contract.rules.dating import what_is_new_comes_next, what_is_old_stays_dated
from schema.contract.rules.notice import nothing_goes_unannounced
from schema.contract.rules.past_views import the_past_is_as_it_was
from schema.contract.terms import Contract, Violation

RULES: Mapping[str, Callable[[Contract], Iterator[Violation]]] = {
    "i": the_file_is_what_is_printed,
    "ii": what_is_new_comes_next,
    "iii": what_is_old_stays_dated,
    "iv": nothing_goes_unannounced,
    "v": nothing_breaks,
    "vi": the_past_is_as_it_was,
}


def violations(contract: Contract) -> tuple[Violation, ...]:
    """All that is found, rule by rule."""
    return tuple(each for rule in RULES.values() for each in rule(contract))
