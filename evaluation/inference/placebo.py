"""Placebos in space: how large an effect the same estimator finds where nothing was done."""

from __future__ import annotations

import dataclasses
import weakref
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.random import Generator
from numpy.typing import NDArray

from evaluation.errors import EstimationError
from evaluation.findings import Effect, Estimator, Fit, Interval, Procedure
from evaluation.inference.student import refuse_level, unidentified
from evaluation.panel import Adoption, Panel

__all__ = ["Placebos", "placebo", "placebo_effects"]

FloatArray = NDArray[np.float64]
Assignment = tuple[tuple[str, int], ...]

# More than this share of placebos that cannot be estimated is an error, not a footnote.
_MOST_FAILURES = 0.01
# Placebos that differ by no more than this share of the effect differ by rounding.
_ROUNDING = 1e-12
_ALIKE = (
    "The standard error is the spread of the effects that the method finds among comparison sites "
    "given the pilot's starts, where there is none: it holds if pilot sites vary as much as "
    "comparison sites do (equal variances across sites)."
)
_EARLIEST = "In a placebo all of a site's units start when the first unit of the pilot site did."


def placebo(*, level: float, draws: int) -> Procedure:
    r"""Return the placebo variance, and with one pilot site the rank among all placebos.

    Arkhangelsky et al. (2021), American Economic Review 111, algorithm 4: without the pilot sites,
    give their starts to as many comparison sites drawn at random, estimate, repeat; the variance of
    these effects is that of the estimate. The interval is normal, as published. The starts are
    dealt out by site, each site's units together.

    With one pilot site every comparison site has its turn, once, and the p-value is the effect's
    rank among them in size, ``(1 + count as large) / (1 + placebos)``: exact if the pilot site was
    as likely as any other to be the one. It need not agree with the normal interval. With more, the
    p-value is that of the interval.

    Estimators that bring a quicker form of themselves along (``Fit.refit``) are refitted by it when
    placebos are drawn; ranks compare like with like and refit the estimator itself.

    Parameters
    ----------
    level : float
        Confidence level, between 0 and 1.
    draws : int
        Placebos drawn with more than one pilot site; the same one is not computed twice.

    Raises
    ------
    EstimationError
        From the procedure: when comparison sites are no more than pilot sites, or more than 1% of
        placebos cannot be estimated.
    """
    refuse_level(level)

    def interval(estimator: Estimator, panel: Panel, fit: Fit, random: Generator) -> Interval:
        if not np.isfinite(fit.effect.value):
            return unidentified("placebo", level)
        found = placebo_effects(estimator, panel, fit, draws=draws, random=random)
        effects = found.of(fit.effect)
        failures = int(np.isnan(effects).sum())
        if failures > _MOST_FAILURES * effects.size:
            raise EstimationError(
                f"{failures} of {effects.size} placebos could not be estimated",
                place=f"outcome {panel.key!r}",
                remedy="Choose another procedure, or leave out comparison sites with short series.",
            )
        blank = Interval(
            procedure="placebo",
            level=level,
            draws=effects.size,
            failures=failures,
            caveats=(_ALIKE, *found.caveats),
        )
        return _judged(fit.effect.value, effects[~np.isnan(effects)], found.is_rank, blank)

    return interval


