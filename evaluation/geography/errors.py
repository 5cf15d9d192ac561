"""What a code can be refused for; the caller adds the file, row or key."""

from __future__ import annotations

__all__ = ["BoundaryError", "UnknownAreaError"]


class _RefusedCodeError(ValueError):
    """A code that cannot be used, with what is allowed and what to do.

    Parameters
    ----------
    problem : str
        What was found, with the code.
    allowed : str
        What would have been accepted.
    remedy : str
        What to do about it.
    """

    def __init__(self, problem: str, *, allowed: str = "", remedy: str = "") -> None:
        self.problem = problem
        self.allowed = allowed
        self.remedy = remedy
        parts = (problem, f"Allowed: {allowed}" if allowed else "", remedy)
        super().__init__(" ".join(p if p.endswith((".", "?")) else f"{p}." for p in parts if p))


class UnknownAreaError(_RefusedCodeError):
    """The code is of no area that the register knows; the remedy names the nearest."""


class BoundaryError(_RefusedCodeError):
    """The area is known, but has no exact counterpart at the boundaries asked for."""
