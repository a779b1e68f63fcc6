"""The one error for models that cannot be used; apart, so that nothing heavy comes with it."""

from __future__ import annotations


class UnsuitableModel(ValueError):
    """A model that cannot be used here; the message says why and what to do."""
