"""What a version sees of a schema."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from graphql import GraphQLAbstractType, GraphQLEnumType, GraphQLInterfaceType, GraphQLSchema

from schema.versions.index import Declaration, membership, order


@dataclass(frozen=True, slots=True)
class Sight:
    """What the index does not know, e.g. introspection, is GraphQL's own: every version sees it."""

    index: Mapping[str, Declaration]
    version: str

    def is_whole(self) -> bool:
        """Whether nothing is newer, nor deprecated later."""
        return all(self.has(name) and not self.deprecates_later(name) for name in self.index)

    def has(self, coordinate: str) -> bool:
        declaration = self.index.get(coordinate)
        return declaration is None or order(declaration.added) <= order(self.version)

    def deprecates_later(self, coordinate: str) -> bool:
        declaration = self.index.get(coordinate)
        said = None if declaration is None else declaration.deprecated
        return said is not None and order(said) > order(self.version)

    def has_member(self, member: str, abstract: GraphQLAbstractType) -> bool:
        """Whether it sees the type in the interface or union, if it sees this."""
        return self.has(member) and self.has(membership(member, abstract))

    def values(self, enum: GraphQLEnumType) -> Mapping[str, str | None]:
        """What it sees in place of each value that it does not see; None where none is declared."""

        def sees(name: str) -> bool:
            return name in enum.values and self.has(f"{enum.name}.{name}")

        hidden = [name for name in enum.values if not sees(name)]
        return {name: self._older(f"{enum.name}.{{}}", name, sees) for name in hidden}

    def members(
        self, abstract: GraphQLAbstractType, schema: GraphQLSchema
    ) -> Mapping[str, str | None]:
        """What it sees there in place of each object type that it does not; None as of `values`."""
        possible = {each.name for each in schema.get_possible_types(abstract)}

        def sees(name: str) -> bool:
            return name in possible and self.has_member(name, abstract)

        return {name: self._older("{}", name, sees) for name in possible if not sees(name)}

    def withholds(self, abstract: GraphQLAbstractType) -> bool:
        declaration = self.index.get(abstract.name)
        is_interface = isinstance(abstract, GraphQLInterfaceType)
        return is_interface and declaration is not None and declaration.withheld

    def _older(self, coordinate: str, name: str, sees: Callable[[str], bool]) -> str | None:
        passed: set[str] = set()
        found: str | None = name
        while found is not None and not sees(found):
            if found in passed:
                return None
            passed.add(found)
            declaration = self.index.get(coordinate.format(found))
            found = None if declaration is None else declaration.before
        return found
