"""Sign vectors of the wild bootstrap, and what becomes of the sites that meet them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from evaluation.inference.wild_scores import Flips

__all__ = ["Met", "Signs", "Verdict", "Weights", "draw_signs"]

Weights = Literal["rademacher", "webb"]
FloatArray = NDArray[np.float64]

# Up to so many sites all sign vectors are met: 2^12 = 4,096.
_MOST_ENUMERATED = 12
_WEBB: FloatArray = np.sqrt(np.array([0.5, 1.0, 1.5]))
# Squares of statistics this close are the same but for rounding: a tie, which counts.
_TIE = 1e-9
# A bootstrap variance this small beside its mean over all draws is rounding.
_NO_VARIANCE = 1e-12


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Signs:
    """Sign vectors of the sites.

    Parameters
    ----------
    values : array, shape (draws, G)
        All possible ones, up to sign, with the sample itself first; or drawn.
    enumerated : bool
    draws : int
        How many vectors they stand for.
    """

    values: FloatArray
    enumerated: bool
    draws: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A tested value's p-value, with the draws whose statistic had no variance to be judged by.

    Such a draw counts as one at least as far out as the sample.
    """

    p: float
    failures: int


def draw_signs(
    sites: int, *, draws: int, weights: Weights = "rademacher", random: Generator
) -> Signs:
    """Return sign vectors: all of them with 12 sites or fewer, else ``draws`` at random.

    Parameters
    ----------
    sites : int
        G.
    draws : int
    weights : {"rademacher", "webb"}
        Webb's points are always drawn.
    random : numpy.random.Generator
    """
    if weights == "webb":
        points = np.r_[-_WEBB, _WEBB]
        drawn: FloatArray = points[random.integers(0, points.size, size=(draws, sites))]
        return Signs(values=drawn, enumerated=False, draws=draws)
    if sites <= _MOST_ENUMERATED:
        # A vector and its opposite have the same |t|: the first site keeps its sign.
        codes = np.arange(2 ** (sites - 1))[:, None] >> np.arange(sites)
        every = 1.0 - 2.0 * np.roll(codes & 1, 1, axis=1)
        return Signs(values=every, enumerated=True, draws=2**sites)
    size = draws * sites
    bits = np.unpackbits(np.frombuffer(random.bytes(-(-size // 8)), dtype=np.uint8), count=size)
    values = bits.reshape(draws, sites).astype(np.float64) * 2 - 1
    return Signs(values=values, enumerated=False, draws=draws)


class Met:
    """Signs that have met the sites: contrasts and variances by draw, up to the distance.

    Flips in one part stand for one tested value. Flips in two are added as 1 and the distance.
    """

    def __init__(self, found: Flips, signs: Signs) -> None:
        parts, sites = found.residuals.shape[:2]
        across = found.residuals.transpose(2, 0, 1).reshape(sites, parts * sites)
        met = signs.values @ np.hstack([found.moves, across])
        self._moves = met[:, :parts].T.copy()
        by_part = [met[:, parts + j * sites : parts + (j + 1) * sites] for j in range(parts)]
        self._squares = [
            [np.einsum("dg,dg->d", one, other) for other in by_part] for one in by_part
        ]
        self._typical = np.einsum("jgh,lgh->jl", found.residuals, found.residuals)
        self._square = found.square
        self._signs = signs

    def verdict(self, distance: float) -> Verdict:
        """Return the p-value of the tested value at this distance from the estimate."""
        weights = [1.0, distance][: len(self._squares)]
        moves = sum(w * one for w, one in zip(weights, self._moves, strict=True))
        square = sum(
            w * u * self._squares[j][i]
            for j, w in enumerate(weights)
            for i, u in enumerate(weights)
        )
        typical = np.array(weights) @ self._typical @ np.array(weights)
        none = square <= _NO_VARIANCE * typical
        # |t*| >= |t|, multiplied out.
        far = moves**2 * self._square >= (1 - _TIE) * distance**2 * square
        count = int((far | none).sum())
        failures = int(none.sum())
        if self._signs.enumerated:
            # The sample is one of the draws, whatever the jackknife makes of its own residuals.
            itself = bool(far[0] | none[0])
            return Verdict(
                p=(count + (not itself)) / far.size, failures=2 * (failures - int(none[0]))
            )
        return Verdict(p=(1 + count) / (1 + far.size), failures=failures)
