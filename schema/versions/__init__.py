"""Which version every element of the schema was added in, said once where the element is declared.

`versions.type`, `field` and the others below wrap Strawberry's own; what says no version inherits
its type's (an argument its field's, a value its enum's). `index` makes descriptions and deprecation
reasons from the declarations, and refuses a schema that has an element without one.
"""

from schema.versions.declare import (
    LOADS,
    argument,
    directive,
    enum,
    field,
    input,
    interface,
    load,
    method,
    scalar,
    type,
    union,
    value,
)
from schema.versions.index import (
    Declaration,
    Undeclared,
    index,
    membership,
    newest,
    order,
)
from schema.versions.marks import NEXT, Added, DeprecatedSince
from schema.versions.views import Unviewable, view

__all__ = [
    "LOADS",
    "NEXT",
    "Added",
    "Declaration",
    "DeprecatedSince",
    "Undeclared",
    "Unviewable",
    "argument",
    "directive",
    "enum",
    "field",
    "index",
    "input",
    "interface",
    "load",
    "membership",
    "method",
    "newest",
    "order",
    "scalar",
    "type",
    "union",
    "value",
    "view",
]
