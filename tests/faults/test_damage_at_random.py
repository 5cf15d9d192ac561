"""Good files damaged at random: every row is used or explained, and the panel is of those used.

Whatever is done to a file, the rows read are those used and those left out for a reason, exactly;
and the panel is, to the last bit, the one that the rows used give by themselves. A row that is
left out has no part in it, and none has changed in silence.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluation.errors import PilotEvalError
from evaluation.panel import Panel
from evaluation.sources import Loaded, ledger, load
from evaluation.study import Study, parse_study
from faulty import good
from faulty.damage import Change, Table, damages
from faulty.fault import hold_message
from faulty.good import Good

EXAMPLES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A source: its good study, the file that is damaged, and the columns that are read.

    ``parts`` begin the reasons of rows that are left out of the panel as rows and give a figure
    to another row; ``register`` stands in the study file in place of the register of ICBs.
    ``count`` is the column whose figures the panel adds up.
    """

    good: Good
    file: str
    read: tuple[str, ...]
    code: str
    notes: int = 0
    count: str
    parts: str = "$^"
    register: str = ""


_TABLE = Kind(
    good=good.TABLE,
    file="outcomes.csv",
    read=("icb", "month", "admissions", "residents"),
    code="icb",
    count="admissions",
)
# Two of the ICBs that one of April 2026 joins.
_JOINED = Good(
    study=good.TABLE.study,
    files={
        name: text.replace("QNX", "QMJ").replace("QOP", "QRV")
        for name, text in good.TABLE.files.items()
    },
)
KINDS = {
    "table": _TABLE,
    "table without a register": replace(_TABLE, register='register = "none"'),
    "table at the boundaries of 2026": replace(
        _TABLE, good=_JOINED, register='register = "icb"\nboundaries = "2026-04"'
    ),
    "acute_discharge_sitrep": Kind(
        good=good.SITREP,
        file="sitrep-2024-05.csv",
        read=("Period", "Level", "Org Code", "Metric", "Value"),
        code="Org Code",
        count="Value",
    ),
    "discharge_ready_date": Kind(
        good=good.DISCHARGE_READY_DATE,
        file="drd-1.csv",
        read=("Date", "Data Type", "Code", "Measure", "Value"),
        code="Code",
        count="Value",
        parts=r"^(gives the|added to the row)",
    ),
    "fingertips": Kind(
        good=good.FINGERTIPS,
        file="indicator.csv",
        read=(
            *("Indicator ID", "Area Code", "Area Type", "Sex", "Category", "Time period"),
            *("Value", "Count", "Denominator", "Value note"),
        ),
        code="Area Code",
        count="Count",
    ),
    "nhs_outcomes_framework": Kind(
        good=good.NHS_OUTCOMES_FRAMEWORK,
        file="indicator.csv",
        read=("Year", "Quarter", "Breakdown", "Level", "Observed", "Population"),
        code="Level",
        count="Observed",
        notes=2,
    ),
    "capacity_tracker": Kind(
        good=good.TRACKER,
        file="tracker.csv",
        read=("cqcid", "icb", "maxcapacity", "usedbeds", "lastupdatedutc"),
        code="icb",
        count="usedbeds",
    ),
    "local_return": Kind(
        good=good.LOCAL_RETURN,
        file="return.csv",
        read=("home_id", "icb", "month", "qualified_prescribers", "residents"),
        code="icb",
        count="qualified_prescribers",
    ),
    "english_prescribing": Kind(
        good=good.PRESCRIBING,
        file="epd_202412.csv",
        read=("YEAR_MONTH", "ICB_CODE", "BNF_CODE", "ITEMS"),
        code="ICB_CODE",
        count="ITEMS",
    ),
}
TABLES = {key: Table.of(kind.good.files[kind.file], kind.notes) for key, kind in KINDS.items()}


def _study(kind: Kind, folder: Path) -> Study:
    kind.good.write(folder)
    text = kind.good.study
    if kind.register:
        text = text.replace('register = "icb"\nboundaries = "2025-04"', kind.register)
    return parse_study(text, folder / "study.toml")


def _damaged(table: Table, changes: tuple[Change, ...]) -> Table:
    for change in changes:
        table = change(table)
    return table


