"""Imports that a rewriting left without use."""

import ast
import re
from collections.abc import Iterator


def without_unused(source: str, original: str) -> str:
    """The source without the imported names that `original` used, and it does not."""
    tree = ast.parse(source)
    unused = _used(ast.parse(original)) - _used(tree)
    lines = lines_of(source)
    for node in sorted(_imports(tree), key=lambda each: -each.lineno):
        kept = [each for each in node.names if (each.asname or each.name) not in unused]
        if len(kept) < len(node.names):
            assert node.end_lineno is not None
            indent = lines[node.lineno - 1][: node.col_offset]
            lines[node.lineno - 1 : node.end_lineno] = _written(node, kept, indent, tree)
    return "".join(lines)[:-1]


def lines_of(source: str) -> list[str]:
    """As the tree counts them: a form feed, or another mark that text may have, ends none."""
    return [f"{each}\n" for each in source.split("\n")]


def _written(
    node: ast.ImportFrom, kept: list[ast.alias], indent: str, tree: ast.Module
) -> list[str]:
    if not kept:
        return [f"{indent}pass\n"] if _is_alone(node, tree) else []
    names = [each.name + (f" as {each.asname}" if each.asname else "") for each in kept]
    start = f"{indent}from {'.' * node.level}{node.module or ''} import "
    if node.lineno == node.end_lineno:
        return [f"{start}{', '.join(names)}\n"]
    return [f"{start}(\n", *(f"{indent}    {each},\n" for each in names), f"{indent})\n"]


def _imports(tree: ast.Module) -> Iterator[ast.ImportFrom]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom))


def _is_alone(node: ast.ImportFrom, tree: ast.Module) -> bool:
    bodies = (getattr(each, "body", None) for each in ast.walk(tree))
    return any(body == [node] for body in bodies if isinstance(body, list))


def _used(tree: ast.Module) -> set[str]:
    """Names that are read, also in annotations that are text, and those of `__all__`."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            found.add(node.id)
        for place in _annotations(node):
            for each in ast.walk(place):
                if isinstance(each, ast.Constant) and isinstance(each.value, str):
                    found |= set(re.findall(r"\w+", each.value))
    return found


def _annotations(node: ast.AST) -> Iterator[ast.expr]:
    places = (getattr(node, "annotation", None), getattr(node, "returns", None))
    yield from (each for each in places if isinstance(each, ast.expr))
    match node:
        case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
            yield value
        case _:
            return
