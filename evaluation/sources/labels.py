"""Labels and headings as publishers type them, evened out so that they can be compared."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["even", "is_icbs", "listed"]

_MOST_LISTED = 40

_DASHES = str.maketrans(dict.fromkeys("\N{EN DASH}\N{EM DASH}\N{NON-BREAKING HYPHEN}", "-"))


def even(text: str) -> str:
    """Return a label with spaces of any kind, line breaks, dashes and case evened out."""
    return " ".join(text.translate(_DASHES).replace("-", " - ").split()).casefold()


def is_icbs(label: str) -> bool:
    """Whether a label ("ICBs", "Integrated Care Board") says that areas are ICBs, and no parts."""
    words = even(label).removeprefix("nhs ").split(" (")[0]
    return words.rstrip("s") in ("icb", "integrated care board")


def listed(headings: Sequence[str]) -> str:
    """Return the headings of a file as messages list them; beyond forty, how many more there are.

    As Python writes them, so that spaces and what cannot be seen are told.
    """
    more = f" and {len(headings) - _MOST_LISTED:,} more" * (len(headings) > _MOST_LISTED)
    return ", ".join(repr(heading) for heading in headings[:_MOST_LISTED]) + more
