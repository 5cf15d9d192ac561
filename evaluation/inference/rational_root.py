r"""The inverse root of a matrix as a sum of inverses: for matrices that only solve easily.

.. math:: A^{-1/2} = \frac{2}{\pi} \int_0^\infty (t^2 + A)^{-1} dt
    \approx \sum_j f_j (s_j + A)^{-1}

With :math:`t = \sqrt{m}\,\mathrm{sc}(u | k')`, :math:`k = \sqrt{m/M}`, the integrand is periodic
and smooth in u wherever the spectrum of A lies between m and M, so that the midpoint rule converges
like :math:`e^{-2\pi^2 N / (\log(M/m) + 3)}`: some 20 to 40 terms are exact to rounding.

Source: Hale, Higham and Trefethen (2008), SIAM J. Numerical Analysis 46, "Computing A^alpha, log(A)
and related matrix functions by contour integrals", their method 3.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

__all__ = ["root_nodes"]

FloatArray = NDArray[np.float64]

# Minus the logarithm of the relative error of the sum.
_DIGITS = 33.0
# Bounds closer than this are widened: the series are for moduli below 1/4.
_CLOSEST = 16.0
# Powers of the nome fall off with squares: of exponents up to 6^2 nothing is left.
_TERMS = np.arange(6)
_SIGNS = 1.0 - 2.0 * (_TERMS % 2)


def root_nodes(smallest: float, largest: float) -> tuple[FloatArray, FloatArray]:
    """Return shifts and factors of the sum.

    Parameters
    ----------
    smallest, largest : float
        Bounds of the spectrum, both above 0; directions in which A is 0 must not be asked about.

    Returns
    -------
    shifts, factors : array, shape (N,)
    """
    ratio = max(largest / smallest, _CLOSEST)
    half = math.ceil((math.log(ratio) + 3) * _DIGITS / (4 * math.pi**2))
    quarter, sc, slope = _sc((np.arange(half) + 0.5) / (2 * half), 1 / math.sqrt(ratio))
    # sc(K' - u) = 1 / (k sc(u)): the other half of the nodes, without loss of digits.
    low = math.sqrt(smallest) * sc
    nodes = np.concatenate([low, smallest * math.sqrt(ratio) / low])
    steps = np.tile(slope, 2) * quarter / (2 * half)
    return nodes**2, nodes * steps * 2 / math.pi


def _sc(share: FloatArray, modulus: float) -> tuple[float, FloatArray, FloatArray]:
    """Return K' and, at shares of it below a half, sc and the slope of its logarithm.

    The parameter is 1 - modulus^2. By theta functions of the imaginary argument, whose nome is
    small where the modulus is: ``i sc(u | k') = sn(i u | k)``.
    """
    real = math.pi / 2 / _mean(math.sqrt((1 - modulus) * (1 + modulus)))
    quarter = math.pi / 2 / _mean(modulus)
    nome = math.exp(-math.pi * quarter / real)
    rate = math.pi / 2 / real
    odd, even = 2 * _TERMS + 1, 2 * _TERMS[1:]
    at = (rate * quarter * share)[:, None]
    above_terms = _SIGNS * nome ** (_TERMS * (_TERMS + 1))
    below_terms = 2 * _SIGNS[1:] * nome ** (_TERMS[1:] ** 2)
    above = np.sinh(odd * at) @ above_terms
    below = 1 + np.cosh(even * at) @ below_terms
    # theta_3 / theta_2 with the factor nome^(1/4), which above has not either.
    size = (1 + 2 * (nome ** (_TERMS[1:] ** 2)).sum()) / (nome ** (_TERMS * (_TERMS + 1))).sum()
    slope = (np.cosh(odd * at) @ (odd * above_terms)) / above
    slope -= (np.sinh(even * at) @ (even * below_terms)) / below
    return quarter, size * above / below, rate * slope


def _mean(other: float) -> float:
    """Return the arithmetic-geometric mean of 1 and another number."""
    mean = 1.0
    while abs(mean - other) > 1e-15 * mean:
        mean, other = (mean + other) / 2, math.sqrt(mean * other)
    return mean