def _judged(value: float, effects: FloatArray, is_rank: bool, blank: Interval) -> Interval:
    """Fill in ``blank`` from the placebos' effects."""
    from scipy.special import ndtr, ndtri

    std_error = float(effects.std())
    caveats = blank.caveats
    p = None
    if is_rank:
        larger = np.abs(effects) >= abs(value) * (1 - _ROUNDING)
        p = (1 + int(larger.sum())) / (1 + effects.size)
        caveats += (
            f"The p-value is the rank among {effects.size} placebos, one for each comparison site, "
            f"and can be no smaller than {1 / (1 + effects.size):.3f}; the interval is normal and "
            "need not agree with it.",
        )
    if std_error <= _ROUNDING * max(abs(value), float(np.abs(effects).max(initial=0.0))):
        caveats += ("No interval: the placebos do not differ.",)
        return dataclasses.replace(blank, p=p, caveats=caveats)
    reach = float(ndtri(0.5 + blank.level / 2)) * std_error
    return dataclasses.replace(
        blank,
        std_error=std_error,
        low=value - reach,
        high=value + reach,
        p=2 * float(ndtr(-abs(value) / std_error)) if p is None else p,
        caveats=caveats,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Placebos:
    """The effects of every placebo; B placebos, r effects.

    Parameters
    ----------
    sites : tuple of tuple of str, length B
        The comparison sites that stood in for the pilot sites.
    names : tuple of (str, str), length r
        Estimand and group of each effect.
    values : array, shape (B, r)
        NaN where a placebo could not be estimated.
    is_rank : bool
        Whether these are all placebos of one pilot site, each once.
    caveats : tuple of str
    """

    sites: tuple[tuple[str, ...], ...]
    names: tuple[tuple[str, str], ...]
    values: FloatArray
    is_rank: bool
    caveats: tuple[str, ...]

    def of(self, effect: Effect) -> FloatArray:
        """Return the placebos of one effect; shape (B,)."""
        return self.values[:, self.names.index(_name(effect))]


# The many effects of a fit share their placebos, which cost a refit each: those of the panel's last
# estimator are remembered while the panel lives. They come from the stream of the effect that is
# asked about first, which is the overall one.
_REMEMBERED: weakref.WeakKeyDictionary[Panel, tuple[Estimator, int, Placebos]] = (
    weakref.WeakKeyDictionary()
)


def placebo_effects(
    estimator: Estimator, panel: Panel, fit: Fit, *, draws: int, random: Generator
) -> Placebos:
    """Return every effect of a fit under placebo assignments among the comparison sites.

    Parameters
    ----------
    estimator : Estimator
        What made the fit.
    panel : Panel
        What it was made on.
    fit : Fit
    draws : int
        Placebos drawn with more than one pilot site.
    random : numpy.random.Generator
        Not used with one pilot site, nor when the same was asked of this panel last.

    Raises
    ------
    EstimationError
        When comparison sites are no more than pilot sites.
    """
    if panel in _REMEMBERED:
        whose, many, found = _REMEMBERED[panel]
        if whose is estimator and many == draws:
            return found
    control, caveats = _control(panel)
    starts = _starts(panel.adoption)
    is_rank = len(starts) == 1
    refit = estimator if is_rank else fit.refit or estimator
    names = tuple(_name(effect) for effect in fit.effects)
    assignments = list(_assignments(control.sites, starts, draws=draws, random=random))
    values = {one: _values(refit, control, one, names) for one in dict.fromkeys(assignments)}
    found = Placebos(
        sites=tuple(tuple(site for site, _ in one) for one in assignments),
        names=names,
        values=np.stack([values[one] for one in assignments]),
        is_rank=is_rank,
        caveats=caveats,
    )
    _REMEMBERED[panel] = (estimator, draws, found)
    return found


def _name(effect: Effect) -> tuple[str, str]:
    """Return estimand and group, as a panel of the effect's own sites would have them."""
    # One pilot site's own effect is the overall effect of a panel without the other pilot sites.
    return ("overall", "") if effect.estimand == "site" else (effect.estimand, effect.group)


def _control(panel: Panel) -> tuple[Panel, tuple[str, ...]]:
    """Return the comparison sites' complete units, and what must be said about the others."""
    adoption = panel.adoption
    caveats: tuple[str, ...] = ()
    if any(len(starts) > 1 for starts in _starts_by_site(adoption).values()):
        caveats += (_EARLIEST,)
    if len(adoption.comparison_sites) <= len(adoption.pilot_sites):
        raise _too_few(panel, len(adoption.comparison_sites))
    control = panel.without(adoption.pilot_sites)
    if control.is_balanced:
        return control, caveats
    complete = np.bincount(control.unit_codes) == len(control.periods)
    sites = {adoption.site[u] for u, kept in zip(control.units, complete, strict=True) if kept}
    if len(sites) <= len(adoption.pilot_sites):
        raise _too_few(panel, len(sites))
    rows = control.rows.filter(pl.Series(complete[control.unit_codes]))
    many = int((~complete).sum())
    caveats += (
        f"{many} comparison {'unit' if many == 1 else 'units'} not observed in every period "
        "could not stand in for a pilot unit.",
    )
    return dataclasses.replace(control, rows=rows), caveats


def _too_few(panel: Panel, n_comparison: int) -> EstimationError:
    n_pilot = len(panel.adoption.pilot_sites)
    return EstimationError(
        f"placebos need more comparison sites than pilot sites; there are {n_comparison} "
        f"(observed in every period) and {n_pilot}",
        place=f"outcome {panel.key!r}",
        remedy="Add comparison units in [comparison], or choose another procedure.",
    )


def _starts_by_site(adoption: Adoption) -> dict[str, set[int]]:
    starts: dict[str, set[int]] = {}
    for unit, start in adoption.first_treated.items():
        starts.setdefault(adoption.site[unit], set()).add(start)
    return starts


def _starts(adoption: Adoption) -> list[int]:
    """Return the first start of each pilot site, ascending."""
    return sorted(min(starts) for starts in _starts_by_site(adoption).values())


def _assignments(
    sites: tuple[str, ...], starts: list[int], *, draws: int, random: Generator
) -> Iterator[Assignment]:
    """Yield who stands in for the pilot: each in turn for one pilot site, else drawn."""
    if len(starts) == 1:
        yield from (((site, starts[0]),) for site in sites)
        return
    for _ in range(draws):
        chosen = random.choice(len(sites), size=len(starts), replace=False)
        yield tuple(sorted((sites[at], start) for at, start in zip(chosen, starts, strict=True)))


def _values(
    estimator: Estimator,
    control: Panel,
    assignment: Assignment,
    names: tuple[tuple[str, str], ...],
) -> FloatArray:
    """Return the effects of one placebo, NaN where there is none."""
    start = dict(assignment)
    adoption = Adoption(
        site=control.adoption.site,
        first_treated={u: start[s] for u, s in control.adoption.site.items() if s in start},
    )
    try:
        effects = estimator(control.with_adoption(adoption)).effects
    except EstimationError:
        return np.full(len(names), np.nan)
    found = {_name(effect): effect.value for effect in effects}
    return np.array([found.get(name, np.nan) for name in names])
