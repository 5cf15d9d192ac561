"""Labels and headings as publishers type them, evened out so that they can be compared."""

from __future__ import annotations

__all__ = ["even"]

_DASHES = str.maketrans(dict.fromkeys("\N{EN DASH}\N{EM DASH}\N{NON-BREAKING HYPHEN}", "-"))


def even(text: str) -> str:
    """Return a label with spaces of any kind, line breaks, dashes and case evened out."""
    return " ".join(text.translate(_DASHES).replace("-", " - ").split()).casefold()
