"""(i) `schema.graphql` is what the code prints."""

from collections.abc import Iterator

from graphql import GraphQLSyntaxError

from schema.contract.elements import tops
from schema.contract.rules import shown
from schema.contract.terms import Contract, Violation
from schema.contract.written import around, first_difference, written


def the_file_is_what_is_printed(contract: Contract) -> Iterator[Violation]:
    if contract.committed == contract.code.printed:
        return
    try:
        file = written(contract.committed)
    except GraphQLSyntaxError as error:
        line = error.locations[0].line if error.locations else 1
        problem = f"schema.graphql is no SDL, in line {line}: {error.message}"
        yield _violation(around(contract.committed, line), problem)
        return
    code = written(contract.code.printed)
    for each in tops(code.keys() - file.keys()):
        yield _violation(each, "The code has it, schema.graphql lacks it.")
    for each in tops(file.keys() - code.keys()):
        yield _violation(each, "schema.graphql has it, the code lacks it.")
    for each in sorted(code.keys() & file.keys()):
        if code[each] != file[each]:
            problem = f"schema.graphql says {shown(file[each])}, the code {shown(code[each])}."
            yield _violation(each, problem)
    if code == file:
        line = first_difference(contract.code.printed, contract.committed)
        problem = f"schema.graphql is written otherwise from line {line} on."
        yield _violation(around(contract.code.printed, line), problem)


def _violation(coordinate: str, problem: str) -> Violation:
    mend = "Print it again: modelyard schema print > schema.graphql"
    return Violation(rule="i", coordinate=coordinate, problem=problem, mend=mend)
