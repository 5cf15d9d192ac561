"""The model: who is measured when, and how each outcome is drawn."""

from __future__ import annotations

import calendar
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from evaluation.geography import areas
from sample_generator.facts import (
    COMMON_PERSISTENCE,
    DAILY_READY,
    LEAVING_A_MONTH,
    LEFT_A_DAY,
    LOADING_SPREAD,
    NOISE_BY_SIZE,
    PRESCRIBERS,
    QUALIFIED,
    RAMP,
    READY_NOISE,
    RESIDENTS,
    SEASON_READY,
    SEED,
    SERIES,
    SITE_DEVIATION,
    USUAL_PRESCRIBERS,
    Measure,
    Series,
)

__all__ = ["STUDY_FILE", "Design", "Simulated", "design", "simulate"]

STUDY_FILE = Path(__file__).resolve().parents[1] / "study.toml"

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """Who is measured when, and who starts when: ICBs by ODS code, months in order.

    ``site`` is each ICB's pilot site (index in ``names``; -1 for comparison ICBs) and ``since``,
    shape (ICBs, months), the months since its start: negative before, and always for comparison.
    """

    units: tuple[str, ...]
    months: tuple[str, ...]
    names: tuple[str, ...]
    site: IntArray
    since: IntArray

    @property
    def size(self) -> FloatArray:
        """Mean daily patients ready to leave, by ICB."""
        return np.array([DAILY_READY[unit] for unit in self.units], dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True)
class Simulated:
    """One outcome of every ICB and month; arrays have the shape (ICBs, months).

    ``exposure`` is the denominator (or weight), ``untreated`` and ``expected`` the mean outcome
    for each unit of exposure without and with the pilot, ``observed`` the count or mean seen.
    """

    key: str
    measure: Measure
    per: float
    columns: tuple[str, ...]
    exposure: FloatArray
    untreated: FloatArray
    expected: FloatArray
    observed: FloatArray


def design() -> Design:
    """Read sites, starts and months from ``study.toml`` beside this file."""
    study = tomllib.loads(STUDY_FILE.read_text(encoding="utf-8"))
    units = tuple(sorted(area.ods for area in areas(study["geography"]["boundaries"])))
    first, last = _ordinal(study["time"]["first"]), _ordinal(study["time"]["last"])
    site = np.full(len(units), -1)
    since = np.full((len(units), last - first + 1), -1)
    for index, pilot in enumerate(study["sites"]):
        members = [units.index(unit) for unit in pilot["units"]]
        site[members] = index
        since[members] = np.maximum(np.arange(first, last + 1) - _ordinal(pilot["starts"]), -1)
    return Design(
        units=units,
        months=tuple(f"{n // 12}-{n % 12 + 1:02d}" for n in range(first, last + 1)),
        names=tuple(pilot["name"] for pilot in study["sites"]),
        site=site,
        since=since,
    )


