"""An attacker who has all of ``release/`` and solves for what is hidden gets nowhere.

Over random panels. Everything that is released of an outcome is a linear constraint on its counts
and denominators: rounded totals, points of charts (a rate times its denominator), and the mean
behind an effect, which the effect with its per cent gives at full precision. By linear programming
the attacker looks for the least and the most that each suppressed figure can be. He must find
nothing narrower than the rule says by itself: from 1 to 7. Given every denominator, or every count,
he still must not.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import product
from typing import Literal

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.optimize import linprog

from evaluation.disclosure import Released, Trend, release
from evaluation.findings import Effect, Estimand, Estimate, Interval
from evaluation.results.result import Result
from evaluation.study import Outcome

LEAST, MOST = 1, 7
HALF_A_STEP = 2  # whole numbers round to a multiple of 5 from at most 2 away
# The solver's own feasibility tolerance is 1e-7, on rows of counts up to some hundreds.
SLACK = 1e-4
FIRST = 24288
N_PERIODS = 5
PER = {"rate": 100.0, "share": 1.0, "count": 1.0}

SITES = {"North": ("N1",), "South": ("S1",), "West": ("W1", "W2")}
COMPARISON = ("C1", "C2")
UNITS = tuple(unit for units in SITES.values() for unit in units) + COMPARISON
SITE_OF = {unit: site for site, units in SITES.items() for unit in units}
CELLS = len(UNITS) * N_PERIODS

Known = Literal["release", "denominators", "counts"]
Place = tuple[str, str, int]  # "count" or "exposure", unit, period
Row = tuple[dict[Place, float], float, float]  # coefficients, least, most

_CELL = st.tuples(
    st.one_of(st.integers(0, 9), st.integers(0, 60)),
    st.one_of(st.integers(0, 9), st.integers(0, 300)),
    st.sampled_from([True] * 9 + [False]),
)
_PANELS = st.lists(_CELL, min_size=CELLS, max_size=CELLS)
_STARTS = st.one_of(
    st.integers(1, N_PERIODS - 1).map(lambda start: [start] * len(SITE_OF)),
    st.lists(st.integers(1, N_PERIODS - 1), min_size=len(SITE_OF), max_size=len(SITE_OF)),
)


@dataclasses.dataclass(frozen=True, repr=False)
class _Template:
    """A result to put panels into, which does not print itself into hypothesis' reports."""

    result: Result

    def __repr__(self) -> str:
        return "template"


@pytest.fixture(scope="session")
def template(example_result: Result) -> _Template:
    """Return the invented run, short to print."""
    return _Template(example_result)


# ---------------------------------------------------------------------------- the release


def _panel(cells: list[tuple[int, int, bool]], starts: list[int], measure: str) -> pl.DataFrame:
    start_of = dict(zip(SITE_OF, starts, strict=True))
    places = product(UNITS, range(FIRST, FIRST + N_PERIODS))
    rows = []
    for (unit, period), (count, rest, reported) in zip(places, cells, strict=True):
        exposure = float(count + rest) if measure != "count" else None
        if not reported or exposure == 0:
            continue
        rows.append(
            {
                "outcome_key": "falls",
                "unit": unit,
                "site": SITE_OF.get(unit, unit),
                "period": period,
                "outcome": PER[measure] * count / (exposure or 1.0),
                "weight": exposure or 1.0,
                "count": float(count),
                "exposure": exposure,
                "first_treated": FIRST + start_of[unit] if unit in start_of else None,
            }
        )
    floats = dict.fromkeys(("outcome", "weight", "count", "exposure"), pl.Float64)
    texts = dict.fromkeys(("outcome_key", "unit", "site"), pl.String)
    schema = {**texts, **floats, "period": pl.Int64, "first_treated": pl.Int64}
    return pl.DataFrame(rows, schema=schema)


def _behind(panel: pl.DataFrame) -> Iterator[tuple[Estimand, str, pl.DataFrame]]:
    """Yield every estimand and group with the rows whose mean its per cent gives away."""
    pilot = panel.drop_nulls("first_treated")
    treated = pilot.filter(pl.col("period") >= pl.col("first_treated"))
    yield "overall", "", treated
    for site in SITES:
        yield "site", site, treated.filter(site=site)
    for period in range(FIRST, FIRST + N_PERIODS):
        code = f"{period // 12}-{period % 12 + 1:02d}"
        yield "calendar", code, treated.filter(period=period)
        yield "cohort", code, treated.filter(first_treated=period)
    for time in range(-N_PERIODS, N_PERIODS):
        yield (
            "event_time",
            str(time),
            pilot.filter(pl.col("period") - pl.col("first_treated") == time),
        )


