"""Figures of a simulation with their Monte Carlo errors."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Mean", "Rate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How often something happened: ``count`` times in ``trials``.

    Raises
    ------
    ValueError
        When there are no trials, or more counts than trials.
    """

    count: int
    trials: int

    def __post_init__(self) -> None:
        """Refuse what is no rate."""
        if not 0 <= self.count <= self.trials or self.trials == 0:
            raise ValueError(f"{self.count} of {self.trials} is no rate")

    @property
    def value(self) -> float:
        """The rate, between 0 and 1."""
        return self.count / self.trials

    @property
    def error(self) -> float:
        """Monte Carlo standard error: what the rate would vary by if all was drawn again.

        Half a count is added, so that never (0 of 400) and always do not pass for certain.
        """
        near = (self.count + 0.5) / (self.trials + 1)
        return math.sqrt(near * (1 - near) / self.trials)

    @property
    def per_cent(self) -> str:
        """The rate and its error in words of a table: ``4.8 (1.1)``."""
        return f"{100 * self.value:.1f} ({100 * self.error:.1f})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mean:
    """A mean over repetitions with its Monte Carlo standard error."""

    value: float
    error: float
