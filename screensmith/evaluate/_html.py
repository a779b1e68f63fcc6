"""Writing HTML from text that is not to be trusted."""

from __future__ import annotations

import html
import unicodedata
from collections.abc import Mapping

LONGEST_SHOWN = 600


def escape(text: object) -> str:
    r"""Text that is safe inside an element and inside a quoted attribute.

    Characters that draw nothing or turn the reading direction are shown as \uXXXX, so that a
    model's answer cannot hide or reorder anything on the page.
    """
    shown = "".join(_visible(character) for character in str(text))
    return html.escape(shown, quote=True)


def _visible(character: str) -> str:
    if character in "\n\t" or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn"):
        return character
    number = ord(character)
    return f"\\u{number:04x}" if number <= 0xFFFF else f"\\U{number:08x}"


def shorten(text: str) -> str:
    """Text cut to what a caption can hold, saying how long it was."""
    if len(text) <= LONGEST_SHOWN:
        return text
    return f"{text[:LONGEST_SHOWN]} … ({len(text):,} characters)"


def tag(name: str, content: str = "", attributes: Mapping[str, object] | None = None) -> str:
    """An element around content that is already HTML; attribute values are escaped."""
    written = "".join(f' {key}="{escape(value)}"' for key, value in (attributes or {}).items())
    return f"<{name}{written}>{content}</{name}>"


def number(value: float) -> str:
    """A length or place for SVG, to a hundredth."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