def _estimates(panel: pl.DataFrame, measure: str) -> tuple[Estimate, ...]:
    found = []
    for estimand, group, rows in _behind(panel):
        below = rows["exposure"].sum() if measure != "count" else float(rows.height)
        if rows.is_empty() or below == 0:
            continue
        observed = PER[measure] * float(rows["count"].sum()) / float(below)
        found.append(
            Estimate(
                outcome="falls",
                estimator="twfe",
                effect=Effect(
                    estimand=estimand, value=-0.01, scale="level", group=group, observed=observed
                ),
                interval=Interval(procedure="cr2", level=0.95),
                n_obs=rows.height,
                n_units=len(UNITS),
                n_sites=len(SITES) + len(COMPARISON),
                n_pilot_sites=len(SITES),
            )
        )
    return tuple(found)


def _release(result: Result, panel: pl.DataFrame, measure: str) -> Released:
    outcome = Outcome.model_validate(
        {
            "key": "falls",
            "label": "Falls",
            "files": ("falls.csv",),
            "measure": measure,
            "per": PER[measure],
        }
    )
    study = result.study.model_copy(update={"outcomes": (outcome,), "sites": ()})
    return release(
        dataclasses.replace(
            result,
            study=study,
            panel=panel,
            estimates=_estimates(panel, measure),
            event_study=(),
            checks=(),
        )
    )


# ---------------------------------------------------------------------------- the attack


@dataclasses.dataclass(frozen=True)
class _Secret:
    name: str
    total: dict[Place, float]
    most: float = MOST


@dataclasses.dataclass(frozen=True)
class _Seen:
    """What an attacker reads: of a Released, or of one with something shown that is not."""

    counts: pl.DataFrame
    trends: tuple[Trend, ...]
    estimates: tuple[Estimate, ...]

    @classmethod
    def of(cls, released: Released) -> _Seen:
        return cls(released.counts, released.trends, released.estimates)


