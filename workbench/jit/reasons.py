"""What the compiler's words mean to who wrote the plugin and never declared a type."""

from __future__ import annotations

import ast
import builtins
import difflib
import inspect
import linecache
import math
import re
import types
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

_TYPES = (  # how the compiler's name of a type begins, and what it is called
    (r"none", "nothing"),
    (r"Literal\[str\]|unicode|\[unichr", "text"),
    (r"Literal\[bool\]|bool", "a truth value"),
    (r"Literal\[int\]|u?int\d", "a whole number"),
    (r"\w+ generator", "a generator"),
    (r"float\d", "a number"),
    (r"complex\d", "a complex number"),
    (r"Optional", "a number or nothing"),
    (r"(?:Uni|Named|NamedUni)?Tuple", "a tuple"),
    (r"(?:reflected )?list|List", "a list"),
    (r"Dict", "a dictionary"),
    (r"(?:reflected )?set", "a set"),
    (r"slice", "a slice"),
    (r"range", "a range"),
    (r"class|Function|type", "a function"),
    (r"Module", "a module"),
)
_NUMBERS = ("a number", "a whole number")
_SYMBOLS = {
    "add": "+", "sub": "-", "mul": "*", "truediv": "/", "floordiv": "//", "mod": "%", "pow": "**", "matmul": "@",
    "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "eq": "==", "ne": "!=", "and_": "&", "or_": "|", "xor": "^",
}  # fmt: skip
CONSTRUCTS: dict[type[ast.AST], tuple[str, str]] = {  # what compiled code has not, and what to do instead
    ast.Import: ("an import inside a function", "put it at the top of the file"),
    ast.ImportFrom: ("an import inside a function", "put it at the top of the file"),
    ast.Global: ("`global`", "return the value instead"),
    ast.Nonlocal: ("`nonlocal`", "return the value instead"),
    ast.With: ("`with`", "do without it"),
    ast.ExceptHandler: ("`except` with the name of an error", "test the values first"),
    ast.GeneratorExp: ("a generator expression", "write the loop, or a list with [ ]"),
    ast.ClassDef: ("a class inside a function", "use numbers, tuples and arrays"),
    ast.Delete: ("`del`", "leave it out"),
}
Node = ast.stmt | ast.expr | ast.excepthandler  # those that have a line
_OUTSIDE = "of the names outside a function only numbers, text, tuples, arrays and functions can be compiled"


@dataclass(frozen=True)
class Place:
    """A line of a function; ``inside`` False: its first, since the loop of the workbench that calls it is at fault."""

    function: types.FunctionType
    line: int
    inside: bool

    def __str__(self) -> str:
        return f"{self.function.__code__.co_filename}, line {self.line}"


def reason(place: Place, text: str, plugin: Sequence[types.FunctionType]) -> str | None:
    """Why the plugin's functions cannot be compiled, as the message ``text`` says; None if it is an unknown one."""
    said = _Said(place, text, plugin)
    if said.is_written_to:
        return said.writes_to_an_argument()
    for pattern, say in _REASONS:
        if found := re.match(pattern, said.telling):
            return say(said, *found.groups())
    return None


