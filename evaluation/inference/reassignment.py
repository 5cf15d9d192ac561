"""Who could have been the pilot: treatment paths dealt out to sites anew, drawn or enumerated."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

__all__ = ["FEWEST_TO_SAMPLE", "Reassignments", "count_reassignments", "reassign"]

IntArray = NDArray[np.int64]

# Below this many distinct reassignments all of them are taken, and p-values are exact.
FEWEST_TO_SAMPLE = 100_000
# Cards of all decks shuffled at once: 32 megabytes.
_MOST_CARDS = 4_000_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reassignments:
    """Reassignments of m treatment paths among S sites; the actual one is the first.

    Parameters
    ----------
    chosen : int array, shape (B, m)
        Row by row the site that gets each path.
    path : int array, shape (m,)
        Which path it is; paths that are the same have the same code.
    is_exact : bool
        Whether these are all that there are, each once; else the rows after the first are drawn.
    possible : int
        How many there are.
    n_sites : int
        Among how many sites.
    """

    chosen: IntArray
    path: IntArray
    is_exact: bool
    possible: int
    n_sites: int

    @property
    def smallest_p(self) -> float:
        """The smallest p-value that these reassignments can give."""
        return 1 / len(self.chosen)


def count_reassignments(member: IntArray) -> int:
    """Return in how many distinct ways the paths can be dealt out to the sites.

    Parameters
    ----------
    member : int array, shape (S,)
        The path of each site, -1 for none.
    """
    paths = member[member >= 0]
    ways = math.perm(member.size, paths.size)
    for copies in np.unique(paths, return_counts=True)[1]:
        ways //= math.factorial(int(copies))
    return ways


def reassign(
    member: IntArray, *, draws: int, random: Generator, fewest: int = FEWEST_TO_SAMPLE
) -> Reassignments:
    """Deal the paths out anew: all ways where they are fewer than ``fewest``, else ``draws``.

    Parameters
    ----------
    member : int array, shape (S,)
        The path of each site, -1 for none; at least one site has one.
    draws : int
        Reassignments drawn beside the actual one, with replacement, when they are not enumerated.
    random : numpy.random.Generator
        Not used when they are.
    fewest : int
        From this many distinct reassignments on they are drawn.
    """
    possible = count_reassignments(member)
    actual = np.flatnonzero(member >= 0)
    actual = actual[np.argsort(member[actual], kind="stable")]
    path = member[actual]
    if possible < fewest:
        chosen = _all_ways(member.size, np.unique(path, return_counts=True)[1])
        where = int(np.flatnonzero((chosen == actual).all(axis=1))[0])
        chosen[[0, where]] = chosen[[where, 0]]
    else:
        chosen = np.vstack([actual, _drawn(member.size, actual.size, draws, random)])
    return Reassignments(
        chosen=chosen,
        path=path,
        is_exact=possible < fewest,
        possible=possible,
        n_sites=member.size,
    )


def _all_ways(n_sites: int, copies: IntArray) -> IntArray:
    """List every way, the sites of one path in ascending order; shape (ways, paths dealt out)."""
    chosen = np.empty((1, 0), dtype=np.int64)
    for number in copies.tolist():
        left = _left_over(chosen, n_sites)
        taken = np.array(list(combinations(range(left.shape[1]), number)), dtype=np.int64)
        before = np.repeat(chosen, taken.shape[0], axis=0)
        chosen = np.hstack([before, left[:, taken].reshape(-1, number)])
    return chosen


def _left_over(chosen: IntArray, n_sites: int) -> IntArray:
    """Return, row by row, the sites that are not chosen, in ascending order."""
    free = np.ones((chosen.shape[0], n_sites), dtype=np.bool_)
    np.put_along_axis(free, chosen, values=False, axis=1)
    return np.nonzero(free)[1].reshape(chosen.shape[0], -1)


def _drawn(n_sites: int, dealt: int, draws: int, random: Generator) -> IntArray:
    """Draw sites without replacement, row by row: the first steps of a Fisher-Yates shuffle."""
    at_once = max(1, _MOST_CARDS // n_sites)
    if draws > at_once:
        parts = [
            _drawn(n_sites, dealt, min(at_once, draws - done), random)
            for done in range(0, draws, at_once)
        ]
        return np.concatenate(parts)
    decks = np.tile(np.arange(n_sites), (draws, 1))
    row = np.arange(draws)
    for place in range(dealt):
        other = random.integers(place, n_sites, size=draws)
        held = decks[row, other]
        decks[row, other] = decks[:, place]
        decks[:, place] = held
    return decks[:, :dealt]
