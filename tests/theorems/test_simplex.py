"""Minima over the simplex, by their optimality conditions and by slower ways."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.optimize import nnls

from evaluation.estimators.simplex import duality_gap, frank_wolfe, minimise

FloatArray = NDArray[np.float64]
# Rounding of the objective, in units of the largest entry of Q.
ROUNDING = 1e-12
# The other solver's own rounding.
ELSEWHERE = 1e-9
# How close 10,000 Frank-Wolfe steps come: their gap falls as one over their number.
SLOWLY = 1e-2


def problem(random: Generator, *, kind: int) -> tuple[FloatArray, float]:
    """Return Q and a lower bound of its eigenvalues, from easy to singular."""
    n, m = int(random.integers(2, 30)), int(random.integers(1, 40))
    columns = random.normal(size=(m, n))
    target = columns.mean(axis=1) + random.normal(size=m)
    if kind == 1:  # paths that wander, hardly any ridge
        columns, target = columns.cumsum(axis=0), target.cumsum()
    if kind == 2:  # an exact match exists
        target = columns @ random.dirichlet(np.ones(n))
    if kind == 3:  # donors that are the same, or between others
        columns[:, -1] = columns[:, 0]
        columns[:, n // 2] = (columns[:, 0] + columns[:, 1]) / 2
    ridge = (float(m), 1e-12 * m, 0.0, 0.0)[kind]
    apart = columns - target[:, None]
    return apart.T @ apart + ridge * np.eye(n), ridge


@pytest.mark.parametrize("kind", [0, 1, 2, 3])
@pytest.mark.parametrize("seed", range(25))
def test_the_minimum_meets_its_conditions(kind: int, seed: int) -> None:
    q, ridge = problem(np.random.default_rng([kind, seed]), kind=kind)
    x = minimise(q, ridge=ridge)
    assert x.min() >= 0
    assert x.sum() == pytest.approx(1, abs=1e-12)
    slope = q @ x
    size = q.diagonal().max()
    # Karush, Kuhn and Tucker: the slope is the same where there is weight, nowhere lower.
    assert np.ptp(slope[x > 0]) <= ROUNDING * size
    assert slope.min() >= slope[x > 0].min() - ROUNDING * size
    assert duality_gap(q, x) <= ROUNDING * size


@pytest.mark.parametrize("seed", range(10))
def test_non_negative_least_squares_finds_the_same(seed: int) -> None:
    q, ridge = problem(np.random.default_rng(seed), kind=0)
    # x'Qx + (sum x - 1)^2 over x >= 0 is lowest on the same ray: Lawson and Hanson's solve it.
    root = np.vstack([np.linalg.cholesky(q).T, np.ones(q.shape[0])])
    ray = nnls(root, np.append(np.zeros(q.shape[0]), 1.0))[0]
    np.testing.assert_allclose(minimise(q, ridge=ridge), ray / ray.sum(), atol=ELSEWHERE)


@pytest.mark.parametrize("seed", range(10))
def test_the_gap_bounds_what_is_missing(seed: int) -> None:
    random = np.random.default_rng(seed)
    q, ridge = problem(random, kind=0)
    lowest = minimise(q, ridge=ridge)
    for x in random.dirichlet(np.ones(q.shape[0]), size=20):
        assert x @ q @ x - lowest @ q @ lowest <= duality_gap(q, x) * (1 + ROUNDING)


@pytest.mark.parametrize("seed", range(5))
def test_frank_wolfe_comes_down_to_the_minimum(seed: int) -> None:
    random = np.random.default_rng(seed)
    q, ridge = problem(random, kind=0)
    lowest = minimise(q, ridge=ridge)
    start = random.dirichlet(np.ones(q.shape[0]))
    heights = [
        float(x @ q @ x)
        for steps in (1, 10, 100, 1000, 10_000)
        for x in [frank_wolfe(q, start, least_decrease=-1.0, most_steps=steps)]
    ]
    assert heights == sorted(heights, reverse=True)
    assert heights[-1] == pytest.approx(lowest @ q @ lowest, rel=SLOWLY)


def test_frank_wolfe_keeps_to_the_simplex_by_plain_steps() -> None:
    random = np.random.default_rng(1)
    q, _ = problem(random, kind=1)
    plain = np.full(q.shape[0], 1 / q.shape[0])
    for _ in range(50):
        slope = q @ plain
        towards = -plain
        towards[slope.argmin()] += 1
        plain = plain + min(1.0, max(0.0, -slope @ towards / (towards @ q @ towards))) * towards
    x = frank_wolfe(q, np.full(plain.size, 1 / plain.size), least_decrease=-1.0, most_steps=50)
    np.testing.assert_allclose(x, plain, atol=1e-9)
    assert x.sum() == pytest.approx(1)


def test_between_equals_no_label_decides() -> None:
    for q in (np.zeros((4, 4)), np.ones((4, 4)), np.eye(4)):
        np.testing.assert_array_equal(minimise(q, ridge=0.0), np.full(4, 0.25))


def test_one_weight_is_1() -> None:
    assert minimise(np.array([[3.0]]), ridge=0.0) == [1.0]
