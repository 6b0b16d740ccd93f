"""Which statement of a function declares each of its variables: Lua has blocks, Python has functions."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

Path = tuple[tuple[int, int, int], ...]
"""The blocks that a statement stands in, outermost first: each with the statement's place there, and the statement."""


def common(paths: list[Path]) -> int:
    """The statement of the innermost block with all of these that comes first."""
    first, *others = paths
    size = len(first)
    for path in others:
        size = next(
            (at for at, (one, other) in enumerate(zip(first[:size], path, strict=False)) if one[0] != other[0]),
            min(size, len(path)),
        )
        # Below a block where they are in different statements they have nothing in common.
        for at in range(size):
            if first[at][1] != path[at][1]:
                size = at + 1
                break
    _, _, statement = min((path[size - 1] for path in paths), key=lambda one: one[1])
    return statement


def uses(body: list[ast.stmt], path: Path) -> Iterator[tuple[str, bool, Path, bool]]:
    """Each use of a variable: its name, whether it is assigned to, where, and whether it is that of a loop."""
    for place, statement in enumerate(body):
        here = (*path, (id(body), place, id(statement)))
        blocks = [
            value
            for _, value in ast.iter_fields(statement)
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt)
        ]
        inner = {id(one) for block in blocks for one in block}
        if isinstance(statement, ast.Try):
            for word, is_store in names(statement.body[0]):
                yield word, is_store, here, False
            for handler in statement.handlers:
                yield from uses(handler.body, here)
            continue
        for child in ast.iter_child_nodes(statement):
            if id(child) not in inner:
                is_loop = isinstance(statement, ast.For) and child is statement.target
                for word, is_store in names(child):
                    yield word, is_store, here, is_loop
        for block in blocks:
            yield from uses(block, here)


def names(node: ast.AST, hidden: frozenset[str] = frozenset()) -> Iterator[tuple[str, bool]]:
    if isinstance(node, (ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp)):
        hidden = hidden | {
            one.id
            for generator in node.generators
            for part in (generator.target, *generator.ifs)
            for one in ast.walk(part)
            if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
        }
    if isinstance(node, ast.Lambda):
        hidden = hidden | {one.arg for one in node.args.args}
    if isinstance(node, ast.Name) and node.id not in hidden:
        yield node.id, isinstance(node.ctx, ast.Store)
    for child in ast.iter_child_nodes(node):
        yield from names(child, hidden)


def walruses(node: ast.expr) -> Iterator[Any]:
    if isinstance(node, (ast.GeneratorExp, ast.ListComp, ast.SetComp, ast.DictComp, ast.Lambda)):
        return
    if isinstance(node, ast.NamedExpr):
        yield node
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.expr):
            yield from walruses(child)


def targets(node: ast.stmt) -> set[str]:
    """Variables that a statement can declare itself."""
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        # Of `a = b = value` b is assigned to first.
        assigned: list[ast.expr] = node.targets[-1:] if isinstance(node, ast.Assign) else [node.target]
        return {
            one.id
            for target in assigned
            for one in ([target] if isinstance(target, ast.Name) else getattr(target, "elts", []))
            if isinstance(one, ast.Name)
        }
    if isinstance(node, ast.Try) and isinstance(node.body[0], ast.Assign):
        return targets(node.body[0])
    return set()


def continues(node: ast.stmt) -> bool:
    """Whether a statement goes on with the loop it stands in."""
    if isinstance(node, ast.Continue):
        return True
    if isinstance(node, (ast.For, ast.While)):
        return False
    return any(continues(one) for one in ast.iter_child_nodes(node) if isinstance(one, ast.stmt))
