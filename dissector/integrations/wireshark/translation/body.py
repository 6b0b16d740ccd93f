"""The translation of one function: statements, expressions, and the functions of the runtime that they need."""

from __future__ import annotations

import ast
import builtins
import enum
import inspect
import re
import textwrap
from array import array
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from dissector.integrations.wireshark.literals import INDENT, literal, wrapped
from dissector.integrations.wireshark.translation.kinds import (
    Untranslatable,
    braced,
    kind_of_annotation,
    kind_of_constant,
    kind_of_value,
    name,
)
from dissector.integrations.wireshark.translation.variables import (
    Path,
    common,
    continues,
    targets,
    uses,
    walruses,
)

if TYPE_CHECKING:
    from dissector.integrations.wireshark.translation.program import Program


class Scope(NamedTuple):
    """What a function is translated in."""

    module: ModuleType
    owner: type | None
    """The class whose method it is."""
    names: set[str]
    """Parameters and variables."""
    kinds: dict[str, str]
    """What is known of their types: "list", "set", "dict", "text", or the name of a class."""
    results: str | None = None
    """The list that a generator makes."""


OPERATORS: Mapping[type, tuple[str, int]] = {
    ast.Add: ("+", 6),
    ast.Sub: ("-", 6),
    ast.Mult: ("*", 7),
    ast.Div: ("/", 7),
    ast.Mod: ("%", 7),
}


