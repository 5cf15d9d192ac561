"""Numbers as sentences carry them: three figures at most, and said to be rounded."""

from __future__ import annotations

import math

__all__ = ["about", "between", "end", "number", "per_cent", "plural", "span"]

_FIGURES = 3
_MINUS = "\N{MINUS SIGN}"


def number(value: float) -> str:
    """Return a number at three figures and, from 1 up, one decimal at most: ``16.4``, ``1,230``.

    Below 1 two figures are kept (``0.062``), so that a small rate does not become 0.

    Raises
    ------
    ValueError
        When ``value`` is not finite: a sentence has no words for it.
    """
    if not math.isfinite(value):
        raise ValueError(f"{value} cannot be said in a sentence")
    if value == 0:
        return "0"
    size = abs(value)
    rounded = _rounded(size)
    decimals = max(0, _decimals(rounded))
    text = f"{rounded:,.{decimals}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return f"{_MINUS}{text}" if value < 0 else text


def _decimals(size: float) -> int:
    """Decimals that a number of this size keeps; negative to round tens and hundreds."""
    magnitude = math.floor(math.log10(size))
    if magnitude < 0:
        return 1 - magnitude
    return min(1, _FIGURES - 1 - magnitude)


def _rounded(size: float) -> float:
    return round(size, _decimals(size))


def per_cent(value: float) -> str:
    """Return ``value``, which is per cent already, with its sign: ``16.4%``."""
    return f"{number(value)}%"


def about(value: float, unit: str = "%") -> str:
    """Return a size with its unit, and "about" where it is rounded: ``about 12%``."""
    size = abs(value)
    exact = size == 0 or math.isclose(_rounded(size), size, rel_tol=1e-12)
    text = f"{number(size)}{unit}"
    return text if exact else f"about {text}"


def span(low: float, high: float, unit: str = "%") -> str:
    """Return both ends of an interval by direction: ``a fall of 9% as well as a rise of 6%``."""
    return f"{end(low, unit)} as well as {end(high, unit)}"


def between(low: float, high: float, unit: str = "%") -> str:
    """Return an interval: ``likely between 7.3% and 16.4%``, smaller size first.

    Where it holds both directions each end says its own: ``likely between a fall of 2% and a rise
    of 1.5%``. A ``unit`` that is a word is said once, after the second number.
    """
    if low <= 0 <= high:
        return f"likely between {end(low, unit)} and {end(high, unit)}"
    near, far = sorted((abs(low), abs(high)))
    first = number(near) + (unit if unit.startswith("%") else "")
    return f"likely between {first} and {number(far)}{unit}"


def end(value: float, unit: str = "%") -> str:
    """Return a change by its direction: ``a fall of 9%``, ``no change``."""
    if value == 0:
        return "no change"
    return f"a {'fall' if value < 0 else 'rise'} of {number(abs(value))}{unit}"


def plural(count: int, noun: str, nouns: str = "") -> str:
    """Return a count with its noun: ``1 site``, ``6 sites``; ``nouns`` where s does not do."""
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"
