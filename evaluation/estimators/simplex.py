r"""Quadratic forms over the simplex: weights that are not negative and add up to 1.

Both weights of synthetic difference-in-differences minimise :math:`\|Ax - b\|^2 + \eta\|x\|^2` over
the simplex. There :math:`Ax - b = (A - b1')x`, so that everything about the problem is one matrix,
:math:`Q = (A - b1')'(A - b1') + \eta I`, and the objective is :math:`x'Qx`.

Shapes: n weights.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["duality_gap", "frank_wolfe", "minimise"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# Rounding of a product of Q, in units of its largest diagonal entry.
_ROUNDING = 1e-15
# Weights below it after a step are those that the step ended at.
_ZERO = 1e-14
# A condition number up to which all weights at once are a sound start.
_CONDITION = 1e6
# Frank-Wolfe keeps a scale beside its vectors; at this size they are multiplied out.
_SMALLEST_SCALE = 1e-100


def duality_gap(q: FloatArray, x: FloatArray) -> float:
    """Return a bound on how far above its minimum the objective is at ``x``.

    ``2 (x'Qx - min(Qx))``: no point of the simplex is lower than ``x'Qx`` by more (Jaggi 2013,
    Proc. ICML 30, "Revisiting Frank-Wolfe").

    Parameters
    ----------
    q : array, shape (n, n)
        Positive semi-definite.
    x : array, shape (n,)
        In the simplex.
    """
    slope = q @ x
    return max(0.0, 2 * float(x @ slope - slope.min()))


def minimise(q: FloatArray, *, ridge: float) -> FloatArray:
    """Return the minimum of ``x'Qx`` over the simplex, exact up to rounding.

    Wolfe (1976), Mathematical Programming 11, "Finding the nearest point in a polytope": solve for
    the weights that are in, step back where one of them would be negative, let in the one that the
    slope asks for. Where Q is well conditioned it starts with all weights in, those that come out
    negative leaving together; else with the best single one. Equal weights where they are a
    minimum, so that no label decides between equals.

    Parameters
    ----------
    q : array, shape (n, n)
        Positive semi-definite.
    ridge : float
        A lower bound of its eigenvalues.
    """
    n = q.shape[0]
    x = np.full(n, 1 / n)
    size = float(q.diagonal().max())
    if size <= 0 or duality_gap(q, x) <= _ROUNDING * size:
        return x
    scaled = q / size
    inside = np.arange(n) if ridge * _CONDITION >= size else np.array([scaled.diagonal().argmin()])
    values = _solved(scaled, inside)
    while (values <= 0).any():
        inside = inside[values > 0]
        values = _solved(scaled, inside)
    lowest = np.inf
    while True:
        slope = scaled[:, inside] @ values
        height = float(values @ slope[inside])
        entering = int(slope.argmin())
        # A step that does not descend is rounding: the minimum is reached.
        if height - float(slope[entering]) <= _ROUNDING or height >= lowest or entering in inside:
            break
        lowest = height
        inside, values = _let_in(scaled, inside, values, entering)
    x = np.zeros(n)
    x[inside] = values
    return x


def _solved(q: FloatArray, inside: IntArray) -> FloatArray:
    """Return the minimum over weights of these that add up to 1, of any sign.

    Adding 1 to each entry moves the objective by a constant and lets it be 0 at the minimum.
    """
    block = q[inside[:, None], inside] + 1.0
    try:
        values = np.linalg.solve(block, np.ones(inside.size))
    except np.linalg.LinAlgError:
        values = np.linalg.lstsq(block, np.ones(inside.size), rcond=None)[0]
    total: FloatArray = values / values.sum()
    return total


def _let_in(
    q: FloatArray, inside: IntArray, values: FloatArray, entering: int
) -> tuple[IntArray, FloatArray]:
    """Return the minimum with one more weight in, and those left out that it drives to 0."""
    inside = np.append(inside, entering)
    values = np.append(values, 0.0)
    while True:
        wanted = _solved(q, inside)
        if (wanted > 0).all():
            return inside, wanted
        falling = wanted <= 0
        reach = np.full(inside.size, np.inf)
        reach[falling] = values[falling] / (values[falling] - wanted[falling])
        step = float(reach.min())
        values = values + step * (wanted - values)
        stays = (values > _ZERO) & (reach > step)
        inside, values = inside[stays], values[stays] / values[stays].sum()


def frank_wolfe(
    q: FloatArray, x: FloatArray, *, least_decrease: float, most_steps: int
) -> FloatArray:
    """Take Frank-Wolfe steps with exact line search until one of them gains too little.

    The path of ``sc.weight.fw`` in synthdid, which stops after the second step or a later one that
    lowers the objective by no more than ``least_decrease``; here from Q alone, at the cost of one
    row of Q a step.

    Parameters
    ----------
    q : array, shape (n, n)
    x : array, shape (n,)
        Where to start, in the simplex.
    least_decrease : float
        On the scale of ``x'Qx``.
    most_steps : int
    """
    rows, diagonal = list(q), q.diagonal().tolist()
    # slope and weights are kept divided by `scale`, so that a step is one addition each.
    scale, weights, slope = 1.0, x.copy(), q @ x
    height = float(x @ slope)
    change = np.empty_like(slope)
    for taken in range(1, most_steps + 1):
        towards = int(slope.argmin())
        fall = height - scale * float(slope[towards])
        curvature = 2 * fall - height + diagonal[towards]
        step = min(1.0, max(0.0, fall / curvature)) if curvature > 0 else 0.0
        decrease = step * (2 * fall - step * curvature)
        height -= decrease
        scale *= 1 - step
        if scale < _SMALLEST_SCALE:
            slope *= scale
            weights *= scale
            scale = 1.0
        np.multiply(rows[towards], step / scale, out=change)
        slope += change
        weights[towards] += step / scale
        if taken > 1 and decrease <= least_decrease:
            break
    weights *= scale
    return weights
