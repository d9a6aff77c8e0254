"""From NEXT to a number, in the sources of declarations.

Only what a declaration says is rewritten: `added`, `deprecated`, `removal` and `joins` of any call, and
the names of the module that these take. A comparison with NEXT stays.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from schema.contract.imports import lines_of, without_unused
from schema.versions.marks import NEXT

_SAYING = frozenset({"added", "deprecated", "removal", "joins"})
_MODULES = frozenset({"schema.versions", "schema.versions.marks"})


def numbered(source: str, version: str) -> str:
    """The source with that version; imports that this leaves unused are gone, too."""
    tree = ast.parse(source)
    names = _Names.of(tree)
    spans = {_span(source, node) for node in _said(tree, names)}
    rewritten = source
    for start, end in sorted(spans, reverse=True):
        rewritten = f'{rewritten[:start]}"{version}"{rewritten[end:]}'
    return without_unused(rewritten, source) if spans else source


@dataclass(frozen=True, slots=True)
class _Names:
    """What NEXT is called in a module: by itself, and behind the module that has it."""

    own: frozenset[str]
    modules: frozenset[str]

    @classmethod
    def of(cls, tree: ast.Module) -> "_Names":
        own: set[str] = set()
        modules: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if node.module in _MODULES and alias.name == NEXT:
                        own.add(alias.asname or alias.name)
                    elif f"{node.module}.{alias.name}" in _MODULES:
                        modules.add(alias.asname or alias.name)
            elif isinstance(node, ast.Import):
                modules |= {
                    each.asname or each.name for each in node.names if each.name in _MODULES
                }
        return cls(frozenset(own), frozenset(modules))

    def mean(self, node: ast.AST) -> bool:
        match node:
            case ast.Name(id=name):
                return name in self.own
            case ast.Attribute(value=module, attr=name) if name == NEXT:
                return ast.unparse(module) in self.modules
            case ast.Constant(value=value):
                return value == NEXT
            case _:
                return False


def _said(tree: ast.Module, names: _Names) -> Iterator[ast.expr]:
    values = [*_values(tree)]
    read = {each.id for value in values for each in ast.walk(value) if isinstance(each, ast.Name)}
    values += [value for name, value in _assigned(tree) if name in read]
    for value in values:
        for node in ast.walk(value):
            if isinstance(node, ast.expr) and names.mean(node):
                yield node


def _values(tree: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from (each.value for each in node.keywords if each.arg in _SAYING)


def _assigned(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for statement in tree.body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                yield name, value
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                yield name, value


def _span(source: str, node: ast.expr) -> tuple[int, int]:
    """In characters; the tree counts columns in bytes."""
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    lines = lines_of(source)

    def place(line: int, column: int) -> int:
        before = sum(map(len, lines[: line - 1]))
        return before + len(lines[line - 1].encode()[:column].decode())

    return place(node.lineno, node.col_offset), place(node.end_lineno, node.end_col_offset)
