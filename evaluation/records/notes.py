"""Notes that hold counts of records, which whoever shows them puts under disclosure control."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["CountNote"]


def _exactly(count: int) -> str:
    return f"{count:,}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CountNote:
    """A note with counts of records in it.

    Parameters
    ----------
    parts : tuple of str and int
        The words, with the counts among them.
    rest : int
        What is not said of a total that is known elsewhere, and could be had from it by
        subtracting.
    """

    parts: tuple[str | int, ...]
    rest: int = 0

    @property
    def counts(self) -> tuple[int, ...]:
        """The counts, in order."""
        return tuple(part for part in self.parts if isinstance(part, int))

    def said(self, show: Callable[[int], str] = _exactly) -> str:
        """Return the note, each count as ``show`` writes it: exactly, if nothing else is said."""
        return "".join(part if isinstance(part, str) else show(part) for part in self.parts)