def _loaded(study: Study) -> Loaded | None:
    """Return what is loaded, None where there is one clear error."""
    try:
        return load(study, study.outcomes[0])
    except PilotEvalError as error:
        hold_message(str(error))
        return None


def _hold_ledger(loaded: Loaded, read: dict[str, int]) -> None:
    trace = loaded.trace
    behind = pl.col("behind").sum() if "behind" in trace.columns else pl.len()
    assert dict(trace.group_by("file").agg(behind.alias("rows")).iter_rows()) == read
    if "behind" not in trace.columns:
        assert trace.select("file", "row").is_unique().all()
    booked = ledger({"outcome": trace})
    used, explained = (
        int(booked.filter(pl.col("status") == status)["rows"].sum())
        for status in ("used", "left out")
    )
    assert used + explained == sum(read.values())
    assert (booked.filter(pl.col("status") == "left out")["reason"] != "").all()


def _compared(panel: Panel) -> pl.DataFrame:
    """Return the rows, without ends of counts that are all the same as the counts."""
    rows = panel.rows
    ends = {"count_low", "count_high"} & set(rows.columns)
    if ends and all(rows[end].equals(rows["count"]) for end in ends):
        rows = rows.drop(ends)
    return rows


def _figure(cell: str) -> float:
    """Return a count as the panel holds it: a suppressed one is 1 at least."""
    return 1.0 if cell.strip() in ("*", "[c]") else float(cell.replace(",", ""))


def _hold_sum(kind: Kind, table: Table, loaded: Loaded) -> None:
    """Hold that the panel adds up what the rows used say; whole numbers, so to the last bit."""
    assert loaded.panel is not None
    files = {
        name: table if name == kind.file else Table.of(text)
        for name, text in kind.good.files.items()
    }
    total = 0.0
    used = loaded.trace.filter(pl.col("left_out").is_null())
    for name, number in used.select("file", "row").iter_rows():
        of = files[name]
        row = of.rows[number - len(of.notes) - 2]
        total += _figure(row[of.column(kind.count)])
    assert loaded.panel.values("count").sum() == total


def _hold_used_alone(kind: Kind, study: Study, table: Table, loaded: Loaded) -> None:
    """Hold that the rows used give the same panel by themselves."""
    assert loaded.panel is not None
    kept = pl.col("left_out").is_null() | pl.col("left_out").str.contains(kind.parts)
    numbers = loaded.trace.filter(kept, pl.col("file") == kind.file)["row"].to_list()
    alone = replace(table.only(set(numbers)), encoding="utf-8", end="\n")
    (study.folder / kind.file).write_bytes(alone.written())
    again = load(study, study.outcomes[0])
    assert again.panel is not None
    assert _compared(again.panel).equals(_compared(loaded.panel))
    assert again.panel.adoption.first_treated == loaded.panel.adoption.first_treated


@pytest.fixture(scope="module")
def studies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Study]:
    """Return a study of each kind, with good files."""
    home = tmp_path_factory.mktemp("random")
    return {key: _study(kind, home / str(i)) for i, (key, kind) in enumerate(KINDS.items())}


@pytest.mark.parametrize("key", KINDS)
@given(data=st.data())
@settings(
    deadline=None,
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_used_and_explained_are_read_and_the_panel_is_of_the_rows_used(
    studies: dict[str, Study], key: str, data: st.DataObject
) -> None:
    kind, study = KINDS[key], studies[key]
    changes = data.draw(damages(TABLES[key], kind.read, kind.code))
    table = _damaged(TABLES[key], changes)
    (study.folder / kind.file).write_bytes(table.written())
    loaded = _loaded(study)
    if loaded is None:
        return
    others = {name: text for name, text in kind.good.files.items() if name != kind.file}
    read = {name: len(Table.of(text).rows) for name, text in others.items()}
    read |= {kind.file: len(table.rows)} if table.rows else {}
    _hold_ledger(loaded, read)
    blocked = any(check.blocking and check.passed is False for check in loaded.checks)
    assert (loaded.panel is None) == blocked
    if loaded.panel is not None and "behind" not in loaded.trace.columns:
        _hold_sum(kind, table, loaded)
        _hold_used_alone(kind, study, table, loaded)
