"""What else is hidden beside a small figure: as little as keeps it from being worked out."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from evaluation.disclosure.network import Edge, Need, Network
from evaluation.disclosure.rule import Rule
from evaluation.disclosure.secondary import Decision, decide
from evaluation.errors import DisclosureError
from evaluation.panel import Measure

_HES = Rule(suppress_below=8, round_to=5)
_SUBTRACT = "by_subtraction"


def _rows(
    counts: list[list[float]], phases: list[int], exposures: list[list[float]] | None = None
) -> pl.DataFrame:
    """Return rows of one unit a site, counts by site and period."""
    lines = []
    for site, line in enumerate(counts):
        for period, count in enumerate(line):
            exposure = 1000.0 if exposures is None else exposures[site][period]
            lines.append(
                {
                    "site": f"site {site}",
                    "unit": f"unit {site}",
                    "period": period,
                    "phase": phases[period],
                    "outcome": count / exposure,
                    "weight": exposure,
                    "count": count,
                    "exposure": exposure,
                }
            )
    return pl.DataFrame(lines)


def _decide(rows: pl.DataFrame, measure: Measure = "rate", *, apart: bool = True) -> Decision:
    sites = tuple(rows["site"].unique().sort()) if apart else ()
    periods = tuple(rows["period"].unique().sort())
    return decide(rows, sites, periods, (measure, _HES))


def _hidden(why: NDArray[np.object_]) -> list[list[int]]:
    return [[int(reason != "") for reason in line] for line in why]


def test_nothing_small_nothing_hidden() -> None:
    found = _decide(_rows([[9, 30, 0], [40, 50, 60]], [0, 0, 1]))
    assert not any(np.any(why != "") for why in (found.points, found.counts, found.exposures))
    assert found.moves.place.size == 0


def test_a_small_count_takes_three_others_with_it_and_no_total() -> None:
    found = _decide(_rows([[3, 30, 60], [40, 20, 50], [90, 95, 99]], [0, 0, 1]))
    assert _hidden(found.points) == [[1, 1, 0], [1, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert found.points[0, 0] == "small_count"
    assert {found.points[0, 1], found.points[1, 0], found.points[1, 1]} == {_SUBTRACT}
    assert not np.any(found.counts != "")


def test_the_smaller_of_two_sites_is_the_shelter() -> None:
    small_second = _decide(_rows([[3, 90], [80, 90], [20, 20]], [0, 0]))
    assert _hidden(small_second.points)[1:3] == [[0, 0], [1, 1]]


def test_small_counts_that_can_shelter_one_another_take_nothing_with_them() -> None:
    found = _decide(_rows([[6, 7], [7, 6], [90, 95]], [0, 0]))
    assert _hidden(found.points) == [[1, 1], [1, 1], [0, 0], [0, 0]]


def test_two_that_add_up_to_seven_are_no_shelter_for_one_another() -> None:
    # 3 and 4: if the one were 7, the other would be 0, and 0 would be shown.
    found = _decide(_rows([[3, 50], [4, 60], [20, 30]], [0, 0]))
    assert _hidden(found.points)[2][0] == 1


def test_a_site_with_none_is_no_shelter() -> None:
    found = _decide(_rows([[3, 20, 20], [0, 0, 0], [50, 60, 70]], [0, 0, 0]))
    assert _hidden(found.points)[1] == [0, 0, 0]


def test_one_site_is_its_own_total_so_both_go() -> None:
    found = _decide(_rows([[3, 30, 40]], [0, 0, 1]))
    assert _hidden(found.points) == [[1, 1, 0], [1, 1, 0]]


def test_where_each_phase_has_one_period_the_totals_go_too() -> None:
    found = _decide(_rows([[3, 30], [40, 50]], [0, 1]))
    assert _hidden(found.points) == [[1, 0], [1, 0], [0, 0]]
    assert _hidden(found.counts) == [[1, 0], [1, 0], [0, 0]]


def test_a_comparison_takes_another_period_of_the_phase() -> None:
    found = _decide(_rows([[3, 90, 20, 50]], [0, 0, 0, 1]), apart=False)
    assert _hidden(found.points) == [[1, 0, 1, 0]]


def test_a_small_denominator_takes_others_with_it() -> None:
    rows = _rows([[2, 30], [40, 50]], [0, 1], [[4, 90], [100, 120]])
    found = _decide(rows)
    assert _hidden(found.exposures) == [[1, 0], [1, 0], [0, 0]]


def test_all_but_a_few_is_as_small_as_a_few() -> None:
    rows = _rows([[97, 50], [40, 50], [60, 60]], [0, 0], [[100, 100]] * 3)
    found = _decide(rows, "share")
    assert found.points[0, 0] == "small_remainder"
    assert np.sum(found.points == _SUBTRACT) == 3
    assert not np.any(_decide(rows).points != "")  # a rate may be anything


def test_a_hidden_mean_is_not_the_rest_of_the_mean_of_all() -> None:
    rows = _rows([[5, 30], [40, 20], [90, 95]], [0, 0], [[4, 60], [70, 80], [90, 99]])
    found = _decide(rows, "mean")
    assert found.points[0, 0] == "small_mean"
    hidden = found.points != ""
    assert hidden[:-1, 0].sum() > 1 or hidden[-1, 0]
    assert hidden[0].sum() > 1


def test_means_that_weigh_by_something_else_hide_the_mean_of_all() -> None:
    rows = _rows([[3, 30, 60], [40, 20, 50], [90, 95, 99]], [0, 0, 1])
    uneven = rows.with_columns(weight=pl.lit(1.0), exposure=pl.col("exposure") + pl.col("count"))
    assert _hidden(_decide(uneven).points)[-1] == [1, 1, 0]


def test_a_mean_at_full_precision_must_differ_in_no_other_table() -> None:
    found = _decide(_rows([[3, 30, 60], [40, 20, 50], [90, 95, 99]], [0, 0, 1]))
    shape = (3, 3, 2)
    none = np.zeros(shape, dtype=np.bool_)
    column, row, cell = (np.zeros(shape, dtype=np.bool_) for _ in range(3))
    column[:, 0, 0], row[0, :, 0], cell[1, 0, 0] = True, True, True
    assert not found.moves.tell(column, none)
    assert not found.moves.tell(row, none)
    assert found.moves.tell(cell, none)
    assert found.moves.tell(column, column)


def test_what_cannot_be_protected_is_an_error() -> None:
    edge = Edge(key=("cell", 0, 0), tail=0, head=1, value=3.0, least=1.0, cost=1.0)
    with pytest.raises(DisclosureError, match="cannot be protected"):
        Network((edge,)).protect({edge.key: Need(down=2.0, up=4.0)}, frozenset())
