"""A folder is a kind of thing, a file is one of them: finding plug-ins and checking their options.

`load("dialects", "neko")` imports `screensmith.dialects.neko`; a dotted name such as
`my_package.my_dialect` reaches a user's own module. Nothing is registered anywhere else.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any


class UnknownName(ValueError):
    """A plug-in, option or task that does not exist; the message names the nearest that does."""


def suggest(kind: str, name: str, known: list[str]) -> UnknownName:
    """The error for an unknown name: what was asked for, the nearest known name, and all of them."""
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return UnknownName(f"unknown {kind} {name!r}{hint} (known: {', '.join(known)})")


def names(folder: str) -> list[str]:
    """The plug-ins in one folder of the package, sorted; names that start with "_" are not plug-ins."""
    package = importlib.import_module(f"screensmith.{folder}")
    found = (module.name for module in pkgutil.iter_modules(package.__path__))
    return sorted(name for name in found if not name.startswith("_"))


def load(folder: str, name: str) -> ModuleType:
    """The module of one plug-in: a file in `screensmith/<folder>/`, or a dotted name of the user's."""
    if "." in name:
        if importlib.util.find_spec(name.split(".", maxsplit=1)[0]) is None:
            raise UnknownName(f"cannot find the module {name!r} for {folder}")
        return importlib.import_module(name)
    known = names(folder)
    if name not in known:
        raise suggest(folder.removesuffix("s"), name, known)
    return importlib.import_module(f"screensmith.{folder}.{name}")


def options_of(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """The options of a plug-in function: its keyword-only parameters."""
    parameters = inspect.signature(function).parameters
    return {
        name: parameter
        for name, parameter in parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }


def check_options(function: Callable[..., Any], options: Mapping[str, Any], owner: str) -> dict[str, Any]:
    """The given options when the function takes all of them, else UnknownName with a suggestion."""
    known = options_of(function)
    for name in options:
        if name not in known:
            raise suggest(f"option of {owner}", name, sorted(known))
    return dict(options)
