"""What the gate judges, and what it finds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from graphql import GraphQLSchema, build_schema

from schema.contract.elements import Element, elements
from schema.contract.past import Past
from schema.versions.index import Declaration
from schema.versions.marks import NEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """What the code says: `printed` is its SDL, `views` what it prints as of each release, by
    version, and `unviewable` why there is no view, each problem with its coordinate first."""

    printed: str
    declarations: Mapping[str, Declaration]
    views: Mapping[str, str]
    unviewable: Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """`committed` is what `schema.graphql` holds; releases are the oldest first. `coming` is the
    version of what no release has."""

    code: Code
    schema: GraphQLSchema
    elements: Mapping[str, Element]
    committed: str
    releases: tuple[Past, ...]
    coming: str

    @classmethod
    def of(
        cls, code: Code, *, committed: str, releases: tuple[Past, ...], coming: str = NEXT
    ) -> "Contract":
        schema = build_schema(code.printed)
        return cls(
            code=code,
            schema=schema,
            elements=elements(schema),
            committed=committed,
            releases=releases,
            coming=coming,
        )

    @property
    def declarations(self) -> Mapping[str, Declaration]:
        return self.code.declarations

    @property
    def last(self) -> Past | None:
        return self.releases[-1] if self.releases else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """`mend` is what to do about it."""

    rule: str
    coordinate: str
    problem: str
    mend: str

    def __str__(self) -> str:
        return f"({self.rule}) {self.coordinate}: {self.problem} {self.mend}"