COMPARISONS: Mapping[type, str] = {
    ast.Eq: "==",
    ast.NotEq: "~=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}


OPPOSITE: Mapping[type, str] = {ast.Gt: "<=", ast.GtE: "<", ast.Lt: ">=", ast.LtE: ">"}
"""Of comparisons of numbers."""


ATOM, UNARY, COMPARE, AND, OR = 10, 8, 3, 2, 1


RUNTIME = frozenset(("any", "all", "range", "sum", "repr", "str", "min", "max"))
"""Builtin functions that are functions of the runtime, by the same name."""


# fmt: off
METHODS = frozenset({
    "decode", "find", "get", "hex", "index", "isascii", "isdisjoint", "isprintable", "items", "join", "match",
    "partition", "pop", "popleft", "remove", "rstrip", "setdefault", "startswith", "strip", "to_bytes",
})
# fmt: on
"""Methods of Python's own types that are functions of the runtime."""


PHRASES: Mapping[str, str] = {
    "isascii": r'(not {0}:find("[\128-\255]"))',
    "isprintable": '(not {0}:find("[^ -~]"))',
    "join": "table.concat({1}, {0})",
    "match": "({1}:find({0}) ~= nil)",
    "strip": '({0}:match("^ *(.-) *$"))',
}
"""Methods that Lua has words for."""


OF_LISTS: Mapping[str, str] = {"insert": "table.insert", "pop": "table.remove"}
"""Methods of lists that take a place."""


FOREIGN = frozenset(word for one in (list, dict, set, str, bytes) for word in dir(one))
"""All of their methods."""


class Body:
    """The translation of one function."""

    def __init__(self, program: Program, function: Any, owner: type | None) -> None:
        self.program, self.function = program, function
        module = inspect.getmodule(function)
        assert module is not None
        source = textwrap.dedent(inspect.getsource(function))
        self.where = f"{module.__name__}.{function.__qualname__}"
        is_lambda = "<lambda>" in function.__qualname__
        node: Any = self._lambda_node(module, function) if is_lambda else ast.parse(source).body[0]
        self.node = node
        arguments = node.args
        given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
        kinds = {one.arg: kind for one in given if (kind := kind_of_annotation(one.annotation))}
        if owner is not None:
            kinds["self"] = owner.__name__
        names = {one.arg for one in given} | ({arguments.kwarg.arg} if arguments.kwarg else set())
        is_generator = any(isinstance(one, (ast.Yield, ast.YieldFrom)) for one in ast.walk(node))
        self.scope = Scope(module, owner, names, kinds, "results" if is_generator else None)
        self.arguments = [name(one.arg) for one in given]
        if arguments.kwarg:
            self.arguments.append(name(arguments.kwarg.arg))
        self.defaults = dict(
            zip(
                [one.arg for one in arguments.args[len(arguments.args) - len(arguments.defaults) :]],
                arguments.defaults,
                strict=True,
            )
        )
        cells = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        self.closure = {word: cell.cell_contents for word, cell in cells if word != "__class__"}
        self.local: dict[int, list[str]] = {}
        self.aliases: dict[str, ast.expr] = {}
        """Variables that are another name of octets that change."""

    def _lambda_node(self, module: ModuleType, function: Any) -> ast.Lambda:
        found = [
            one
            for one in ast.walk(self.program._tree(module))
            if isinstance(one, ast.Lambda) and one.lineno == function.__code__.co_firstlineno
        ]
        if len(found) != 1:
            raise Untranslatable(f"{module.__name__}: more than one lambda in a line")
        return found[0]

    def fail(self, node: ast.AST, why: str) -> Untranslatable:
        line = getattr(node, "lineno", 1) + self.function.__code__.co_firstlineno - 1
        return Untranslatable(f"{self.where}, line {line}: {why}: {ast.unparse(node)}")

    def lambda_of(self) -> str:
        return f"function({', '.join(self.arguments)}) return {self.expr(self.node.body)} end"

    def lines(self, path: str) -> list[str]:
        """The function, with what its docstring says first."""
        docstring = ast.get_docstring(self.node)
        said = docstring.partition("\n\n")[0] if docstring else ""
        lines = textwrap.wrap(re.sub(r"\bNone\b", "nil", " ".join(said.split())), 117)
        head = [f"-- {line}" for line in lines]
        body = self.node.body[1:] if docstring else self.node.body
        text = [f"function {path}({', '.join(self.arguments)})"]
        for word, default in self.defaults.items():
            if not (isinstance(default, ast.Constant) and default.value is None):
                text.append(f"{INDENT}if {name(word)} == nil then {name(word)} = {self.expr(default)} end")
        self._find_aliases(body)
        self._place_locals(body)
        if self.scope.results:
            text.append(f"{INDENT}local results = {{}}")
        text += self.block(body, INDENT)
        if self.scope.results and not isinstance(body[-1], ast.Return):
            text.append(f"{INDENT}return results")
        return [*head, *(part for line in text for part in wrapped(line)), "end"]

    # Variables

    def _place_locals(self, body: list[ast.stmt]) -> None:
        """Finds for each variable the innermost block with all its uses, and the statement there that declares it."""
        found: dict[str, list[Path]] = {}
        stores: set[str] = set()
        loops: set[str] = set()
        for word, is_store, path, is_loop in uses(body, ()):
            found.setdefault(word, []).append(path)
            if is_store:
                stores.add(word)
            if is_loop:
                loops.add(word)
        for word in stores - self.scope.names - self.aliases.keys():
            place = common(found[word])
            self.scope.names.add(word)
            if word not in loops:
                self.local.setdefault(place, []).append(word)

    def _find_aliases(self, body: list[ast.stmt]) -> None:
        """Octets that change are a string in Lua, which does not: their second names are left out."""
        for statement in body:
            for one in ast.walk(statement):
                match one:
                    case ast.Assign(targets=[ast.Name(id=word)], value=ast.Attribute() as value):
                        if self.kind(value) == "octets":
                            self.aliases[word] = value

    def block(self, body: list[ast.stmt], indent: str) -> list[str]:
        lines: list[str] = []
        for statement in body:
            waiting = self.local.get(id(statement), [])
            own = targets(statement)
            before = [word for word in waiting if word not in own]
            if before:
                lines.append(f"{indent}local {', '.join(name(word) for word in sorted(before))}")
            lines += self.statement(statement, indent, [word for word in waiting if word in own])
        return lines

    # Statements

    def statement(self, node: ast.stmt, indent: str, fresh: list[str]) -> list[str]:
        """`fresh`: variables that this statement declares."""
        match node:
            case ast.Expr(value=ast.Constant()) | ast.Pass() | ast.Assert():
                return []
            case ast.Expr(value=ast.Yield(value=value)) if value is not None:
                return [f"{indent}results[#results + 1] = {self.expr(value)}"]
            case ast.Expr(value=ast.YieldFrom(value=value)):
                return [f"{indent}py.extend(results, {self.items(value)})"]
            case ast.Expr(value=ast.Call() as call):
                return self._call_statement(call, indent)
            case ast.Return(value=value):
                return self._return(value, indent)
            case ast.Assign(targets=[ast.Name(id=word)]) if word in self.aliases:
                return []
            case ast.Assign(targets=targets, value=value):
                return self._assign(targets, value, indent, fresh)
            case ast.AnnAssign(target=target, value=value, annotation=annotation):
                kind = kind_of_annotation(annotation)
                if kind and isinstance(target, ast.Name):
                    self.scope.kinds[target.id] = kind
                return [] if value is None else self._assign([target], value, indent, fresh)
            case ast.AugAssign():
                return self._augmented(node, indent)
            case ast.If():
                return self._if(node, indent)
            case ast.For():
                return self._for(node, indent)
            case ast.While():
                return self._while(node, indent)
            case ast.Break():
                return [f"{indent}break"]
            case ast.Continue():
                return [f"{indent}goto continue"]
            case ast.Delete(targets=[ast.Subscript(value=value, slice=ast.Slice(lower=None, upper=upper))]):
                place = self.expr(value)
                return [f"{indent}{place} = {place}:sub({self.expr(upper, 6)} + 1)"]  # type: ignore[arg-type]
            case ast.Delete(targets=[ast.Subscript(value=value, slice=key)]):
                return [f"{indent}py.pop({self.expr(value)}, {self.expr(key)})"]
            case ast.Try(body=[ast.Assign() as one], handlers=[ast.ExceptHandler(body=body)], orelse=[], finalbody=[]):
                lines = self._assign(one.targets, one.value, indent, fresh)
                return [
                    *lines,
                    f"{indent}if {self.expr(one.targets[0])} == nil then",
                    *self.block(body, indent + INDENT),
                    f"{indent}end",
                ]
        raise self.fail(node, "no statement of the subset")

    def _return(self, value: ast.expr | None, indent: str) -> list[str]:
        if value is None:
            return [f"{indent}return{' results' if self.scope.results else ''}"]
        if isinstance(value, ast.IfExp) and not self._is_short(value):
            return [
                f"{indent}if {self.cond(value.test)} then",
                *self._return(value.body, indent + INDENT),
                f"{indent}end",
                *self._return(value.orelse, indent),
            ]
        return [f"{indent}return {self.expr(value)}"]

    def _assign(self, targets: list[ast.expr], value: ast.expr, indent: str, fresh: list[str]) -> list[str]:
        if len(targets) > 1:
            first, *others = reversed(targets)
            lines = self._assign([first], value, indent, fresh)
            for other in others:
                lines += self._assign([other], first, indent, [])
            return lines
        (target,) = targets
        if isinstance(target, ast.Name):
            kind = self.kind(value)
            if kind:
                self.scope.kinds.setdefault(target.id, kind)
        if isinstance(target, ast.Subscript) and not isinstance(target.slice, (ast.Constant, ast.Slice)):
            words = f"{self.expr(target.value)}, {self.expr(target.slice)}, {self.expr(value)}"
            return [f"{indent}py.put({words})"]
        if isinstance(value, ast.IfExp) and isinstance(target, ast.Name) and not self._is_short(value):
            word = name(target.id)
            head = [f"{indent}local {word}"] if fresh else []
            return [
                *head,
                f"{indent}if {self.cond(value.test)} then",
                f"{indent}{INDENT}{word} = {self.expr(value.body)}",
                f"{indent}else",
                f"{indent}{INDENT}{word} = {self.expr(value.orelse)}",
                f"{indent}end",
            ]
        if not isinstance(target, ast.Tuple):
            return [f"{indent}{'local ' if fresh else ''}{self.target(target)} = {self.expr(value)}"]
        names = [one.id for one in target.elts if isinstance(one, ast.Name)]
        left = ", ".join(self.target(one) for one in target.elts)
        if isinstance(value, ast.Tuple):
            right = ", ".join(self.expr(one) for one in value.elts)
        else:
            right = f"py.unpack({self.expr(value)})"
        is_new = len(fresh) == len(set(names)) == len(target.elts)
        head = [f"{indent}local {', '.join(map(name, sorted(set(fresh))))}"] if fresh and not is_new else []
        return [*head, f"{indent}{'local ' if is_new else ''}{left} = {right}"]

    def target(self, node: ast.expr) -> str:
        if (
            isinstance(node, ast.Subscript)
            and isinstance(node.slice, ast.Constant)
            and isinstance(node.slice.value, int)
        ):
            place = self.expr(node.value)
            first = f"{place}.first + " if self.kind(node.value) == "deque" else "1 + "
            return f"{place}[{first}{node.slice.value}]"
        return self.expr(node)

    def _augmented(self, node: ast.AugAssign, indent: str) -> list[str]:
        place = self.expr(node.target)
        kind = self.kind(node.target)
        if isinstance(node.op, ast.Add) and kind == "list":
            return [f"{indent}py.extend({place}, {self.items(node.value)})"]
        load = ast.copy_location(ast.BinOp(node.target, node.op, node.value), node)
        return [f"{indent}{place} = {self.expr(load)}"]

    def _if(self, node: ast.If, indent: str, word: str = "if") -> list[str]:
        lines = []
        for walrus in walruses(node.test):
            lines.append(f"{indent}{walrus.target.id} = {self.expr(walrus.value)}")
        lines.append(f"{indent}{word} {self.cond(node.test)} then")
        lines += self.block(node.body, indent + INDENT)
        match node.orelse:
            case []:
                return [*lines, f"{indent}end"]
            case [ast.If() as other] if id(other) not in self.local and not any(walruses(other.test)):
                return [*lines, *self._if(other, indent, "elseif")]
        return [*lines, f"{indent}else", *self.block(node.orelse, indent + INDENT), f"{indent}end"]

    def _loop(self, body: list[ast.stmt], indent: str) -> list[str]:
        lines = self.block(body, indent + INDENT)
        if any(map(continues, body)):
            lines.append(f"{indent}{INDENT}::continue::")
        return [*lines, f"{indent}end"]

    def _for(self, node: ast.For, indent: str) -> list[str]:
        match node.iter:
            case ast.Call(func=ast.Name(id="range"), args=arguments):
                start, stop = (ast.Constant(0), *arguments) if len(arguments) == 1 else arguments
                head = f"for {self.target(node.target)} = {self.expr(start)}, {self.expr(stop, 6)} - 1 do"
                return [indent + head, *self._loop(node.body, indent)]
            case ast.Call(func=ast.Attribute(value=value, attr="items")):
                assert isinstance(node.target, ast.Tuple)
                words = ", ".join(self.target(one) for one in node.target.elts)
                return [f"{indent}for {words} in pairs({self.expr(value)}) do", *self._loop(node.body, indent)]
        items = self.items(node.iter)
        if isinstance(node.target, ast.Name):
            head = f"for _, {name(node.target.id)} in ipairs({items}) do"
            return [indent + head, *self._loop(node.body, indent)]
        assert isinstance(node.target, ast.Tuple)
        words = ", ".join(self.target(one) for one in node.target.elts)
        return [
            f"{indent}for _, one_ in ipairs({items}) do",
            f"{indent}{INDENT}local {words} = py.unpack(one_)",
            *self._loop(node.body, indent),
        ]

    def _while(self, node: ast.While, indent: str) -> list[str]:
        assigned = list(walruses(node.test))
        if not assigned:
            return [f"{indent}while {self.cond(node.test)} do", *self._loop(node.body, indent)]
        inside = [f"{indent}{INDENT}{one.target.id} = {self.expr(one.value)}" for one in assigned]
        stop = f"{indent}{INDENT}if {self._opposite(node.test)} then break end"
        return [f"{indent}while true do", *inside, stop, *self._loop(node.body, indent)]

    def _opposite(self, test: ast.expr) -> str:
        if isinstance(test, ast.Compare) and type(test.ops[0]) in OPPOSITE and len(test.ops) == 1:
            op = OPPOSITE[type(test.ops[0])]
            return f"{self.expr(test.left, 4)} {op} {self.expr(test.comparators[0], 4)}"
        return f"not ({self.cond(test)})"

    def _call_statement(self, call: ast.Call, indent: str) -> list[str]:
        if isinstance(call.func, ast.Attribute) and self.program.is_method(self.kind(call.func.value), call.func.attr):
            return [f"{indent}{self.expr(call)}"]
        match call.func:
            case ast.Attribute(value=value, attr="append") if self.kind(value) == "deque":
                return [f"{indent}py.push({self.expr(value)}, {self.expr(call.args[0])})"]
            case ast.Attribute(value=value, attr="append"):
                place = self.expr(value)
                return [f"{indent}{place}[#{place} + 1] = {self.expr(call.args[0])}"]
            case ast.Attribute(value=value, attr="clear"):
                place = self.expr(value)
                return [
                    f'{indent}{place} = ""' if self.kind(value) in ("text", "octets") else f"{indent}py.clear({place})"
                ]
            case ast.Attribute(value=value, attr="discard") if self.kind(value) == "set":
                return [f"{indent}{self.expr(value)}[{self.expr(call.args[0])}] = nil"]
            case ast.Attribute(value=value, attr="add") if self.kind(value) == "set":
                return [f"{indent}{self.expr(value)}[{self.expr(call.args[0])}] = true"]
        return [f"{indent}{self.expr(call)}"]

    # Expressions

    def kind(self, node: ast.expr) -> str | None:
        """What is known of the type of an expression."""
        match node:
            case ast.Name(id=word) if word in self.aliases:
                return "octets"
            case ast.Name(id=word) if word in self.scope.names:
                return self.scope.kinds.get(word)
            case ast.Name(id=word):
                value = getattr(self.scope.module, word, None)
                return kind_of_constant(value)
            case ast.Attribute(value=value, attr=attribute):
                return self.program.attribute_kind(self.kind(value), attribute)
            case ast.BinOp(left=left):
                return self.kind(left)
            case ast.Subscript(value=value, slice=ast.Slice()):
                return self.kind(value)
            case ast.Subscript(value=ast.Name(id=word)) if word not in self.scope.names:
                table = getattr(self.scope.module, word, None)
                return (
                    next((type(one).__name__ for one in table.values()), None) if isinstance(table, Mapping) else None
                )
            case ast.IfExp(body=body):
                return self.kind(body)
            case ast.Call(func=ast.Attribute(attr="format" | "join" | "decode" | "rstrip")):
                return "text"
            case ast.Call(func=function):
                said = getattr(self._callee(function), "__annotations__", {}).get("return")
                own = kind_of_annotation(ast.parse(said, mode="eval").body) if isinstance(said, str) else None
                return "list" if own == "Iterator" else own or kind_of_value(node)
        return kind_of_value(node)

    def expr(self, node: ast.expr, above: int = 0) -> str:
        """`above`: how tightly the operator binds whose operand it is."""
        text, own = self._expr(node)
        return f"({text})" if own < above else text

    def cond(self, node: ast.expr) -> str:
        """As a condition of Lua, to which 0 and the empty string are true."""
        match node:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                inside = self.cond(operand)
                if plain := re.fullmatch(r"([\w.]+) ~= 0", inside):
                    return f"{plain[1]} == 0"
                return f"not {inside}" if re.fullmatch(r"[\w.:\[\]]+(\(.*\))?", inside) else f"not ({inside})"
            case ast.BoolOp(op=op, values=values):
                is_and = isinstance(op, ast.And)
                parts = [self.cond(one) for one in values]
                if is_and:
                    parts = [
                        f"({part})" if isinstance(one, ast.BoolOp) else part
                        for part, one in zip(parts, values, strict=True)
                    ]
                return (" and " if is_and else " or ").join(parts)
            case ast.NamedExpr(target=target):
                return self.cond(target)
        text = self.expr(node, COMPARE)
        return text if self.is_bool(node) else self._truth(node)

    def _truth(self, node: ast.expr) -> str:
        """Whether a value counts as true in Python: without asking the runtime, where its type tells."""
        text, kind = self.expr(node), self.kind(node) or ""
        if not re.fullmatch(r"[\w.]+", text):
            return f"py.truth({text})"
        if kind == "list":
            return f"({text} and {text}[1] ~= nil)"
        if kind in ("text", "octets"):
            return f'({text} and {text} ~= "")'
        if kind == "int":
            return f"{text} ~= 0"
        return text if kind[:1].isupper() else f"py.truth({text})"

    def is_bool(self, node: ast.expr) -> bool:
        """Whether an expression is surely true, false or nil in Lua."""
        match node:
            case ast.Compare() | ast.UnaryOp(op=ast.Not()) | ast.Constant(value=bool()):
                return True
            case ast.BoolOp(values=values):
                return all(map(self.is_bool, values))
            case ast.Name(id=word):
                return self.scope.kinds.get(word) == "bool" or word.startswith(("is_", "has_"))
            case ast.Attribute(value=value, attr=attribute):
                known = self.program.attribute_kind(self.kind(value), attribute) == "bool"
                return known or attribute.startswith(("is_", "has_", "may_")) or attribute in BOOLEANS
            case ast.Call(func=ast.Name(id="any" | "all" | "isinstance" | "bool")):
                return True
            case ast.Call(func=ast.Attribute(attr="startswith" | "isascii" | "isprintable" | "match")):
                return True
            case ast.Call(func=function):
                callee = self._callee(function)
                returns = getattr(callee, "__annotations__", {}).get("return")
                return returns == "bool"
        return False

    def items(self, node: ast.expr) -> str:
        """What is iterated over, as a list."""
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=word), attr="values")) if word not in self.scope.names:
                module, home = self.program._home(self.scope.module, word)
                values = getattr(module, home)
                return braced(map(self.program.value, values.values()))
            case ast.Name(id=word) if word not in self.scope.names:
                value = getattr(self.scope.module, word, None)
                if isinstance(value, (Mapping, set, frozenset)):
                    return braced(map(self.program.value, sorted(value) if not isinstance(value, Mapping) else value))
                if isinstance(value, type) and issubclass(value, enum.Enum):
                    return braced(map(self.program.value, value))
            case ast.Call(func=ast.Attribute(value=value, attr="items")):
                return f"py.items({self.expr(value)})"
        text = self.expr(node)
        return f"py.keys({text})" if self.kind(node) in ("set", "dict") else text

    def _expr(self, node: ast.expr) -> tuple[str, int]:
        match node:
            case ast.Constant(value=value):
                return self.program.value(value), ATOM
            case ast.Name(id=word):
                return self._name(node, word), ATOM
            case ast.Attribute(value=value, attr=attribute):
                return self._attribute(node, value, attribute), ATOM
            case ast.Call():
                return self._call(node), ATOM
            case ast.Compare():
                return self._compare(node)
            case ast.BoolOp():
                return self._bool(node)
            case ast.UnaryOp(op=ast.Not()):
                return self.cond(node), UNARY
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return f"-{self.expr(operand, UNARY)}", UNARY
            case ast.BinOp():
                return self._binary(node)
            case ast.IfExp():
                if self._is_short(node):
                    one, other = self.expr(node.body, COMPARE), self.expr(node.orelse, COMPARE)
                    return f"{self._and_operand(node.test)} and {one} or {other}", OR
                body = f"if {self.cond(node.test)} then return {self.expr(node.body)} end"
                return f"(function() {body} return {self.expr(node.orelse)} end)()", ATOM
            case ast.Subscript():
                return self._subscript(node), ATOM
            case ast.Tuple(elts=elements) | ast.List(elts=elements):
                return self._sequence(elements), ATOM
            case ast.Set(elts=elements):
                return f"py.set({self._sequence(elements)})", ATOM
            case ast.Dict(keys=[None, *keys], values=[first, *values]):
                added = ast.copy_location(ast.Dict(keys, values), node)
                return f"py.update({self.expr(first)}, {self.expr(added)})", ATOM
            case ast.Dict(keys=keys, values=values):
                pairs = zip(keys, values, strict=True)
                return braced(f"[{self.expr(key)}] = {self.expr(value)}" for key, value in pairs if key), ATOM
            case ast.ListComp() | ast.GeneratorExp():
                return self._comprehension(node, node.elt, "map"), ATOM
            case ast.SetComp():
                return f"py.set({self._comprehension(node, node.elt, 'map')})", ATOM
            case ast.DictComp():
                return self._dictionary(node), ATOM
            case ast.Lambda():
                return self._lambda(node), ATOM
            case ast.JoinedStr():
                return self._joined(node), 5
            case ast.NamedExpr(target=target):
                return name(target.id), ATOM
        raise self.fail(node, "no expression of the subset")

    def _name(self, node: ast.expr, word: str) -> str:
        if word in self.aliases:
            return self.expr(self.aliases[word])
        if word in self.scope.names:
            return name(word)
        if word in self.closure:
            return self.program.value(self.closure[word])
        if hasattr(self.scope.module, word):
            return self.program._global(self.scope.module, word)
        raise self.fail(node, "a name that nobody declares")

    def _attribute(self, node: ast.expr, value: ast.expr, attribute: str) -> str:
        known = self._static(node)
        if known is not None:
            owner, word = known
            if isinstance(owner, ModuleType):
                return self.program._global(owner, word)
            found = getattr(owner, word)
            if isinstance(found, enum.Enum):
                return self.program.value(found)
            return f"{self.program._class(owner)}.{name(word)}"
        if attribute == "value":
            return self.expr(value, ATOM)  # of an enumeration
        if self.program.is_method(self.kind(value), attribute):
            raise self.fail(node, "a method that is not called")
        getter = ENUM_PROPERTIES.get(attribute)
        if getter is not None and isinstance(value, ast.Attribute | ast.Name) and not self._is_self(value):
            owner, property_ = getter()
            path = f"{self.program._path(owner.__module__)}.{owner.__name__}_{attribute}"
            self.program._method(path, property_.fget, owner)
            return f"{path}({self.expr(value)})"
        return f"{self.expr(value, ATOM)}.{name(attribute)}"

    def _is_self(self, node: ast.expr) -> bool:
        return (
            isinstance(node, ast.Name)
            and node.id == "self"
            and self.scope.owner not in (None,)
            and not (isinstance(self.scope.owner, type) and issubclass(self.scope.owner, enum.Enum))
        )

    def _static(self, node: ast.expr) -> tuple[Any, str] | None:
        """The module or class of an attribute, and its name there."""
        match node:
            case ast.Attribute(value=ast.Name(id=word), attr=attribute) if word not in self.scope.names:
                found = getattr(self.scope.module, word, None)
                if isinstance(found, (ModuleType, type)):
                    return found, attribute
        return None

    def _callee(self, function: ast.expr) -> Any:
        """The Python object that is called, if it is known."""
        match function:
            case ast.Name(id=word) if word not in self.scope.names:
                return getattr(self.scope.module, word, None) or getattr(builtins, word, None)
            case ast.Attribute(attr=attribute):
                known = self._static(function)
                if known is not None:
                    return getattr(*known)
                methods = self.program.methods.get(attribute, [])
                return methods[0] if methods else None
        return None

    def _call(self, node: ast.Call) -> str:
        function = node.func
        if isinstance(function, ast.Name) and function.id not in self.scope.names:
            if not hasattr(self.scope.module, function.id):
                return self._builtin(node, function.id)
            if function.id == "cast":
                return self.expr(node.args[1])
            made = getattr(self.scope.module, function.id)
            if made is replace:
                return self._with(node.args[0], node)
            if made in (deque, array, Counter, OrderedDict):
                return "py.deque()" if made is deque else "{}"
        match function:
            case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr=attribute):
                assert self.scope.owner is not None
                base, method = (
                    self.program.function(self.scope.owner.__mro__[1]),
                    attribute.replace("__init__", "_init"),
                )
                return f"{base}.{method}({', '.join(['self', *(self.expr(one) for one in node.args)])})"
        if isinstance(function, ast.Attribute) and self._static(function) is None:
            own = self._own_method(node, function)
            if own is not None:
                return own
            if function.attr in FOREIGN and function.attr not in self.program.methods:
                raise self.fail(node, "no method of the subset")
        callee = self._callee(function)
        words = self._arguments(node, callee)
        if (
            isinstance(function, ast.Attribute)
            and self._static(function) is None
            and function.attr in self.program.methods
        ):
            return f"{self.expr(function.value, ATOM)}:{name(function.attr)}({words})"
        if isinstance(function, ast.Attribute) and self._static(function) is None:
            self.program.called_as_functions.add(function.attr)
        return f"{self.expr(function, ATOM)}({words})"

    def _arguments(self, node: ast.Call, callee: Any) -> str:
        given = [
            f"py.unpack({self.expr(one.value)})" if isinstance(one, ast.Starred) else self.expr(one)
            for one in node.args
        ]
        if not node.keywords:
            return ", ".join(given)
        spread = [one for one in node.keywords if one.arg is None]
        pairs = [f"{name(one.arg)} = {self.expr(one.value)}" for one in node.keywords if one.arg]
        table = self.expr(spread[0].value) if spread else braced(pairs)
        if isinstance(callee, (FunctionType, type)):
            parameters = self.program.parameters(callee)
            if parameters and parameters[-1].kind is inspect.Parameter.VAR_KEYWORD:
                return ", ".join([*given, table])
            if spread:
                raise self.fail(node, "no way to spread a table over parameters")
            values = {one.arg: self.expr(one.value) for one in node.keywords if one.arg}
            rest = [values.get(one.name, "nil") for one in parameters[len(given) :]]
            while rest and rest[-1] == "nil":
                rest.pop()
            return ", ".join([*given, *rest])
        # What is called is a rule: its template first, then what it names.
        return ", ".join([*(given or ["nil"]), table])

    def _own_method(self, node: ast.Call, function: ast.Attribute) -> str | None:
        """A method of one of Python's own types."""
        attribute, value = function.attr, function.value
        if self.program.is_method(self.kind(value), attribute):
            return None
        if attribute == "_replace":
            return self._with(value, node)
        if attribute in ("format", "format_map"):
            return f"py.fill({self.expr(value)}, {self._keywords(node) if node.keywords else self.expr(node.args[0])})"
        if attribute == "from_bytes":
            return f"py.uint({self.expr(node.args[0])}, {self.expr(node.args[1])})"
        if attribute == "pop" and self.kind(value) == "list" and not node.args:
            return f"table.remove({self.expr(value)})"
        if attribute in OF_LISTS and self.kind(value) == "list":
            at, *more = (self.expr(one, 6) for one in node.args)
            found = str(int(at) + 1) if at.isdigit() else f"{at} + 1"
            return f"{OF_LISTS[attribute]}({', '.join([self.expr(value), found, *more])})"
        if attribute in METHODS and (
            attribute not in self.program.methods or self.kind(value) in ("text", "octets", "dict")
        ):
            keyed = node.args[0] if attribute == "get" else None
            if isinstance(keyed, ast.Tuple):
                one, other = (self.expr(part) for part in keyed.elts)
                rest = "".join(f", {self.expr(part)}" for part in node.args[1:])
                return f"py.get(py.get({self.expr(value)}, {one}, {{}}), {other}{rest})"
            words = [self.expr(value, ATOM), *(self.expr(one) for one in node.args)]
            if attribute in PHRASES:
                return PHRASES[attribute].format(*words)
            return f"py.{attribute}({', '.join(words)})"
        return None

    def _with(self, value: ast.expr, node: ast.Call) -> str:
        """An object with other values in the fields that a call names."""
        pairs = [f"{literal(name(one.arg))}, {self.expr(one.value)}" for one in node.keywords if one.arg]
        if not pairs:
            return f"py.update({self.expr(value)}, {self._keywords(node)})"
        return f"py.with({self.expr(value)}, {', '.join(pairs)})"

    def _keywords(self, node: ast.Call) -> str:
        spread = [one.value for one in node.keywords if one.arg is None]
        if spread:
            return self.expr(spread[0])
        return braced(f"{name(one.arg)} = {self.expr(one.value)}" for one in node.keywords if one.arg)

    def _builtin(self, node: ast.Call, word: str) -> str:
        arguments = node.args
        match word, arguments:
            case ("len", [one]):
                known = self.kind(one) in ("list", "text", "octets")
                return f"#{self.expr(one, ATOM)}" if known else f"py.len({self.expr(one)})"
            case ("bytes" | "bytearray" | "memoryview" | "iter", [one]):
                return self.expr(one)
            case ("bytearray" | "bytes", []):
                return '""'
            case ("list" | "tuple", [one]):
                return self.items(one)
            case ("dict", [one]):
                return f"py.copy({self.expr(one)})"
            case ("set" | "dict" | "list" | "frozenset" | "tuple", []):
                return "{}"
            case ("set" | "frozenset", [one]):
                return f"py.set({self.items(one)})"
            case ("bool", [one]):
                return self.cond(one)
            case ("type", [one]):
                return f"getmetatable({self.expr(one)})._class"
            case ("isinstance", [one, classes]):
                names = ", ".join(literal(part.id) for part in ast.walk(classes) if isinstance(part, ast.Name))
                return f"py.is_a({self.expr(one)}, {names})"
            case ("any" | "all", [ast.GeneratorExp() as one]):
                return self._comprehension(one, one.elt, word, as_condition=True)
            case ("sum", [ast.GeneratorExp() as one]):
                return self._comprehension(one, one.elt, word)
            case ("next", [ast.GeneratorExp() as one, *rest]):
                found = self._comprehension(one, one.elt, "first")
                is_nil = not rest or (isinstance(rest[0], ast.Constant) and rest[0].value is None)
                return found if is_nil else f"({found} or {self.expr(rest[0], 2)})"
            case ("next", [ast.Call(func=ast.Name(id="iter"), args=[one])]):
                return f"(next({self.expr(one)}))"
            case ("next", [one, ast.Constant(value=None)]):
                return f"{self.expr(one, ATOM)}[1]"
            case ("min" | "max", [one]):
                return f"py.{word}({self.items(one)})"
            case ("min" | "max", _):
                return f"math.{word}({', '.join(self.expr(one) for one in arguments)})"
            case ("sorted", [one]):
                keys = [self.expr(given.value) for given in node.keywords]
                return f"py.sorted({', '.join([self.items(one), *keys])})"
            case ("abs", [one]):
                return f"math.abs({self.expr(one)})"
            case ("filter", [function, one]):
                return f"py.filter({self.expr(function)}, {self.items(one)})"
        if word == "divmod":
            value, unit = (self.expr(argument, 8) for argument in arguments)
            return f"{{ math.floor({value} / {unit}), {value} % {unit} }}"
        if word in RUNTIME:
            return f"py.{word}({', '.join(self.expr(one) for one in arguments)})"
        raise self.fail(node, "no function of the subset")

    def _comprehension(self, node: Any, element: ast.expr, how: str, as_condition: bool = False) -> str:
        """A comprehension: the function that goes through it, and that of one element."""
        if len(node.generators) > 1:
            raise self.fail(node, "a comprehension over more than one list")
        (one,) = node.generators
        items = self.items(one.iter)
        inside = {part.id for part in ast.walk(one.target) if isinstance(part, ast.Name)}
        assigned = [walrus for test in one.ifs for walrus in walruses(test)]
        added = (inside | {walrus.target.id for walrus in assigned}) - self.scope.names
        self.scope.names.update(added)
        before = {word: self.scope.kinds.pop(word) for word in inside if word in self.scope.kinds}
        head, start = self._parameter(one.target)
        start += "".join(f"local {walrus.target.id} = {self.expr(walrus.value)} " for walrus in assigned)
        result = self.cond(element) if as_condition else self.expr(element)
        if one.ifs:
            test = " and ".join(self.cond(part) if len(one.ifs) == 1 else f"({self.cond(part)})" for part in one.ifs)
            body = f"if {test} then return {result} end"
        else:
            body = f"return {result}"
        self.scope.names.difference_update(added)
        self.scope.kinds.update(before)
        if how == "map" and not one.ifs and result == head:
            return items
        return f"py.{how}({items}, function({head}) {start}{body} end)"

    def _parameter(self, target: ast.expr) -> tuple[str, str]:
        """The parameter of a comprehension's function, and what takes it apart."""
        if isinstance(target, ast.Name):
            return name(target.id), ""
        assert isinstance(target, ast.Tuple)
        words = ", ".join(self.target(part) for part in target.elts)
        return "one_", f"local {words} = py.unpack(one_) "

    def _dictionary(self, node: ast.DictComp) -> str:
        pair = ast.copy_location(ast.Tuple([node.key, node.value], ast.Load()), node)
        return f"py.dict({self._comprehension(node, pair, 'map')})"

    def _lambda(self, node: ast.Lambda) -> str:
        names = [one.arg for one in node.args.args]
        added = set(names) - self.scope.names
        self.scope.names.update(added)
        text = f"function({', '.join(map(name, names))}) return {self.expr(node.body)} end"
        self.scope.names.difference_update(added)
        return text

    def _joined(self, node: ast.JoinedStr) -> str:
        parts = []
        for one in node.values:
            if isinstance(one, ast.Constant):
                parts.append(literal(one.value))
            elif isinstance(one, ast.FormattedValue):
                form = one.format_spec.values[0].value if isinstance(one.format_spec, ast.JoinedStr) else ""  # type: ignore[attr-defined]
                parts.append(
                    f"py.format({self.expr(one.value)}, {literal(form)})" if form else f"py.str({self.expr(one.value)})"
                )
        return " .. ".join(parts)

    def _sequence(self, elements: list[ast.expr]) -> str:
        if not any(isinstance(one, ast.Starred) for one in elements):
            return braced(self.expr(one) for one in elements)
        parts = [
            self.items(one.value) if isinstance(one, ast.Starred) else braced([self.expr(one)]) for one in elements
        ]
        return f"py.concat({', '.join(parts)})"

    def _compare(self, node: ast.Compare) -> tuple[str, int]:
        parts = []
        left = node.left
        for op, right in zip(node.ops, node.comparators, strict=True):
            parts.append(self._compared(node, left, op, right))
            left = right
        return " and ".join(parts), COMPARE if len(parts) == 1 else AND

    def _compared(self, node: ast.expr, left: ast.expr, op: ast.cmpop, right: ast.expr) -> str:
        match op:
            case ast.In() | ast.NotIn():
                return self._contains(left, right, isinstance(op, ast.NotIn))
            case ast.Is() | ast.IsNot():
                sign = "==" if isinstance(op, ast.Is) else "~="
                if self._is_plain(left) or self._is_plain(right):
                    return f"{self.expr(left, 4)} {sign} {self.expr(right, 4)}"
                return f"{'' if sign == '==' else 'not '}rawequal({self.expr(left)}, {self.expr(right)})"
        if isinstance(right, ast.Tuple):
            return f"{'not ' if isinstance(op, ast.NotEq) else ''}py.same({self.expr(left)}, {self.expr(right)})"
        return f"{self.expr(left, 4)} {COMPARISONS[type(op)]} {self.expr(right, 4)}"

    def _is_plain(self, node: ast.expr) -> bool:
        """Whether an expression is None, or a member of an enumeration."""
        if isinstance(node, ast.Constant):
            return True
        known = self._static(node)
        return known is not None and isinstance(getattr(*known, None), enum.Enum)

    def _contains(self, left: ast.expr, right: ast.expr, negated: bool) -> str:
        if isinstance(right, (ast.Tuple, ast.List)):
            sign, word = ("~=", " and ") if negated else ("==", " or ")
            tests = [f"{self.expr(left, 4)} {sign} {self.expr(one, 4)}" for one in right.elts]
            return f"({word.join(tests)})"
        value = (
            getattr(self.scope.module, right.id, None)
            if isinstance(right, ast.Name) and right.id not in self.scope.names
            else None
        )
        if isinstance(value, (set, frozenset)) and isinstance(left, ast.Tuple):
            one, other = (self.expr(part) for part in left.elts)
            return f"py.get({self.expr(right)}, {one}, {{}})[{other}] {'==' if negated else '~='} nil"
        if isinstance(value, (Mapping, set, frozenset)) or self.kind(right) in ("set", "dict"):
            return f"{self.expr(right, ATOM)}[{self.expr(left)}] {'==' if negated else '~='} nil"
        return f"{'not ' if negated else ''}py.has({self.expr(right)}, {self.expr(left)})"

    def _and_operand(self, node: ast.expr) -> str:
        text = self.cond(node)
        return f"({text})" if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or) else text

    def _bool(self, node: ast.BoolOp) -> tuple[str, int]:
        *first, last = node.values
        if all(map(self.is_bool, first)):
            parts = [self.cond(one) for one in first] + [
                self.cond(last) if self.is_bool(last) else self.expr(last, COMPARE)
            ]
            parts = [
                f"({part})" if isinstance(one, ast.BoolOp) and not isinstance(one.op, type(node.op)) else part
                for part, one in zip(parts, node.values, strict=True)
            ]
            is_and = isinstance(node.op, ast.And)
            return (" and " if is_and else " or ").join(parts), AND if is_and else OR
        if isinstance(node.op, ast.And):
            return " and ".join(self.expr(one, COMPARE) for one in node.values), AND
        text = self.expr(node.values[0])
        for one in node.values[1:]:
            text = f"py.either({text}, {self.expr(one)})"
        return text, ATOM

    def _binary(self, node: ast.BinOp) -> tuple[str, int]:
        left, op, right = node.left, node.op, node.right
        kind = self.kind(left) or self.kind(right)
        is_set = "set" in (self.kind(left), self.kind(right))
        match op:
            case ast.Add() if kind in ("text", "octets"):
                return f"{self.expr(left, 5)} .. {self.expr(right, 5)}", 5
            case ast.Add() if kind == "list":
                return f"py.concat({self.expr(left)}, {self.expr(right)})", ATOM
            case ast.BitOr() if is_set:
                return f"py.update({self.expr(left)}, {self.expr(right)})", ATOM
            case ast.BitAnd() if isinstance(right, ast.UnaryOp) and isinstance(right.op, ast.Invert):
                return f"py.without({self.expr(left)}, {self.expr(right.operand)})", ATOM
            case ast.BitAnd():
                return f"py.band({self.expr(left)}, {self.expr(right)})", ATOM
            case ast.LShift():
                return f"{self.expr(left, 7)} * 2 ^ {self.expr(right, 9)}", 7
            case ast.RShift():
                return f"math.floor({self.expr(left, 7)} / 2 ^ {self.expr(right, 9)})", ATOM
            case ast.FloorDiv():
                return f"math.floor({self.expr(left, 7)} / {self.expr(right, 8)})", ATOM
        if type(op) not in OPERATORS:
            raise self.fail(node, "no operator of the subset")
        sign, own = OPERATORS[type(op)]
        return f"{self.expr(left, own)} {sign} {self.expr(right, own + 1)}", own

    def _subscript(self, node: ast.Subscript) -> str:
        value, key = node.value, node.slice
        match key:
            case ast.Slice(lower=lower, upper=upper, step=None):
                words = [self.expr(value), self.expr(lower) if lower else "0", *([self.expr(upper)] if upper else [])]
                return f"py.slice({', '.join(words)})"
            case ast.Constant(value=0) if self.kind(value) == "deque":
                place = self.expr(value, ATOM)
                return f"{place}[{place}.first]"
            case ast.Constant(value=int() as index) if self.kind(value) == "deque":
                return f"py.nth({self.expr(value)}, {index})"
            case ast.Constant(value=int() as index) if self.kind(value) == "list" or self._is_of_deque(value):
                return f"{self.expr(value, ATOM)}[{index + 1}]"
            case ast.Constant(value=int() as index):
                return f"py.at({self.expr(value)}, {index})"
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=1)) if self.kind(value) == "list":
                place = self.expr(value, ATOM)
                return f"{place}[#{place}]"
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as index)) if self.kind(value) == "deque":
                return f"py.nth({self.expr(value)}, -{index})"
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as index)):
                return f"py.at({self.expr(value)}, -{index})"
            case ast.Tuple(elts=[one, other]):
                return f"{self.expr(value, ATOM)}[{self.expr(one)}][{self.expr(other)}]"
        if self.kind(value) == "deque":
            return f"py.nth({self.expr(value)}, {self.expr(key)})"
        if self.kind(value) in ("list", "text", "octets"):
            return f"py.at({self.expr(value)}, {self.expr(key)})"
        return f"{self.expr(value, ATOM)}[{self.expr(key)}]"

    def _is_of_deque(self, node: ast.expr) -> bool:
        """Whether it is an element of a deque: those of the parser hold tuples."""
        return isinstance(node, ast.Subscript) and self.kind(node.value) == "deque"

    def _is_short(self, node: ast.IfExp) -> bool:
        """Whether `a if c else b` can be `c and a or b`: where a is neither nil nor false."""
        match node.body:
            case ast.Constant(value=value):
                return value is not None and value is not False
            case ast.JoinedStr() | ast.Tuple() | ast.List():
                return True
            case ast.BinOp():
                return True
            case ast.Name(id=word) if word not in self.scope.names:
                return getattr(self.scope.module, word, None) is not None
        known = self._static(node.body)
        return known is not None and isinstance(getattr(*known, None), enum.Enum)


# fmt: off
BOOLEANS = frozenset({
    "complete", "contents", "counted", "cut", "damaged", "edge", "final", "found", "late", "overflow", "reverse",
    "unannounced", "unseen", "whole",
})
# fmt: on
"""Attributes that are true or false."""


def _role_is_postcopy() -> tuple[type, Any]:
    from dissector.protocol import Role

    return Role, vars(Role)["is_postcopy"]


ENUM_PROPERTIES: Mapping[str, Callable[[], tuple[type, Any]]] = {"is_postcopy": _role_is_postcopy}