def simulate(
    plan: Design, *, seed: int = SEED, effects: Mapping[str, float] | None = None
) -> dict[str, Simulated]:
    """Draw every outcome.

    Parameters
    ----------
    plan : Design
        Who is measured and who starts when.
    seed : int
        Streams are keyed by seed, outcome and part: changing one outcome moves no other.
    effects : Mapping[str, float] or None
        Overall effects in per cent in place of the series' own; for ``prescribers`` the nurses
        added at each site.
    """
    chosen = effects or {}
    winters = _Stream(seed, "winter").normal(2 + len(plan.months) // 12)
    residents = _residents(plan, seed)
    ready = _patient_days(plan, seed)
    exposures = {
        "residents": residents,
        "patient_days_ready": ready,
        "discharges": np.rint(LEFT_A_DAY * ready),
    }
    drawn = {
        series.key: _draw(series, plan, exposures[series.columns[0]], winters, seed, effect)
        for series in SERIES
        for effect in (chosen.get(series.key, series.effect),)
    }
    drawn[PRESCRIBERS] = _draw_prescribers(plan, seed, chosen.get(PRESCRIBERS))
    return drawn


class _Stream:
    """Draws from the raw PCG64 stream of one name; nothing in it depends on numpy's version."""

    def __init__(self, seed: int, name: str) -> None:
        self._bits = np.random.PCG64(np.random.SeedSequence([seed, *name.encode()]))

    def uniform(self, *shape: int) -> FloatArray:
        """Draw numbers strictly between 0 and 1."""
        words = self._bits.random_raw(math.prod(shape)) >> np.uint64(11)
        return ((words.astype(np.float64) + 0.5) * 2.0**-53).reshape(shape)

    def normal(self, *shape: int) -> FloatArray:
        """Draw standard normal numbers by the inverse distribution function."""
        quantile = NormalDist().inv_cdf
        flat = [quantile(float(u)) for u in self.uniform(math.prod(shape))]
        return np.array(flat).reshape(shape)

    def persistent(self, persistence: float, *shape: int) -> FloatArray:
        """Draw stationary first-order autoregressions of variance 1 along the last axis."""
        drawn = self.normal(*shape)
        for t in range(1, shape[-1]):
            fresh = math.sqrt(1 - persistence**2) * drawn[..., t]
            drawn[..., t] = persistence * drawn[..., t - 1] + fresh
        return drawn


def _ordinal(month: str) -> int:
    year, number = month.split("-")
    return int(year) * 12 + int(number) - 1


def _calendar_month(plan: Design) -> IntArray:
    return np.array([_ordinal(month) % 12 for month in plan.months])


def _noise_size(plan: Design) -> FloatArray:
    relative = plan.size / math.exp(float(np.log(plan.size).mean()))
    return np.asarray(relative**NOISE_BY_SIZE)[:, None]


def _residents(plan: Design, seed: int) -> FloatArray:
    share = plan.size / sum(DAILY_READY.values())
    wobble = _Stream(seed, "residents").persistent(0.95, len(plan.units), len(plan.months))
    growth = 0.005 * np.arange(len(plan.months)) / 12
    return np.rint(RESIDENTS * share[:, None] * np.exp(growth + 0.006 * wobble))


def _patient_days(plan: Design, seed: int) -> FloatArray:
    days = np.array([calendar.monthrange(int(m[:4]), int(m[5:]))[1] for m in plan.months])
    noise = _Stream(seed, "ready").persistent(0.79, len(plan.units), len(plan.months))
    season = np.array(SEASON_READY)[_calendar_month(plan)]
    change = season + READY_NOISE * _noise_size(plan) * noise
    return np.asarray(np.rint(plan.size[:, None] * days * np.exp(change)))


def _national(series: Series, plan: Design, winters: FloatArray, seed: int) -> FloatArray:
    """Return national changes as each ICB takes them, shape (ICBs, months).

    Trend and slow changes are the same for all; the season and the winters, which differ from
    year to year, hit some ICBs harder than others.
    """
    month = _calendar_month(plan)
    winter_of = np.array([(_ordinal(m) + 6) // 12 for m in plan.months])
    shock = np.where(np.isin(month, (11, 0, 1)), winters[winter_of - winter_of[0]], 0.0)
    slow = _Stream(seed, f"{series.key} national").persistent(COMMON_PERSISTENCE, len(plan.months))
    loading = _Stream(seed, f"{series.key} loadings").normal(len(plan.units), 1)
    seasonal = np.array(series.season)[month] + series.winter * shock
    same = series.trend * np.arange(len(plan.months)) / 12 + series.common * slow
    return np.asarray(same + (1 + LOADING_SPREAD * loading) * seasonal)


def _draw(
    series: Series,
    plan: Design,
    exposure: FloatArray,
    winters: FloatArray,
    seed: int,
    effect: float,
) -> Simulated:
    shape = (len(plan.units), len(plan.months))
    named = {part: _Stream(seed, f"{series.key} {part}") for part in ("levels", "own", "counts")}
    level = series.level * np.exp(series.spread * named["levels"].normal(shape[0], 1))
    national = _national(series, plan, winters, seed)
    own = series.noise * _noise_size(plan) * named["own"].persistent(series.persistence, *shape)
    if series.additive:
        untreated = level * np.exp(own) + series.level * national
    else:
        untreated = level * np.exp(own + national)
    if series.measure == "share":
        untreated = np.clip(untreated, 0.02, 0.97)
    expected = untreated * _rate_ratios(plan, exposure * untreated, effect)
    observed = expected.round(2)
    if series.measure != "mean":
        mean = exposure * expected
        # Counts of rare events vary as Poisson does; days in hospital are not separate events.
        spread = np.sqrt(mean) if series.measure == "rate" else np.zeros(shape)
        observed = np.maximum(np.rint(mean + spread * named["counts"].normal(*shape)), 0.0)
    return Simulated(
        key=series.key,
        measure=series.measure,
        per=series.per,
        columns=series.columns,
        exposure=exposure,
        untreated=untreated,
        expected=expected,
        observed=observed,
    )


def _rate_ratios(plan: Design, untreated: FloatArray, effect: float) -> FloatArray:
    """Return each cell's rate ratio: sites differ, all together have exactly ``effect``.

    ``untreated`` are expected totals; the base is found by bisection.
    """
    deviation = 1 + np.array((*SITE_DEVIATION, 0.0))[plan.site][:, None]
    treated = plan.since >= 0
    weight = np.where(treated, untreated, 0.0)
    low, high = -5.0, 5.0
    for _ in range(200):
        middle = (low + high) / 2
        overall = float((weight * np.exp(middle * deviation)).sum() / weight.sum())
        low, high = (middle, high) if overall < 1 + effect / 100 else (low, middle)
    return np.where(treated, np.exp(middle * deviation), 1.0)


def _draw_prescribers(plan: Design, seed: int, nurses: float | None) -> Simulated:
    """Draw qualified prescribers in post: a stock that nurses join and leave, then the course.

    The stock is a first-order integer autoregression (McKenzie 1985): each nurse stays with the
    same probability, newcomers are Poisson, so that every month is Poisson around its mean.
    """
    shape = (len(plan.units), len(plan.months))
    stream = _Stream(seed, PRESCRIBERS)
    relative = np.sqrt(plan.size / math.exp(float(np.log(plan.size).mean())))
    usual = USUAL_PRESCRIBERS * relative * np.exp(0.25 * stream.normal(shape[0]))
    mean = usual[:, None] * np.exp(0.03 * np.arange(shape[1]) / 12)
    stock = np.zeros(shape)
    stock[:, 0] = _poisson(mean[:, 0], stream)
    for t in range(1, shape[1]):
        stays = stream.uniform(shape[0], 99) > LEAVING_A_MONTH
        there = np.arange(99) < stock[:, t - 1, None]
        newcomers = mean[:, t] - (1 - LEAVING_A_MONTH) * mean[:, t - 1]
        stock[:, t] = (stays & there).sum(axis=1) + _poisson(newcomers, stream)
    added = _qualified(plan, nurses)
    return Simulated(
        key=PRESCRIBERS,
        measure="count",
        per=1.0,
        columns=("nurses",),
        exposure=np.ones(shape),
        untreated=mean,
        expected=mean + added,
        observed=stock + added,
    )


def _poisson(mean: FloatArray, stream: _Stream) -> FloatArray:
    """Draw Poisson numbers of small mean by inversion."""
    uniform = stream.uniform(*mean.shape)
    term = np.exp(-mean)
    below, drawn = term.copy(), np.zeros(mean.shape)
    for k in range(1, 99):
        drawn += uniform > below
        term = term * mean / k
        below = below + term
    return drawn


def _qualified(plan: Design, nurses: float | None) -> FloatArray:
    """Return nurses added by the course, by ICB and month: a site's are shared out by size."""
    added = np.zeros(plan.since.shape)
    for index in range(len(plan.names)):
        members = np.flatnonzero(plan.site == index)
        whole = QUALIFIED[index] if nurses is None else round(nurses)
        ends = np.rint(whole * np.cumsum(plan.size[members]) / plan.size[members].sum())
        each = np.diff(ends, prepend=0.0)
        since = plan.since[members]
        ramp = np.array((*RAMP, 0.0))[np.minimum(since, len(RAMP) - 1)]
        added[members] = np.rint(each[:, None] * ramp)
    return added