@dataclasses.dataclass(frozen=True)
class _Attack:
    panel: pl.DataFrame
    released: _Seen
    measure: str
    known: Known

    def places(self) -> dict[Place, int]:
        kinds = ("count",) if self.measure == "count" else ("count", "exposure")
        cells = self.panel.select("unit", "period").iter_rows()
        every = ((kind, unit, period) for unit, period in cells for kind in kinds)
        return {place: number for number, place in enumerate(every)}

    def truth(self) -> dict[Place, float]:
        names = ("unit", "period", "count", "exposure")
        found = {}
        for unit, period, count, exposure in self.panel.select(names).iter_rows():
            found["count", unit, period] = count
            found["exposure", unit, period] = exposure
        return found

    def rows(self, *, figures: bool) -> Iterator[Row]:
        """Yield every constraint; without figures, what 0 and [c] say by themselves."""
        yield from self._counts(figures=figures)
        yield from self._points(figures=figures)
        if figures:
            yield from self._means()
        if self.measure == "share":
            for unit, period in self.panel.select("unit", "period").iter_rows():
                yield {("exposure", unit, period): 1.0, ("count", unit, period): -1.0}, 0, np.inf
        given = {"release": "", "denominators": "exposure", "counts": "count"}[self.known]
        for place, value in self.truth().items():
            if place[0] == given and value is not None:
                yield {place: 1.0}, value, value

    def _sum(self, kind: str, rows: pl.DataFrame, by: float = 1.0) -> dict[Place, float]:
        return {(kind, u, p): by for u, p in rows.select("unit", "period").iter_rows()}

    def group(self, group: str, site: str) -> pl.DataFrame:
        """Return the panel's rows behind a line of a chart or of the counts."""
        is_comparison = pl.col("first_treated").is_null()
        mine = self.panel.filter(is_comparison if group == "comparison" else ~is_comparison)
        return mine.filter(site=site) if site else mine

    def phase(self, line: dict[str, str]) -> pl.DataFrame:
        """Return the rows behind a line of the counts."""
        start = pl.col("first_treated").fill_null(self.panel["first_treated"].min())
        after = pl.col("period") >= start
        mine = self.group(line["group"], line["site"])
        return mine.filter(after if line["phase"] == "after" else ~after)

    def _counts(self, *, figures: bool) -> Iterator[Row]:
        for line in self.released.counts.iter_rows(named=True):
            for kind in ("count", "exposure"):
                if line[kind] in ("0", "[c]") or (figures and line[kind] != "[z]"):
                    yield self._sum(kind, self.phase(line)), *_ends(line[kind])

    def _points(self, *, figures: bool) -> Iterator[Row]:
        for trend in self.released.trends:
            rows = self.group(trend.group, trend.site)
            points = zip(trend.periods, trend.values, trend.suppressed, strict=True)
            for period, value, hidden in points:
                here = rows.filter(period=period)
                if hidden:
                    # Of a rate it may be the denominator that is small.
                    kind = "count" if self.measure == "count" else "exposure"
                    yield self._sum(kind, here), 1, np.inf
                elif value is None or (value and not figures):
                    continue
                elif self.measure == "count":
                    units = here["unit"].n_unique()
                    yield self._sum("count", here), *_ends(str(round(value * units)))
                else:
                    step = 0.5 * 10.0 ** (np.floor(np.log10(value)) - 3) if value else 0.0
                    count = self._sum("count", here, PER[self.measure])
                    yield {**count, **self._sum("exposure", here, -(value - step))}, 0, np.inf
                    yield {**count, **self._sum("exposure", here, -(value + step))}, -np.inf, 0

    def _means(self) -> Iterator[Row]:
        behind = {(estimand, group): rows for estimand, group, rows in _behind(self.panel)}
        for estimate in self.released.estimates:
            effect = estimate.effect
            if effect.observed is not None:
                rows = behind[effect.estimand, effect.group]
                count = self._sum("count", rows, PER[self.measure])
                if self.measure == "count":
                    total = effect.observed * rows.height
                    yield count, total - SLACK / 10, total + SLACK / 10
                else:
                    # At full precision, to the last bits of a double.
                    below = self._sum("exposure", rows, -effect.observed)
                    yield {**count, **below}, -SLACK / 10, SLACK / 10

    def suppressed(self) -> Iterator[_Secret]:
        """Yield every suppressed figure from 1 to 7."""
        for line in self.released.counts.iter_rows(named=True):
            name = f"{line['group']} {line['site']} {line['phase']}"
            kinds = [kind for kind in ("count", "exposure") if line[kind] == "[c]"]
            yield from self._small(name, self.phase(line), kinds)
        for trend in self.released.trends:
            for period, hidden in zip(trend.periods, trend.suppressed, strict=True):
                if hidden:
                    here = self.group(trend.group, trend.site).filter(period=period)
                    name = f"{trend.group} {trend.site} {period}"
                    yield from self._small(name, here, ["count", "exposure", "remainder"])

    def _small(self, name: str, rows: pl.DataFrame, kinds: list[str]) -> Iterator[_Secret]:
        count, below = (float(rows[k].fill_null(np.inf).sum()) for k in ("count", "exposure"))
        rest = below - count if self.measure == "share" else np.inf
        unknown = {"denominators": "count", "counts": "exposure"}.get(self.known, "")
        for kind, truth in (("count", count), ("exposure", below)):
            if kind in kinds and unknown in ("", kind) and LEAST <= truth <= MOST:
                yield _Secret(f"{kind} of {name}", self._sum(kind, rows))
        if "remainder" in kinds and unknown == "count" and count and LEAST <= rest <= MOST:
            difference = {**self._sum("exposure", rows), **self._sum("count", rows, -1.0)}
            # That a hidden count is not 0 is no secret: of 7 the remainder is then 6 at most.
            yield _Secret(f"remainder of {name}", difference, most=min(MOST, below - LEAST))


def _ends(text: str) -> tuple[float, float]:
    """Return what a released count can be."""
    if text == "[c]":
        return 1, np.inf
    shown = int(text)
    return (0, 0) if shown == 0 else (max(MOST + 1, shown - HALF_A_STEP), shown + HALF_A_STEP)


