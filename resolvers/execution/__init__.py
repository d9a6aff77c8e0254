"""How queries are executed: selections of plain fields are compiled, all else is graphql-core's."""

from resolvers.execution.executor import compiling

__all__ = ["compiling"]
