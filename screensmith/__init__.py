"""screensmith: turn a vision-language model into a GUI agent (capture, data, train, evaluate, act)."""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

# What `from screensmith import NAME` finds elsewhere. By name and not by an import statement: who asks for
# the version alone must not wait for models, nor be taken for one who depends on them (import-linter).
_ELSEWHERE = {"load_model_for_inference": "screensmith.inference"}


def __getattr__(name: str) -> Any:
    if name in _ELSEWHERE:
        return getattr(importlib.import_module(_ELSEWHERE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_ELSEWHERE})
