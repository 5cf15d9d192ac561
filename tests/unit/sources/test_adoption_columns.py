from __future__ import annotations

from collections.abc import Callable

import pytest

from evaluation.findings import Check
from evaluation.panel import Panel
from evaluation.sources import Loaded

Read = Callable[..., Loaded]

BY_START = {"unit": "home", "period": "month", "value": "falls", "first_treated": "start"}
BY_STATE = {"unit": "home", "period": "month", "value": "falls", "treated": "on"}
NO_SITES: dict[str, object] = {"sites": ()}
JANUARY = 2024 * 12
MONTHS = ("2024-01", "2024-02", "2024-03")


def _table(states: dict[str, tuple[str, str, str]], heading: str) -> str:
    lines = [
        f"{unit},{month},1,{state}"
        for unit, row in states.items()
        for month, state in zip(MONTHS, row, strict=True)
    ]
    return "\n".join([f"home,month,falls,{heading}", *lines, ""])


def _check(loaded: Loaded) -> Check:
    return next(check for check in loaded.checks if check.name == "adoption")


def _panel(loaded: Loaded) -> Panel:
    assert loaded.panel is not None, _check(loaded).detail
    return loaded.panel


def _read_states(read: Read, states: dict[str, tuple[str, str, str]]) -> Loaded:
    outcome = {"columns": BY_STATE, "measure": "mean"}
    return read({"o.csv": _table(states, "on")}, outcome, NO_SITES)


def _read_starts(read: Read, states: dict[str, tuple[str, str, str]]) -> Loaded:
    outcome = {"columns": BY_START, "measure": "mean"}
    return read({"o.csv": _table(states, "start")}, outcome, NO_SITES)


@pytest.mark.parametrize("never", ["", "0", "never", "Never", "inf", "0.0"])
def test_first_treated_has_many_words_for_never(read: Read, never: str) -> None:
    loaded = _read_starts(read, {"a": ("2024-02",) * 3, "b": (never,) * 3})
    assert _panel(loaded).adoption.first_treated == {"a": JANUARY + 1}
    assert _panel(loaded).adoption.site == {"a": "a", "b": "b"}


def test_first_treated_must_be_constant_in_a_unit(read: Read) -> None:
    loaded = _read_starts(read, {"a": ("2024-02", "2024-02", "2024-03"), "b": ("",) * 3})
    assert loaded.panel is None
    assert "row 4: unit a has another first treated period than in its first row" in (
        _check(loaded).detail
    )
    assert _check(loaded).table["value"].to_list() == ["2024-03"]


def test_first_treated_that_is_no_period_is_named(read: Read) -> None:
    loaded = _read_starts(read, {"a": ("soon",) * 3, "b": ("",) * 3})
    assert loaded.panel is None
    assert "'soon' is not a period of frequency month" in _check(loaded).detail


def test_treated_starts_with_its_first_1(read: Read) -> None:
    loaded = _read_states(read, {"a": ("0", "1", "1.0"), "b": ("0", "0", "0"), "c": ("1",) * 3})
    assert _panel(loaded).adoption.first_treated == {"a": JANUARY + 1, "c": JANUARY}


def test_treated_before_the_window_tells_the_start(read: Read) -> None:
    time = {"frequency": "month", "first": JANUARY + 1}
    table = _table({"a": ("1", "1", "1"), "b": ("0", "0", "0")}, "on")
    outcome = {"columns": BY_STATE, "measure": "mean"}
    loaded = read({"o.csv": table}, outcome, {**NO_SITES, "time": time})
    assert _panel(loaded).adoption.first_treated == {"a": JANUARY}


@pytest.mark.parametrize("state", ["2", "yes", "", "0.5"])
def test_treated_other_than_0_or_1_names_unit_and_period(read: Read, state: str) -> None:
    loaded = _read_states(read, {"a": ("0", state, "1"), "b": ("0", "0", "0")})
    assert loaded.panel is None
    wanted = f'row 3: unit a has "{state}" for treated in February 2024, which is neither 0 nor 1'
    assert wanted in _check(loaded).detail


def test_adoption_does_not_end(read: Read) -> None:
    loaded = _read_states(read, {"a": ("0", "1", "0"), "b": ("0", "0", "0")})
    assert loaded.panel is None
    assert "row 4: unit a is treated before March 2024 and not treated in it" in (
        _check(loaded).detail
    )


def test_a_cluster_is_the_site(read: Read) -> None:
    header = "home,month,falls,start,town\n"
    rows = [
        f"{home},{month},1,{start},{town}\n"
        for home, start, town in (("a", "2024-02", "X"), ("b", "2024-02", "X"), ("c", "", "Y"))
        for month in MONTHS
    ]
    outcome = {"columns": {**BY_START, "cluster": "town"}, "measure": "mean"}
    loaded = read({"o.csv": header + "".join(rows)}, outcome, NO_SITES)
    assert _panel(loaded).adoption.site == {"a": "X", "b": "X", "c": "Y"}
    assert _panel(loaded).adoption.pilot_sites == ("X",)
    moved = [*rows[:-1], rows[-1].replace("Y", "X")]
    loaded = read({"o.csv": header + "".join(moved)}, outcome, NO_SITES)
    assert "unit c has another cluster than in its first row" in _check(loaded).detail
    without = [row.replace(",Y", ",") for row in rows]
    loaded = read({"o.csv": header + "".join(without)}, outcome, NO_SITES)
    assert "unit c has no cluster" in _check(loaded).detail


def test_a_list_of_comparison_units_keeps_adopters(read: Read) -> None:
    states = {"a": ("0", "1", "1"), "b": ("0", "0", "0"), "c": ("0", "0", "0")}
    outcome = {"columns": BY_STATE, "measure": "mean"}
    fields = {**NO_SITES, "comparison": {"units": ("c",)}}
    loaded = read({"o.csv": _table(states, "on")}, outcome, fields)
    assert _panel(loaded).units == ("a", "c")


def test_without_adoption_nobody_adopts(read: Read) -> None:
    columns = {"unit": "home", "period": "month", "value": "falls"}
    table = _table({"a": ("x",) * 3, "b": ("x",) * 3}, "note")
    loaded = read({"o.csv": table}, {"columns": columns, "measure": "mean"}, NO_SITES)
    assert _panel(loaded).adoption.first_treated == {}
