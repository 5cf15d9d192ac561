"""Over random panels: no figure that is released is, by itself, a count from 1 to 7.

What could be had by combining them is in ``test_nothing_can_be_solved_for.py``.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluation.disclosure import Released, Trend, release
from evaluation.results.result import Result
from evaluation.study import Outcome

_LEAST = 8
_NEAREST = 5
_SITES = {"North": ("N1",), "South": ("S1",), "West": ("W1", "W2")}
_COMPARISON = ("C1", "C2", "C3")
_UNITS = tuple(unit for units in _SITES.values() for unit in units) + _COMPARISON
_FIRST = 24288
_PERIODS = range(_FIRST, _FIRST + 6)
_CELLS = len(_UNITS) * len(_PERIODS)
# Counts that can be told apart must differ by one; half of it is the room for rounding.
_HALF = 0.5

_Cell = tuple[int, int, bool]  # count, what is left of the exposure, reported


def _outcome(measure: str) -> Outcome:
    return Outcome.model_validate(
        {
            "key": "falls",
            "label": "Falls",
            "files": ("falls.csv",),
            "measure": measure,
            "per": 100.0 if measure == "rate" else 1.0,
        }
    )


def _panel(cells: list[_Cell], starts: list[int], measure: str) -> pl.DataFrame:
    site_of = {unit: site for site, units in _SITES.items() for unit in units}
    start_of = dict(zip(_SITES, starts, strict=True))
    rows = []
    places = [(unit, period) for unit in _UNITS for period in _PERIODS]
    for (unit, period), (count, rest, reported) in zip(places, cells, strict=True):
        if not reported:
            continue
        exposure = float(count + rest) if measure in ("rate", "share") else None
        if exposure == 0:
            continue
        per = 100.0 if measure == "rate" else 1.0
        site = site_of.get(unit, unit)
        rows.append(
            {
                "outcome_key": "falls",
                "unit": unit,
                "site": site,
                "period": period,
                "outcome": float(count) if exposure is None else per * count / exposure,
                "weight": exposure or 1.0,
                "count": float(count),
                "exposure": exposure,
                "first_treated": _FIRST + start_of[site] if site in start_of else None,
            }
        )
    schema = {
        "outcome_key": pl.String,
        "unit": pl.String,
        "site": pl.String,
        "period": pl.Int64,
        "outcome": pl.Float64,
        "weight": pl.Float64,
        "count": pl.Float64,
        "exposure": pl.Float64,
        "first_treated": pl.Int64,
    }
    return pl.DataFrame(rows, schema=schema)


_CELL = st.tuples(
    st.one_of(st.integers(0, 9), st.integers(0, 60)),
    st.one_of(st.integers(0, 9), st.integers(0, 300)),
    st.sampled_from([True] * 9 + [False]),
)
_CELL_LISTS = st.lists(_CELL, min_size=_CELLS, max_size=_CELLS)
_STARTS = st.lists(st.integers(1, 5), min_size=3, max_size=3)


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


@dataclasses.dataclass(frozen=True, kw_only=True)
class _Run:
    panel: pl.DataFrame
    released: Released
    measure: str

    def rows(self, trend: Trend) -> pl.DataFrame:
        """Return the rows of the panel behind a line of the chart."""
        rows = self.panel.filter(pl.col("first_treated").is_null() == (trend.group == "comparison"))
        return rows.filter(pl.col("site") == trend.site) if trend.site else rows


def _run(result: Result, cells: list[_Cell], starts: list[int], measure: str) -> _Run | None:
    panel = _panel(cells, starts, measure)
    if panel.filter(pl.col("first_treated").is_not_null()).is_empty():
        return None
    study = result.study.model_copy(update={"outcomes": (_outcome(measure),), "sites": ()})
    bare = dataclasses.replace(
        result, study=study, panel=panel, estimates=(), event_study=(), checks=()
    )
    return _Run(panel=panel, released=release(bare), measure=measure)


def _small(count: float) -> bool:
    return 0 < count < _LEAST


def _over_panels(test: Callable[[_Run], None]) -> Callable[[_Template], None]:
    """Run a test on random panels of each measure that has counts."""

    @settings(
        deadline=None,
        max_examples=40,
        suppress_health_check=[
            HealthCheck.function_scoped_fixture,
            HealthCheck.too_slow,
            HealthCheck.data_too_large,
        ],
    )
    @given(cells=_CELL_LISTS, starts=_STARTS, measure=st.sampled_from(["rate", "share", "count"]))
    def over(template: _Template, cells: list[_Cell], starts: list[int], measure: str) -> None:
        run = _run(template.result, cells, starts, measure)
        if run is not None:
            test(run)

    return over


def _points_give_no_count(run: _Run) -> None:
    for trend in run.released.trends:
        rows = run.rows(trend)
        for period, value in zip(trend.periods, trend.values, strict=True):
            if value is None:
                continue
            here = rows.filter(pl.col("period") == period)
            count, exposure = float(here["count"].sum()), float(here["exposure"].sum())
            assert not _small(count)
            if run.measure == "count":
                assert not _small(value * here["unit"].n_unique())
                continue
            per = 100.0 if run.measure == "rate" else 1.0
            assert not _small(exposure)
            assert not 1 - _HALF < value * exposure / per < _LEAST - _HALF
            if run.measure == "share":
                assert not _small(exposure - count)


def _counts_are_right_or_hidden(run: _Run) -> None:
    starts = run.panel["first_treated"].min()
    assert isinstance(starts, int)
    start = pl.col("first_treated").fill_null(starts)
    phased = run.panel.with_columns(after=pl.col("period") >= start)
    for line in run.released.counts.iter_rows(named=True):
        rows = phased.filter(
            pl.col("first_treated").is_null() == (line["group"] == "comparison"),
            pl.col("after") == (line["phase"] == "after"),
        )
        rows = rows.filter(pl.col("site") == line["site"]) if line["site"] else rows
        for name in ("count", "exposure"):
            if line[name] == "[z]":
                assert rows[name].null_count() == rows.height
                continue
            truth = float(rows[name].sum())
            if line[name] == "[c]":
                assert truth > 0
                continue
            assert not _small(truth)
            assert int(line[name]) == _NEAREST * math.floor(truth / _NEAREST + 0.5)


def _audit_is_complete(run: _Run) -> None:
    cells = run.released.counts.select(pl.col("count", "exposure") == "[c]").sum().row(0)
    points = sum(sum(trend.suppressed) for trend in run.released.trends)
    hidden = run.released.audit.filter(pl.col("action") == "suppressed")
    assert hidden.height == sum(cells) + points
    assert run.released.glance("falls").hidden == hidden.height


test_no_point_of_a_chart_gives_a_small_count = _over_panels(_points_give_no_count)
test_counts_are_rounded_truth_or_hidden = _over_panels(_counts_are_right_or_hidden)
test_the_audit_lists_every_suppression = _over_panels(_audit_is_complete)


def test_none_of_a_few_stands_as_0_and_the_few_are_hidden(template: _Template) -> None:
    run = _run(template.result, [(0, 1, True)] * _CELLS, [5, 5, 5], "share")
    assert run is not None
    line = run.released.counts.filter(site="North", phase="before")
    assert line.select("count", "exposure").row(0) == ("0", "[c]")