@dataclasses.dataclass(frozen=True)
class _System:
    """The constraints as matrices: ``below`` rows are at most ``limit``."""

    places: dict[Place, int]
    below: NDArray[np.float64]
    limit: NDArray[np.float64]
    equal: NDArray[np.float64]
    value: NDArray[np.float64]

    @classmethod
    def of(cls, attack: _Attack, *, figures: bool) -> _System:
        places = attack.places()
        below: list[tuple[NDArray[np.float64], float]] = []
        equal: list[tuple[NDArray[np.float64], float]] = []
        for coefficients, least, most in attack.rows(figures=figures):
            row = _vector(coefficients, places)
            if least == most:
                equal.append((row, least))
                continue
            if np.isfinite(most):
                below.append((row, most))
            if np.isfinite(least):
                below.append((-row, -least))
        width = len(places)
        return cls(
            places=places,
            below=np.array([row for row, _ in below]).reshape(-1, width),
            limit=np.array([end for _, end in below]),
            equal=np.array([row for row, _ in equal]).reshape(-1, width),
            value=np.array([end for _, end in equal]),
        )

    def least(self, total: NDArray[np.float64]) -> float:
        found = linprog(
            total,
            A_ub=self.below,
            b_ub=self.limit,
            A_eq=self.equal,
            b_eq=self.value,
            method="highs",
        )
        if found.status == 3:  # unbounded
            return -np.inf
        assert found.status == 0, found.message
        assert found.fun is not None
        return float(found.fun)


def _vector(coefficients: dict[Place, float], places: dict[Place, int]) -> NDArray[np.float64]:
    row = np.zeros(len(places))
    for place, by in coefficients.items():
        row[places[place]] = by
    return row


def _narrowed(attack: _Attack) -> list[str]:
    """Return every secret that the attacker learns more of than the rule says."""
    everything, pattern = (_System.of(attack, figures=figures) for figures in (True, False))
    told = []
    for secret in attack.suppressed():
        total = _vector(secret.total, everything.places)
        low, high = everything.least(total), -everything.least(-total)
        # Three suppressed parts are three at least, and a part is no more than its whole.
        least = max(LEAST, pattern.least(total))
        most = min(secret.most, -pattern.least(-total))
        if low > least + SLACK or high < most - SLACK:
            told.append(f"{secret.name}: {low:g} to {high:g}, not {least:g} to {most:g}")
    return told


@settings(
    deadline=None,
    max_examples=80,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(
    cells=_PANELS,
    starts=_STARTS,
    measure=st.sampled_from(["rate", "share", "count"]),
    known=st.sampled_from(["release", "denominators", "counts"]),
)
def test_no_suppressed_figure_can_be_narrowed(
    template: _Template,
    cells: list[tuple[int, int, bool]],
    starts: list[int],
    measure: str,
    known: Known,
) -> None:
    panel = _panel(cells, starts, measure)
    if panel["first_treated"].null_count() == panel.height:
        return
    seen = _Seen.of(_release(template.result, panel, measure))
    assert _narrowed(_Attack(panel, seen, measure, known)) == []


def test_the_attack_finds_a_count_that_one_subtraction_gives(template: _Template) -> None:
    cells = [(3 if place == 0 else 40 + place, 200, True) for place in range(CELLS)]
    panel = _panel(cells, [3] * len(SITE_OF), "rate")
    released = _release(template.result, panel, "rate")
    hidden = released.audit.filter(pl.col("kind") == "secondary")
    assert hidden.height == 3
    assert _narrowed(_Attack(panel, _Seen.of(released), "rate", "denominators")) == []
    seen = _Seen(released.counts, _with_secondary_shown(released, panel), released.estimates)
    (told,) = _narrowed(_Attack(panel, seen, "rate", "denominators"))
    assert told.startswith(f"count of site North {FIRST}: ")


def _with_secondary_shown(released: Released, panel: pl.DataFrame) -> tuple[Trend, ...]:
    """Return the lines with every hidden point shown but the one that is small."""
    found = []
    for trend in released.trends:
        rows = panel.filter(pl.col("first_treated").is_null() == (trend.group == "comparison"))
        rows = rows.filter(site=trend.site) if trend.site else rows
        values = list(trend.values)
        for at, period in enumerate(trend.periods):
            here = rows.filter(period=period)
            if trend.suppressed[at] and here["count"].sum() > MOST:
                rate = PER["rate"] * float(here["count"].sum()) / float(here["exposure"].sum())
                values[at] = float(f"{rate:.4g}")
        suppressed = tuple(
            hidden and value is None for hidden, value in zip(trend.suppressed, values, strict=True)
        )
        found.append(dataclasses.replace(trend, values=tuple(values), suppressed=suppressed))
    return tuple(found)
