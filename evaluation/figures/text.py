"""How wide words are in Arial, and how labels are kept apart."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

__all__ = ["spread", "text_width", "wrap"]

# Advance widths of Arial (and of its metric twins Helvetica and Liberation Sans) in thousandths of
# the type size, from the fonts' published metrics; what is not listed is taken as a digit wide.
_WIDTHS: dict[str, int] = {
    letter: width
    for letters, width in (
        ("'", 191),
        ("ijl", 222),
        (" !,./:;It\\[]|f·", 278),
        ("()-r`", 333),
        ('"', 355),
        ("*", 389),
        ("ckJsvxyz", 500),
        ("+<=>\N{MINUS SIGN}\N{PLUS-MINUS SIGN}", 584),
        ("FTZ", 611),
        ("&ABEKPSVXY", 667),
        ("CDHNRUw", 722),
        ("GOQ", 778),
        ("Mm", 833),
        ("%", 889),
        ("W—", 944),
        ("@", 1015),
    )
    for letter in letters
}
_DIGIT = 556
_BOLD = 1.07


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """Return the width of a line of Arial, in the unit of ``size``."""
    width = sum(_WIDTHS.get(letter, _DIGIT) for letter in text) * size / 1000
    return width * _BOLD if bold else width


def wrap(text: str, size: float, width: float, *, bold: bool = False) -> tuple[str, ...]:
    """Break text into lines no wider than ``width``; a word longer than that has its own line."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_width(longer, size, bold=bold) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return tuple(lines)


def spread(places: Sequence[float], gap: float, low: float, high: float) -> tuple[float, ...]:
    """Move labels apart, as little as may be, so that neighbours are ``gap`` apart.

    Parameters
    ----------
    places : sequence of float
        Where each label wants to be.
    gap : float
        The least distance of two labels.
    low, high : float
        Bounds of the room; ``low`` wins when there is not enough of it.
    """
    order = sorted(range(len(places)), key=lambda i: (places[i], i))
    moved = list(places)
    for before, after in pairwise(order):
        overlap = moved[before] + gap - moved[after]
        if overlap > 0:
            moved[before] -= overlap / 2
            moved[after] += overlap / 2
    for rank, i in enumerate(order):
        floor = low if rank == 0 else moved[order[rank - 1]] + gap
        room = high - gap * (len(order) - 1 - rank)
        moved[i] = max(floor, min(moved[i], room))
    return tuple(moved)
