"""Fits of drawn panels without the libraries: the same estimating equations, in milliseconds.

The estimators take their coefficients from linearmodels and statsmodels, near a tenth of a second
each. Here they come from the package's own algebra; ``test_kernels`` holds the two equal.

Least squares of a balanced panel with weights constant in time is the same after any rotation of
time, and periods along which no treatment path moves then say nothing about the effect, nor about
its errors by site: 54 months become as many as there are paths, and one. The rotation takes a
constant to a constant, so that unit effects stay unit effects.
"""

from __future__ import annotations

import dataclasses
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from evaluation.estimators.design import Design, absorb, build_design, least_squares
from evaluation.findings import LinearFit
from evaluation.inference.engine import Reduced, reduce_arrays
from evaluation.inference.poisson_null import null_table
from evaluation.simulation import PROCESSES, Drawn, Shape, draw, named_stream

__all__ = ["equations", "reduced", "whole_equations"]

FloatArray = NDArray[np.float64]


def equations(drawn: Drawn) -> LinearFit:
    """Return the estimating equations of Poisson for a rate, of least squares for all else.

    For anything by site or by unit; least squares is shortened in time.
    """
    if drawn.measure == "rate":
        return _poisson(drawn, _design(drawn.shape))
    short = _rotation(drawn.shape)
    design = dataclasses.replace(
        _short_design(drawn.shape), weights=np.repeat(drawn.weight, short.shape[0])
    )
    return least_squares(design, (drawn.outcome @ short.T).ravel())


def whole_equations(drawn: Drawn) -> LinearFit:
    """Return the equations of least squares with every month, for what looks at single months."""
    weights = np.repeat(drawn.weight, drawn.shape.n_periods)
    design = dataclasses.replace(_design(drawn.shape), weights=weights)
    return least_squares(design, drawn.outcome.ravel())


def reduced(drawn: Drawn, *, by_unit: bool = False) -> Reduced:
    """Return a mean or a share reduced to Z, q and weights, by site or with units as sites."""
    return reduce_arrays(
        drawn.outcome,
        drawn.shape.treated,
        unit_weights=drawn.weight,
        period_weights=np.ones(drawn.shape.n_periods),
        site=np.arange(drawn.shape.n_units) if by_unit else drawn.shape.site,
    )


@lru_cache
def _design(shape: Shape) -> Design:
    """Lay out the columns: they depend on the shape alone."""
    panel = draw(PROCESSES["iid"], shape, named_stream(0)).panel()
    design = build_design(panel, panel.treatment[:, None], weights=np.ones(panel.rows.height))
    # Sites are coded as the shape has them; a panel has them in order of name.
    return dataclasses.replace(design, cluster=shape.site[design.unit])


@lru_cache
def _rotation(shape: Shape) -> FloatArray:
    """Return rows that are orthonormal, keep every path, and take constants to constants."""
    paths = np.unique(shape.treated, axis=0)
    basis = np.linalg.qr(np.column_stack([np.ones(shape.n_periods), paths[1:].T]))[0]
    basis[:, 0] *= np.sign(basis[0, 0])
    size = basis.shape[1]
    onto = np.linalg.qr(np.column_stack([np.ones(size), np.eye(size)[:, 1:]]))[0]
    onto *= np.sign(onto[0, 0])
    return np.asarray(onto @ basis.T)


@lru_cache
def _short_design(shape: Shape) -> Design:
    treatment = shape.treated @ _rotation(shape).T
    units, periods = treatment.shape
    unit, period = (axis.ravel() for axis in np.mgrid[:units, :periods])
    dummies = period[:, None] == np.arange(1, periods)
    return Design(
        columns=np.column_stack([treatment.ravel(), dummies]),
        n_slopes=1,
        position=np.zeros(1, dtype=np.int64),
        identified=np.ones(1, dtype=np.bool_),
        unit=unit,
        period=period,
        cluster=shape.site[unit],
        weights=np.ones(unit.size),
    )


def _poisson(drawn: Drawn, design: Design) -> LinearFit:
    if drawn.count is None:
        raise TypeError("a Poisson model needs counts")
    treated = drawn.shape.treated
    exposure = np.repeat(drawn.weight[:, None], drawn.shape.n_periods, axis=1)
    # The treatment as the one covariate: the maximum of the whole likelihood.
    mean = null_table(drawn.count, exposure, covariates=treated[:, :, None])
    # Without treatment and exposure a fitted mean is a unit effect times a period effect.
    logs = np.log(mean / exposure)
    comparison, pilot = drawn.shape.n_pilot_units, 0
    periods = logs[comparison] - logs[comparison, 0]
    start = drawn.shape.start[0]
    effect = logs[pilot, start] - logs[pilot, 0] - periods[start]
    return LinearFit(
        x=absorb(design.columns, design.unit, mean.ravel()),
        residual=((drawn.count - mean) / mean).ravel(),
        weights=mean.ravel(),
        cluster=design.cluster,
        unit=design.unit,
        coef=np.r_[effect, periods[1:]],
        contrasts=design.contrasts,
        family="poisson",
    )