def instead_of(name: str, known: Iterable[str]) -> str:
    """``"; did you mean 'exp'?"``, if something like it is known."""
    if hasattr(math, name):
        return f"; did you mean 'math.{name}'?"
    near = difflib.get_close_matches(name, [each for each in known if not each.startswith("_")], n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def nodes_of(function: types.FunctionType) -> list[Node]:
    """What is written in a function."""
    code = function.__code__
    lines = [line for _, _, line in code.co_lines() if line]
    return nodes_on(code.co_filename, code.co_firstlineno, max(lines))


def nodes_on(file: str, first: int, last: int) -> list[Node]:
    """What is written in these lines of a file."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except SyntaxError:  # edited since it was imported
        return []
    return [node for node in ast.walk(tree) if isinstance(node, Node) and first <= node.lineno <= last]


class _Said:
    """What the compiler said. Its methods put one complaint each in other words."""

    def __init__(self, place: Place, text: str, plugin: Sequence[types.FunctionType]) -> None:
        self.place, self.text, self.plugin = place, text, plugin
        self.name, self.file = place.function.__name__, place.function.__code__.co_filename
        self.written = nodes_on(self.file, place.line, place.line)
        lines = (line.strip() for line in text.splitlines() if line.strip())
        besides = ("Failed in", "- Resolution failure")  # it says where in itself it was, and that it tried twice
        self.telling = next((line for line in lines if not line.startswith(besides)), "").removesuffix(".")
        call = re.search(r">>> (\w+)\((.*)\)", text)
        self.called, self.given = (call[1], _split(call[2])) if call else ("", [])
        causes = re.findall(r"^\s*\w*Error: (?!Failed in)(.+?)\.?$", text, re.MULTILINE)
        self.cause = causes[-1] if causes else ""

    @property
    def is_written_to(self) -> bool:
        """Whether an array is, that may not be. At ``x -= y`` Numba only stumbles."""
        stumbled = self.text == "'NoneType' object has no attribute 'args'"
        return "Cannot modify readonly array" in self.text or (stumbled and self._has(ast.AugAssign))

    def writes_to_an_argument(self) -> str:
        stored = [node for node in self.written if isinstance(getattr(node, "ctx", None), ast.Store)]
        called = [node.func for node in self.written if isinstance(node, ast.Call)]
        names = [name for name in map(_base, (*stored, *called)) if name in self._parameters(self.place.function)]
        which = f"its argument {names[0]}" if names else "an argument"
        copy = f"{names[0]}.copy()" if names else "a copy"
        return f"it writes to {which}, which belongs to the caller; work on {copy}"

    def arguments(self, positional: str, keywords: str) -> str:
        callee = re.search(r"<function (\S+?)(?:_float(?:32|64)_\w*)? at ", self.text)
        name = callee[1] if callee else ""
        function = next((f for f in self.plugin if f.__qualname__ == name), None)
        signature = re.search(r"to signature '\((.*?)\)", self.telling)
        if re.search(r"[(, ]\*, ", self.telling.partition("to signature")[2]):
            return (
                f"{name.rpartition('.')[2]}() takes arguments by keyword only, as compiled code cannot: leave out the *"
            )
        if function:
            parameters = {n: p.default is not p.empty for n, p in self._parameters(function).items()}
        else:  # "x: 'Any', out=None"
            parts = _split(signature[1]) if signature else []
            parameters = {re.split(r"[:=]", part)[0]: "=" in part for part in parts}
        headline = f"{name.rpartition('.')[2]}({', '.join(parameters)})"
        given = re.findall(r"'(\w+)':", keywords)
        for unknown in (name for name in given if name not in parameters):
            return f"{headline} has no argument {unknown!r}{instead_of(unknown, parameters)}"
        count, most = len(_split(positional)) + len(given), len(parameters)
        least = most - sum(parameters.values())
        if least <= count <= most:
            return f"{headline}: {self.telling.rpartition('TypeError: ')[2].strip(chr(34))}"
        takes = f"{least} to {most}" if least < most else f"{most}"
        return f"{headline} takes {takes} argument{'s' * (takes != '1')}, {count} {'is' if count == 1 else 'are'} given"

    def attribute(self, name: str, kind: str) -> str:
        if module := re.match(r"Module\(<module '([\w.]+)'", kind):
            return self.attribute_of_module(module[1], name)
        if "array" not in kind:
            return f"{_plain(kind)} has no attribute {name!r}"
        if hasattr(np.ndarray, name):
            return f"{name!r} of {_plain(kind)} cannot be compiled: write it out as a loop"
        near = difflib.get_close_matches(name, dir(np.ndarray), n=1)
        return f"{_plain(kind)} has no attribute {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")

    def attribute_of_module(self, module: str, name: str) -> str:
        return _not_compiled(f"{module}.{name}", name)

    def undefined(self, name: str) -> str:
        return f"{name} is used before it has a value"

    def two_types(self, one: str, other: str, name: str) -> str:
        if not name.startswith("$"):  # those are the compiler's own
            return _in_two_cases(f"{name.partition('.')[0]} is", [one, other])
        return _in_two_cases(f"{self.name}() returns" if self._has(ast.Return) else "this is", [one, other])

    def two_returns(self, kinds: str) -> str:
        returns = re.findall(r"type '(.+)', location:\s*File \"[^\"]+\", line (\d+)", self.text)
        by_line = {int(line): kind for kind, line in sorted(returns)}
        if len(by_line) < 2:
            return _in_two_cases(f"{self.name}() returns", _split(kinds))
        lines = [f"{_plain(kind)} in line {line}" for line, kind in sorted(by_line.items())]
        return f"{self.name}() returns {', '.join(lines[:-1])} and {lines[-1]}"

    def missing_return(self, line: str) -> str:
        return f"{self.name}() returns something in line {line} and, on another way through it, nothing"

    def untyped(self, name: str, kind: str) -> str:
        value = self.place.function.__globals__.get(name, getattr(builtins, name, None))
        if callable(value) and not isinstance(value, type):
            return _not_compiled(f"{name}()", name)
        return f"{name} is {'a class' if isinstance(value, type) else f'of type {kind}'}: {_OUTSIDE}"

    def untyped_list(self, kind: str, name: str) -> str:
        return f"{name} is {_plain(kind)}: {_OUTSIDE}"

    def unsupported(self) -> str:
        for node in (*self.written, *nodes_of(self.place.function)):
            if type(node) in CONSTRUCTS:
                return "{} cannot be compiled: {}".format(*CONSTRUCTS[type(node)])
        opcode = re.search(r"opcode \((\w+)\)", self.telling)
        return f"what this line does cannot be compiled ({opcode[1] if opcode else self.telling})"

    def no_implementation(self) -> str:
        if not self.place.inside:
            return self._returned()
        words = [_plain(each) for each in self.given]
        if self.called in ("getitem", "setitem"):
            return self._item(*words)
        if symbol := _SYMBOLS.get(self.called) or _SYMBOLS.get(self.called[1:]):
            return f"{f' {symbol} '.join(words)} cannot be computed"
        if self.cause.startswith("np."):  # what our own products have to say
            return self.cause
        calls = [ast.unparse(node.func) for node in self.written if isinstance(node, ast.Call)]
        named = [call for call in calls if call.rpartition(".")[2] in self.called]
        function = [*named, *calls, self.called][0]
        if self.cause.startswith("Casting array"):
            return f"{function}() takes one number at a time here: loop over the array"
        if argument := re.match(r"got an unexpected keyword argument ('\w+')", self.cause):
            return f"{function}() has no argument {argument[1]} in compiled code"
        if argument := re.match(r"missing a required argument: ('\w+')", self.cause):
            return f"{function}() needs the argument {argument[1]}"
        return f"{function}() does not take {', '.join(words)}" + (f": {self.cause}" if self.cause else "")

    def _item(self, owner: str, index: str, value: str = "") -> str:
        if value and value not in _NUMBERS and "array" not in value:
            return f"{value} cannot be put into {owner}"
        if "array" not in owner and owner not in ("a tuple", "a list"):
            return f"{owner} cannot be indexed"
        if index == "a tuple":
            return f"{owner} does not take {_length(self.given[1])} indices"
        if index == "a number":
            return f"{owner} cannot be indexed with a number that need not be whole: take int(...) of it"
        return f"{owner} cannot be changed" if value else f"{owner} cannot be indexed with {index}"

    def _returned(self) -> str:
        """The loop of the workbench cannot do with what the function returns."""
        words = [_plain(each) for each in self.given]
        if self.called == "getitem":
            return f"{self.name}() returns {words[0]} where a tuple is needed"
        strange = [word for word in words if word not in _NUMBERS and "array" not in word]
        returned = words[-1] if self.called == "setitem" or not strange else strange[-1]
        if returned == "a generator":
            return f"{self.name}() is a generator: it has a yield where a return is needed"
        return f"{self.name}() returns {returned} where a number is needed"

    def out_of_range(self) -> str | None:
        if not self.place.inside:
            return f"{self.name}() returns too few values"
        return "the tuple is not that long" if "During: typing" in self.text else None

    def not_unpacked(self, kind: str) -> str:
        return f"{_plain(kind)} cannot be unpacked"

    def wrong_length(self, expected: str, got: str) -> str:
        return f"{got} values cannot be unpacked into {expected} names"

    def not_iterable(self, kind: str) -> str:
        return f"{_plain(kind)} cannot be looped over"

    def empty(self, name: str, kind: str) -> str:
        return (
            f"{name} is {_plain(kind)}, and what it will hold does not show: use an array instead, such as np.empty(n)"
        )

    def starred(self, kind: str) -> str:
        return f"what follows * in a call should be a tuple, not {_plain(kind)}"

    def _has(self, kind: type[ast.AST]) -> bool:
        return any(isinstance(node, kind) for node in self.written)

    @staticmethod
    def _parameters(function: types.FunctionType) -> dict[str, inspect.Parameter]:
        return dict(inspect.signature(function).parameters)


_REASONS: tuple[tuple[str, Callable[..., str | None]], ...] = (
    (r"Cannot bind 'args=\((.*?),?\) kws=\{(.*?)\}' to signature", _Said.arguments),
    (r"Unknown attribute '(\w+)' of type (.+)", _Said.attribute),
    (r"module '([\w.]+)' has no attribute '(\w+)'", _Said.attribute_of_module),
    (r".*Variable '(\w+)' is not defined", _Said.undefined),
    (r"Cannot unify (.+) and (.+) for '(\S+)', defined at", _Said.two_types),
    (r"Can't unify return type from the following types: (.+)", _Said.two_returns),
    (r"Missing return besides that of line (\d+)", _Said.missing_return),
    (r"Untyped \w+ name '(\w+)': .*<class '([\w.]+)'>", _Said.untyped),
    (r"The use of a (.+?) type, assigned to variable '(\w+)' in globals", _Said.untyped_list),
    (r"(?i).*(?:unsupported|not supported|illegal IR, del|exception_match)", _Said.unsupported),
    (r"No implementation of function", _Said.no_implementation),
    (r"tuple index out of range", _Said.out_of_range),
    (r"failed to unpack (.+)", _Said.not_unpacked),
    (r"\('wrong tuple length .*expected (\d+), got (\d+)", _Said.wrong_length),
    (r"Invalid use of getiter with parameters \((.+)\)", _Said.not_iterable),
    (r"Cannot infer the type of variable '(\w+)'.*imprecise type: (\w+)", _Said.empty),
    (r"\*args in function call should be a tuple, got (.+)", _Said.starred),
)


def _base(node: ast.AST) -> str:
    """The name that ``x[i].real`` and its like begin with."""
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    return getattr(node, "id", "")


def _not_compiled(what: str, name: str) -> str:
    if hasattr(math, name) and what != f"math.{name}":
        return f"{what} cannot be compiled: use math.{name}"
    return f"{what} cannot be compiled; your own functions, most of math and much of numpy can"


def _in_two_cases(what: str, kinds: Sequence[str]) -> str:
    plain = sorted({_plain(kind) for kind in kinds})
    cases = plain if len(plain) > 1 else sorted(kinds)
    return f"{what} {' in one case, '.join(cases[:-1])} in one case and {cases[-1]} in another"


def _plain(kind: str) -> str:
    """``array(float64, 2d, C)`` is a 2-d array; one that is passed by its name keeps that."""
    if named := re.match(r"(\w+)=(?!=)(.+)", kind):
        return f"{named[1]}={_plain(named[2])}"
    if array := re.match(r"(?:readonly |unaligned )*array\(\w+, (\d)d", kind):
        return f"a {array[1]}-d array"
    return next((plain for pattern, plain in _TYPES if re.match(pattern, kind)), kind)


def _length(kind: str) -> int:
    """How many a tuple type holds."""
    if uniform := re.search(r" x (\d+)\)$", kind):
        return int(uniform[1])
    return len(_split(kind.partition("(")[2].removesuffix(")")))


def _split(listed: str) -> list[str]:
    """``"array(float32, 1d, C), int64"`` at its outer commas."""
    parts, depth = [""], 0
    for letter in listed:
        depth += (letter in "([{<") - (letter in ")]}>")
        if letter == "," and not depth:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]
