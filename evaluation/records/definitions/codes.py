"""Codes as the lists write them: beginnings of ICD-10 or OPCS-4 codes, with classes of letters."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass
from functools import cached_property
from itertools import product

__all__ = ["LONGEST_CODE", "Codes", "spelt_out"]

LONGEST_CODE = 4
_ALPHABET = string.digits + string.ascii_uppercase
_ATOM = r"(?:[0-9A-Z]|\[[0-9A-Z-]+\])"
_WRITTEN = re.compile(rf"{_ATOM}{{1,{LONGEST_CODE}}}")
_RANGE = re.compile(r"([0-9A-Z])(?:-([0-9A-Z]))?")


def spelt_out(written: str) -> tuple[str, ...]:
    """Return the beginnings that one pattern stands for: ``J4[56]`` is J45 and J46.

    Parameters
    ----------
    written : str
        One to four places, each a digit, a capital letter, or a class of them: ``[0-8]``,
        ``[A-HJ]``. It matches every code that begins so; nothing matches in the middle of a code.

    Raises
    ------
    ValueError
        When it is not written so.
    """
    if not _WRITTEN.fullmatch(written):
        raise ValueError(written)
    return tuple(
        "".join(places)
        for places in product(*(_members(atom) for atom in re.findall(_ATOM, written)))
    )


def _members(atom: str) -> tuple[str, ...]:
    """Return the letters of one place; ``0-8`` within brackets is a range."""
    inside = atom.strip("[]")
    found = list(_RANGE.finditer(inside))
    spans = [(hit[1], hit[2] or hit[1]) for hit in found]
    if "".join(hit[0] for hit in found) != inside or any(low > high for low, high in spans):
        raise ValueError(atom)
    letters = [
        _ALPHABET[_ALPHABET.index(low) : _ALPHABET.index(high) + 1]
        for low, high in spans
        if low.isdigit() == high.isdigit()
    ]
    if len(letters) < len(spans):
        raise ValueError(atom)
    return tuple(dict.fromkeys("".join(letters)))


@dataclass(frozen=True, kw_only=True)
class Codes:
    """A set of codes, given by how they begin.

    Parameters
    ----------
    written : tuple of str
        As the list has them: ``("J4[56]", "I110")``.
    """

    written: tuple[str, ...]

    @cached_property
    def beginnings(self) -> tuple[str, ...]:
        """Each beginning once, without those that a shorter one covers, sorted."""
        every = {code for written in self.written for code in spelt_out(written)}
        return tuple(
            sorted(
                code for code in every if not any(code[:n] in every for n in range(1, len(code)))
            )
        )

    @property
    def pattern(self) -> str:
        """A regular expression for the beginnings, in what every engine understands."""
        return f"(?:{'|'.join(self.written)})"

    def whole(self, *lengths: int) -> list[str]:
        """Return every code of these lengths that begins so, sorted.

        The codes of a column whose lengths are known are then looked up in a table, which is
        several times as fast as a regular expression and means the same.
        """
        return sorted(
            beginning + "".join(rest)
            for beginning in self.beginnings
            for length in lengths
            if length >= len(beginning)
            for rest in product(_ALPHABET, repeat=length - len(beginning))
        )
