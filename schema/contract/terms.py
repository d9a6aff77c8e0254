"""What the gate judges, and what it finds."""

from collections.abc import Mapping
from dataclasses import dataclass

from graphql import GraphQLSchema, build_schema

from schema.contract.elements import Element, elements
from schema.contract.past import Past
from schema.versions.index import Declaration
from schema.versions.marks import NEXT


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """`printed` is what the code prints, `views` what it prints as of each release, by version;
    `committed` is what `schema.graphql` holds. `coming` is the version of what no release has.
    Releases are the oldest first."""

    printed: str
    schema: GraphQLSchema
    elements: Mapping[str, Element]
    committed: str
    declarations: Mapping[str, Declaration]
    releases: tuple[Past, ...]
    views: Mapping[str, str]
    coming: str = NEXT

    @classmethod
    def of(
        cls,
        printed: str,
        *,
        committed: str,
        declarations: Mapping[str, Declaration],
        releases: tuple[Past, ...],
        views: Mapping[str, str],
        coming: str = NEXT,
    ) -> "Contract":
        schema = build_schema(printed)
        return cls(
            printed=printed,
            schema=schema,
            elements=elements(schema),
            committed=committed,
            declarations=declarations,
            releases=releases,
            views=views,
            coming=coming,
        )

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
