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
# Numbers that are held at once, 64 megabytes.
_MOST_NUMBERS = 8_000_000
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
        All possible ones, up to sign, with the sample itself first; or drawn. Of many sites as
        bytes.
    enumerated : bool
    draws : int
        How many vectors they stand for.
    """

    values: FloatArray | NDArray[np.int8]
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
    bytewise = bits.reshape(draws, sites).astype(np.int8) * np.int8(2) - np.int8(1)
    values = bytewise if size > _MOST_NUMBERS else bytewise.astype(np.float64)
    return Signs(values=values, enumerated=False, draws=draws)


class Met:
    """Signs that have met the sites: contrasts and variances by draw, up to the distance.

    Flips in one part stand for one tested value. Flips in two are added as 1 and the distance. What
    a draw makes of the sites' scores is their own move less a product of k columns: few sites meet
    the matrix of sites by sites, many the columns.
    """

    def __init__(self, found: Flips, signs: Signs) -> None:
        sites, k, parts = found.flipped.shape
        meet = _by_pairs if sites <= 2 * k + 1 else _by_columns
        each = max(1, _MOST_NUMBERS // (sites + 2 * parts * min(sites, k)))
        values = signs.values
        met = [
            meet(found, np.asarray(values[at : at + each], dtype=np.float64))
            for at in range(0, len(values), each)
        ]
        self._moves = np.concatenate([moves for moves, _ in met], axis=1)
        squares = np.concatenate([squares for _, squares in met], axis=2)
        self._squares = squares.reshape(parts * parts, -1)
        # What the squares are on average, signs being independent.
        self._typical = _typical(found)
        self._square = found.square
        self._signs = signs

    def verdict(self, distance: float) -> Verdict:
        """Return the p-value of the tested value at this distance from the estimate."""
        weights = np.array([1.0, distance])[: len(self._moves)]
        moves = weights @ self._moves
        square = np.outer(weights, weights).ravel() @ self._squares
        typical = weights @ self._typical @ weights
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


def _by_pairs(found: Flips, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return moves, shape (j, d), and products of the sites' scores, (j, j, d), of some draws."""
    residuals = found.residuals
    parts, sites = residuals.shape[:2]
    across = residuals.transpose(2, 0, 1).reshape(sites, parts * sites)
    met = values @ np.hstack([found.moves, across])
    scores = met[:, parts:].reshape(-1, parts, sites)
    return met[:, :parts].T.copy(), np.einsum("djg,dlg->jld", scores, scores)


def _by_columns(found: Flips, values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the same, sites' scores multiplied out: none is formed."""
    sites, k, parts = found.flipped.shape
    flipped = found.flipped.transpose(0, 2, 1).reshape(sites, parts * k)
    beside = (found.moves[:, :, None] * found.projected[:, None, :]).reshape(sites, parts * k)
    met = values @ np.hstack([found.moves, flipped, beside])
    given, taken = np.split(met[:, parts:].reshape(-1, 2 * parts, k), 2, axis=1)
    products = np.einsum("gj,gl->gjl", found.moves, found.moves).reshape(sites, -1)
    own = ((values**2) @ products).reshape(-1, parts, parts)
    mixed = np.einsum("djk,dlk->djl", taken, given)
    through = given @ (found.projected.T @ found.projected)
    squares = own - mixed - mixed.transpose(0, 2, 1) + np.einsum("djk,dlk->djl", through, given)
    return met[:, :parts].T.copy(), np.asarray(squares.transpose(1, 2, 0))


def _typical(found: Flips) -> FloatArray:
    """Return the sums of products of what all signs add to all scores; shape (j, j)."""
    own = found.moves.T @ found.moves
    mixed = np.einsum("gj,gk,gkl->jl", found.moves, found.projected, found.flipped)
    gram = found.projected.T @ found.projected
    both = np.einsum("gkj,kl,glm->jm", found.flipped, gram, found.flipped, optimize=True)
    return np.asarray(own - mixed - mixed.T + both)
