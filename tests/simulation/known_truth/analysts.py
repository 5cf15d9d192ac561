"""Who looks at a drawn panel: the package's procedures, by their ways without an interval.

Least squares with an effect is least squares without one, moved: for means the p-value of no effect
on a panel with an effect of 5% is that of -5% on the panel without. So one panel serves for size
and for power, and coverage is 1 less the size. ``test_kernels`` draws the effect and compares.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from scipy.special import stdtr

from evaluation.findings import Effect, Fit, LinearFit
from evaluation.inference.cluster_robust import cr1, cr2
from evaluation.inference.ferman_pinto import bootstrap, draw_sources
from evaluation.inference.gls_tests import gls_test
from evaluation.inference.jackknife import cr3
from evaluation.inference.reassignment import Reassignments
from evaluation.inference.reassignment_tests import deal, least_squares, poisson_at
from evaluation.inference.site_tables import SiteTables, collapse_arrays
from evaluation.inference.wild_bootstrap import draw_signs, flip_p_value, wild_test
from evaluation.inference.wild_direct import poisson_null_flips
from evaluation.panel import Panel
from evaluation.simulation import Answer, Drawn
from known_truth.kernels import equations, reduced, whole_equations

__all__ = [
    "POWERS",
    "Controls",
    "OneSite",
    "Sandwiches",
    "Together",
    "sandwich_p",
    "shifted",
    "site_tables_of",
    "wild_of",
]

LEVEL = 0.95
# Effects at which power is asked, as shares of the outcome.
POWERS = (0.05, 0.10)
Test = Callable[[float], float]


def shifted(name: str, effect: float) -> str:
    """Return the name of a method's answer about an effect that was not drawn but moved in."""
    return f"{name} at {effect:g}"


