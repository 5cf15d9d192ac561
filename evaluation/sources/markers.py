"""How a cell is read: markers of missing figures, each with its meaning, and numbers."""

from __future__ import annotations

import polars as pl

__all__ = [
    "MARKERS",
    "NOT_REPORTED",
    "SUPPRESSED",
    "UNSEEN",
    "blank",
    "cut",
    "meaning",
    "number",
    "shown",
]

SUPPRESSED = "suppressed"
NOT_REPORTED = "not reported"
_NOT_AVAILABLE = "not available"
_NOT_APPLICABLE = "not applicable"

# Symbols of the Government Statistical Service and of NHS England's files, and what R, Excel and
# SQL write for a missing figure. Compared in lower case, without spaces around.
MARKERS: dict[str, str] = {
    "": NOT_REPORTED,
    "-": NOT_REPORTED,
    "\N{EN DASH}": NOT_REPORTED,
    ".": NOT_REPORTED,
    "null": NOT_REPORTED,
    "na": NOT_REPORTED,
    "nan": NOT_REPORTED,
    "*": SUPPRESSED,
    "[c]": SUPPRESSED,
    "..": _NOT_AVAILABLE,
    ":": _NOT_AVAILABLE,
    "[x]": _NOT_AVAILABLE,
    "n/a": _NOT_AVAILABLE,
    "#n/a": _NOT_AVAILABLE,
    "[z]": _NOT_APPLICABLE,
}
# "0,512" has a decimal comma: no number of thousands begins with 0.
_THOUSANDS = r"^[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?$"
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
# Soft hyphens, spaces of no width, marks of direction, word joiners and byte order marks.
_UNSEEN_CODES = (0x00AD, *range(0x200B, 0x2010), 0x2060, 0xFEFF)
UNSEEN = f"[{''.join(map(chr, _UNSEEN_CODES))}]"
_TOLD = {chr(code): f"<U+{code:04X}>" for code in _UNSEEN_CODES}

_LONGEST_SHOWN = 60


def cut(text: str) -> str:
    """Return a cell as messages show it: no longer than a line, with what cannot be seen."""
    line = " ".join(text.split()).translate({ord(c): told for c, told in _TOLD.items()})
    return line if len(line) <= _LONGEST_SHOWN else f"{line[:_LONGEST_SHOWN]}..."


def shown(column: str) -> pl.Expr:
    """Return a text cell as :func:`cut` does; String, empty for null."""
    line = pl.col(column).fill_null("").str.replace_all(r"\s+", " ").str.strip_chars()
    line = line.str.replace_many(list(_TOLD), list(_TOLD.values()))
    start = pl.format("{}...", line.str.slice(0, _LONGEST_SHOWN))
    return pl.when(line.str.len_chars() > _LONGEST_SHOWN).then(start).otherwise(line)


def _cell(column: str) -> pl.Expr:
    # Rust's trim takes off every Unicode space, the non-breaking and narrow ones of NHS files too.
    return pl.col(column).fill_null("").str.strip_chars()


def blank(column: str) -> pl.Expr:
    """Whether a text cell holds nothing; Boolean."""
    return _cell(column) == ""


def meaning(column: str) -> pl.Expr:
    """Return what a marker of a missing figure means, null where the cell is no marker; String."""
    return (
        _cell(column)
        .str.to_lowercase()
        .replace_strict(MARKERS, default=None, return_dtype=pl.String)
    )


def number(column: str) -> pl.Expr:
    """Return a text cell as a finite number, "1,234" too, null where it is none; Float64."""
    cell = _cell(column)
    plain = (
        pl.when(cell.str.contains(_THOUSANDS)).then(cell.str.replace_all(",", "")).otherwise(cell)
    )
    figure = pl.when(plain.str.contains(_NUMBER)).then(plain).cast(pl.Float64, strict=False)
    return pl.when(figure.is_finite()).then(figure)
