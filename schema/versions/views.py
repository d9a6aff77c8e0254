"""The schema as of a version: what is newer is left out, all else is as in the whole."""

from collections.abc import Mapping

from graphql import GraphQLSchema, validate_schema

from schema.versions import unviewable
from schema.versions.index import Declaration
from schema.versions.mapped import mapped
from schema.versions.sight import Sight


class Unviewable(Exception):
    """What is declared makes no schema as of a version; `problems` each name a coordinate first."""

    def __init__(self, version: str, problems: list[str]) -> None:
        super().__init__(f"As of {version}: " + " ".join(problems))
        self.version = version
        self.problems = problems


def view(schema: GraphQLSchema, index: Mapping[str, Declaration], version: str) -> GraphQLSchema:
    """To be executed as the whole schema is, with whose resolvers it answers; the whole itself, where
    nothing is newer.

    What is deprecated later is not deprecated there. An enum's newer values, and newer members of
    interfaces and unions, come out as those that are declared to be `before` them. Raises Unviewable.
    """
    sight = Sight(index, version)
    if sight.is_whole():
        return schema
    problems = [*unviewable.declared(schema, sight)]
    if problems:
        raise Unviewable(version, problems)
    viewed = mapped(schema, sight)
    problems = [f"{error.message}" for error in validate_schema(viewed)]
    problems += unviewable.unreachable(schema, viewed, index)
    if problems:
        raise Unviewable(version, problems)
    return viewed