def answers(name: str, drawn: Drawn, estimate: float, test: Test) -> dict[str, Answer]:
    """Ask a test about no effect and the truth; for means also about the effects of POWERS."""
    value = estimate - drawn.truth
    p = test(0.0)
    found = {name: Answer(value=value, p=p, p_truth=test(drawn.truth) if drawn.truth else p)}
    if drawn.measure == "mean" and drawn.truth == 0:
        for effect in POWERS:
            found[shifted(name, effect)] = Answer(value=value, p=test(-effect * drawn.level))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """All sites together by ``wild``, ``randomisation`` and ``randomisation_gls``."""

    draws: int

    def __call__(self, drawn: Drawn, stream: Generator) -> Mapping[str, Answer]:
        """Ask all of them; the two by reassignment share their draws."""
        estimate = _estimate(drawn)
        wild = wild_of(drawn, self.draws, stream)
        tables = site_tables_of(drawn)
        dealt = deal(tables, draws=self.draws, random=stream)
        return {
            **answers("wild", drawn, estimate, wild),
            **answers("randomisation", drawn, estimate, _dealt(tables, dealt)),
            **answers("randomisation_gls", drawn, estimate, gls_test(tables, dealt).p),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandwiches:
    """All sites together by what draws, and by the closed forms."""

    draws: int

    def __call__(self, drawn: Drawn, stream: Generator) -> Mapping[str, Answer]:
        """Ask all of them about no effect."""
        linear = equations(drawn)
        panel = drawn.panel()
        value = float(linear.coef[0]) - drawn.truth
        closed = {
            name: Answer(value=value, p=sandwich_p(name, linear, panel))
            for name in ("cr1", "cr2", "cr3")
        }
        return {**Together(draws=self.draws)(drawn, stream), **closed}


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """What must fail, for means: no clusters (HC1), and ICBs as clusters."""

    draws: int

    def __call__(self, drawn: Drawn, stream: Generator) -> Mapping[str, Answer]:
        """Ask them about no effect."""
        linear = equations(drawn)
        value = float(linear.coef[0]) - drawn.truth
        by_unit = dataclasses.replace(linear, cluster=linear.unit)
        found = {
            "hc1": _hc1(whole_equations(drawn)),
            "cr1 by ICB": sandwich_p("cr1", by_unit, drawn.panel()),
        }
        signs = draw_signs(drawn.shape.n_units, draws=self.draws, random=stream)
        found["wild by ICB"] = wild_test(reduced(drawn, by_unit=True), signs)(0.0).p
        return {name: Answer(value=value, p=p) for name, p in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class OneSite:
    """One site alone, by what holds and by what must fail."""

    draws: int

    def __call__(self, drawn: Drawn, stream: Generator) -> Mapping[str, Answer]:
        """Ask randomisation and Ferman-Pinto, and for no effect CR1."""
        linear = equations(drawn)
        estimate = float(linear.coef[0])
        p = sandwich_p("cr1", linear, drawn.panel())
        tables = site_tables_of(drawn)
        dealt = deal(tables, draws=self.draws, random=stream)
        return {
            **answers("randomisation", drawn, estimate, _dealt(tables, dealt)),
            **answers("ferman_pinto", drawn, estimate, _resampled(drawn, self.draws, stream)),
            "cr1": Answer(value=estimate - drawn.truth, p=p),
        }


def sandwich_p(name: str, linear: LinearFit, panel: Panel) -> float:
    """Return the p-value of a closed form, by the package's own procedure."""
    make = {"cr1": cr1, "cr2": cr2, "cr3": cr3}[name]
    effect = Effect(estimand="overall", value=float(linear.coef[0]), scale="level")
    fit = Fit(
        estimator="poisson" if linear.family == "poisson" else "twfe",
        effects=(effect,),
        linear=linear,
        n_obs=linear.residual.size,
        n_units=int(linear.unit.max()) + 1,
        n_sites=linear.n_clusters,
        n_pilot_sites=len(panel.adoption.pilot_sites),
    )
    interval = make(level=LEVEL)(_never_called, panel, fit, np.random.default_rng(0))
    return math.nan if interval.p is None else interval.p


def _never_called(_panel: Panel) -> Fit:
    raise AssertionError("a closed form refits nothing")


def _estimate(drawn: Drawn) -> float:
    if drawn.measure == "rate":
        return float(equations(drawn).coef[0])
    return reduced(drawn).coefficient


def wild_of(drawn: Drawn, draws: int, stream: Generator) -> Test:
    """Return the test of the wild bootstrap, its draws held fixed."""
    signs = draw_signs(int(drawn.shape.site.max()) + 1, draws=draws, random=stream)
    if drawn.measure == "rate":
        panel = drawn.panel()
        return lambda tested: flip_p_value(poisson_null_flips(panel, tested), signs)
    test = wild_test(reduced(drawn), signs)
    return lambda tested: test(tested).p


def _dealt(tables: SiteTables, dealt: Reassignments) -> Test:
    if tables.family == "poisson":
        return lambda tested: poisson_at(tables, dealt, tested).p(0.0)
    statistics = least_squares(tables, dealt)
    return statistics.p


def _resampled(drawn: Drawn, draws: int, stream: Generator) -> Test:
    tables = site_tables_of(drawn)
    return bootstrap(tables, draw_sources(tables, draws=draws, random=stream)).p


def site_tables_of(drawn: Drawn) -> SiteTables:
    """Return the tables of the drawn panel, collapsed to its sites."""
    weight = np.repeat(drawn.weight[:, None], drawn.shape.n_periods, axis=1)
    treated, site = drawn.shape.treated, drawn.shape.site
    if drawn.measure == "rate" and drawn.count is not None:
        return collapse_arrays(drawn.count, weight, treated, site, "poisson")
    return collapse_arrays(drawn.outcome, weight, treated, site)


def _hc1(linear: LinearFit) -> float:
    """Return the p-value that treats every month of every ICB as evidence of its own."""
    root = np.sqrt(linear.weights)
    basis, triangle = np.linalg.qr(linear.x * root[:, None])
    direction = basis @ np.linalg.solve(triangle.T, linear.contrasts[0]) * root
    n = linear.residual.size
    free = n - linear.x.shape[1] - int(linear.unit.max()) - 1
    square = n / free * float((direction**2) @ (linear.residual**2))
    return 2 * float(stdtr(free, -abs(float(linear.coef[0])) / math.sqrt(square)))
