"""Calls written as Python, read with `ast` as a name and plain values; nothing is ever executed.

A value is a text, a number, True, False, None, or a list or tuple of values. Everything else that Python
allows between the parentheses is refused by its own short reason.
"""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from screensmith.dialects import Unreadable, Unsupported
from screensmith.dialects._literals import LONGEST_ANSWER, whole_characters

NAME = r"[A-Za-z_][A-Za-z0-9_]*+(?:\.[A-Za-z_][A-Za-z0-9_]*+)*+"
CALL = re.compile(rf"(?<![\w.])({NAME})\(")
DEEPEST_LIST = 3
_DEEPEST_BRACKET = 6  # an answer needs three; Python takes long to refuse many
# Texts, brackets, comments, and the rest in pieces as long as can be: every sign is looked at once.
_TOKEN = re.compile(
    r"""
    '''(?:[^\\]|\\.)*?'''  |  \"\"\"(?:[^\\]|\\.)*?\"\"\"
    | '(?:[^'\\]|\\.)*+'   |  "(?:[^"\\]|\\.)*+"
    | [()\[\]{}]  |  \#[^\n]*+  |  [^'"()\[\]{}#]++
    """,
    re.VERBOSE | re.DOTALL,
)
_BRACKET = re.compile(r"[()\[\]{}]")
_REASONS: Mapping[type[ast.AST], str] = {
    ast.Name: "a name as an argument",
    ast.Attribute: "an attribute as an argument",
    ast.Call: "a call as an argument",
    ast.Lambda: "a lambda as an argument",
    ast.JoinedStr: "a formatted text as an argument",
    ast.ListComp: "a comprehension as an argument",
    ast.SetComp: "a comprehension as an argument",
    ast.DictComp: "a comprehension as an argument",
    ast.GeneratorExp: "a comprehension as an argument",
    ast.BinOp: "a calculation as an argument",
    ast.Starred: "unpacked arguments",
}


@dataclass(frozen=True, slots=True)
class Call:
    """One call: its dotted name, and the values of its arguments."""

    name: str
    positional: tuple[Any, ...]
    named: Mapping[str, Any]


def end_of_call(text: str, opening: int) -> int:
    """The position behind the parenthesis that closes the one at `opening`; texts are stepped over.

    Raises:
        Unreadable: it is never closed.
    """
    depth, position = 0, opening
    while token := _TOKEN.match(text, position):
        position = token.end()
        sign = token[0]
        if sign in "([{":
            depth += 1
            if depth > _DEEPEST_BRACKET:
                raise Unreadable("brackets too deep")
        elif sign in ")]}":
            depth -= 1
            if not depth:
                return position
    raise Unreadable("call does not end")


def read_call(source: str) -> Call:
    """The call that `source` spells, from its name to its closing parenthesis.

    A text may go over several lines, as recorded calls have it, although Python wants it escaped.

    Raises:
        Unreadable: it is not one call of a plain name with plain values.
    """
    node = _parsed(_in_one_line(source) if "\n" in source else source)
    if not isinstance(node, ast.Call):
        raise Unreadable("not a plain call")
    name = _dotted(node.func)
    positional = tuple(_plain(argument) for argument in node.args)
    named: dict[str, Any] = {}
    for keyword in node.keywords:
        if keyword.arg is None:
            raise Unreadable("unpacked arguments")
        if keyword.arg in named:
            raise Unreadable("argument given twice")
        named[keyword.arg] = _plain(keyword.value)
    if "\\" in source:
        whole_characters([positional, named], source)
    return Call(name, positional, named)


def bind(call: Call, *parameters: str) -> dict[str, Any]:
    """The arguments by the names of the parameters; one that may have several names is "keys/key".

    Raises:
        Unreadable: there are more arguments than parameters, one of another name, or one twice.
    """
    if len(call.positional) > len(parameters):
        raise Unreadable(f"too many arguments for {call.name}")
    names = {name: parameter.split("/")[0] for parameter in parameters for name in parameter.split("/")}
    values = {
        parameter.split("/")[0]: value
        for parameter, value in zip(parameters, call.positional, strict=False)
    }
    for given, value in call.named.items():
        name = names.get(given)
        if name is None:
            raise Unreadable(f"unknown argument {given[:40]!r} for {call.name}")
        if name in values:
            raise Unreadable("argument given twice")
        values[name] = value
    return values


def quoted(text: str) -> str:
    """The text as a Python literal in single quotes, which no tag or fence around it can be mistaken for.

    Raises:
        Unsupported: it holds half a character, or is longer than any answer that is read.
    """
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise Unsupported("text with half a character") from error
    # The mark in front makes Python choose single quotes always; it is taken off again.
    literal = "'" + repr('"' + text)[2:]
    literal = re.sub(r"<(?=/?(?:think|code)>)", r"\\x3c", literal, flags=re.IGNORECASE)
    literal = literal.replace("```", "\\x60" * 3)
    if len(literal) > LONGEST_ANSWER // 2:
        raise Unsupported("text too long")
    return literal


def parsed_program(source: str) -> ast.Module | None:
    """The statements that `source` spells, or None where it is no Python, or too deep to be an answer."""
    if max(accumulate((1 if sign in "([{" else -1 for sign in _BRACKET.findall(source)), initial=0)) > (
        2 * _DEEPEST_BRACKET
    ):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return None


def _parsed(source: str) -> ast.expr:
    try:
        with warnings.catch_warnings():  # a doubtful escape in a model's text is no fault of ours
            warnings.simplefilter("ignore")
            return ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise Unreadable("call is not valid Python") from error


def _in_one_line(source: str) -> str:
    """The same source with the line ends inside plain texts escaped."""
    parts = (token[0] for token in _TOKEN.finditer(source))
    return "".join(
        part.replace("\r", "\\r").replace("\\\n", "").replace("\n", "\\n")
        if part[0] in "'\"" and part[:3] not in ("'''", '"""')
        else part
        for part in parts
    )


def _dotted(node: ast.expr) -> str:
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        raise Unreadable("not a plain call")
    return ".".join([node.id, *reversed(names)])


def _plain(node: ast.expr, depth: int = 0) -> Any:
    if isinstance(node, ast.Constant) and (
        node.value is None or isinstance(node.value, str | int | float | bool)
    ):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        number = _plain(node.operand, depth + 1) if depth < DEEPEST_LIST else None
        if isinstance(number, int | float) and not isinstance(number, bool):
            return -number if isinstance(node.op, ast.USub) else number
    if isinstance(node, ast.List | ast.Tuple) and depth < DEEPEST_LIST:
        return [_plain(part, depth + 1) for part in node.elts]
    raise Unreadable(_REASONS.get(type(node), "an argument that is no plain value"))
