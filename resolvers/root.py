"""The one schema that is executed, and its print."""

from collections.abc import Iterable, Mapping
from copy import copy
from functools import cached_property
from typing import Any

import strawberry
from graphql import GraphQLError, GraphQLInputObjectType, GraphQLSchema
from strawberry.schema.config import StrawberryConfig
from strawberry.types.execution import ExecutionContext

from resolvers.access import AccessMutations, AccessQueries
from resolvers.autoscaling import AutoscalingMutations
from resolvers.batch_profiles import BatchProfileMutations, BatchProfileQueries
from resolvers.batches import BatchMutations, BatchQueries
from resolvers.changes import ChangeQueries
from resolvers.deployments import DeploymentMutations, DeploymentQueries
from resolvers.events import EventQueries
from resolvers.external_endpoints import ExternalEndpointMutations, ExternalEndpointQueries
from resolvers.files import FileMutations, FileQueries
from resolvers.folders import FolderMutations, FolderQueries
from resolvers.nodes import NodeQueries
from resolvers.replicas import ReplicaQueries
from resolvers.revisions import RevisionMutations, RevisionQueries
from resolvers.rollouts import RolloutMutations, RolloutQueries
from resolvers.secrets import SecretMutations, SecretQueries
from resolvers.subscriptions import Subscription
from resolvers.templates import TemplateMutations, TemplateQueries
from resolvers.webhooks import WebhookMutations, WebhookQueries
from schema import event_types, versions
from schema.contract.changes import Change, history
from schema.contract.past import stored_schemas
from schema.contract.terms import Code
from schema.errors import USER_ERRORS
from schema.scalars import SCALARS
from schema.versions import Declaration
from schema.versions.index import BACKREF


@versions.type(added="0.1.0")
class Query(
    AccessQueries,
    SecretQueries,
    WebhookQueries,
    FolderQueries,
    TemplateQueries,
    DeploymentQueries,
    RevisionQueries,
    RolloutQueries,
    ReplicaQueries,
    FileQueries,
    BatchQueries,
    BatchProfileQueries,
    ExternalEndpointQueries,
    EventQueries,
    NodeQueries,
    ChangeQueries,
):
    """What can be read."""


@versions.type(added="0.1.0")
class Mutation(
    AccessMutations,
    SecretMutations,
    WebhookMutations,
    FolderMutations,
    TemplateMutations,
    DeploymentMutations,
    RevisionMutations,
    RolloutMutations,
    AutoscalingMutations,
    FileMutations,
    BatchMutations,
    BatchProfileMutations,
    ExternalEndpointMutations,
):
    """What can be changed; each field is done on its own, in the order of the document."""


class Schema(strawberry.Schema):
    """`core` is graphql-core's schema, `declarations` the version of every coordinate in it, `newest`
    the latest of these."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _say_one_of(self.core)
        self.take(self.core)
        self.declarations: Mapping[str, Declaration] = versions.index(self.core)
        self.newest = versions.newest(self.declarations)

    @property
    def core(self) -> GraphQLSchema:
        return self._schema

    @cached_property
    def history(self) -> tuple[Change, ...]:
        """Read from the releases' schemas when it is first asked for, which takes a second."""
        return history([*stored_schemas(), (versions.NEXT, self.core)])

    def as_of(self, version: str) -> "Schema":
        """What prints and introspects as the schema of that version; raises versions.Unviewable."""
        viewed = copy(self)
        viewed.take(versions.view(self.core, self.declarations, version))
        return viewed

    def take(self, core: GraphQLSchema) -> None:
        """Be a copy of what it was. The printer has to see the copy's directives, or it prints both."""
        copies = {directive.name: directive for directive in core.directives}
        self._schema = core
        self._schema_graphql_directives = {
            cls: copies.get(own.name, own) for cls, own in self._schema_graphql_directives.items()
        }

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Nothing here: `resolvers.errors.formatted` logs what it masks, once, with its reference."""


def build_schema(*, is_sorted: bool = False) -> Schema:
    """Build it once a process: it takes a while. Raises versions.Undeclared."""
    return Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        types=[*USER_ERRORS, *event_types.TYPES.values()],
        config=StrawberryConfig(scalar_map=SCALARS, sort_schema=is_sorted),
    )


def print_schema(as_of: str | None = None) -> str:
    """The SDL that `schema.graphql` holds: sorted, with descriptions and versions; or what that file
    would hold as of a version. Raises versions.Unviewable."""
    schema = build_schema(is_sorted=True)
    return printed(schema if as_of is None else schema.as_of(as_of))


def code(as_of: Iterable[str]) -> Code:
    """What the gate judges, with the views of those versions."""
    schema = build_schema(is_sorted=True)
    views: dict[str, str] = {}
    unviewable: dict[str, list[str]] = {}
    for version in as_of:
        try:
            views[version] = printed(schema.as_of(version))
        except versions.Unviewable as error:
            unviewable[version] = error.problems
    return Code(
        printed=printed(schema),
        declarations=schema.declarations,
        views=views,
        unviewable=unviewable,
    )


def printed(schema: Schema) -> str:
    """Of a sorted one."""
    return "\n".join(line.rstrip() for line in schema.as_str().splitlines()) + "\n"


def _say_one_of(core: GraphQLSchema) -> None:
    """Strawberry checks such inputs itself, and prints it; introspection would not show it."""
    for type_ in core.type_map.values():
        definition = type_.extensions.get(BACKREF)
        if isinstance(type_, GraphQLInputObjectType) and definition is not None:
            type_.is_one_of = definition.is_one_of
