"""An extract damaged at random: each record has one fate, and the panel is of those used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings

from evaluation.errors import PilotEvalError
from evaluation.records.build import Built, build_panel
from evaluation.records.engines import lazy
from evaluation.records.files import scan
from evaluation.records.plan import make_plan
from evaluation.records.query import Query
from evaluation.records.reading import to_episodes
from evaluation.study import Study, load_study
from faulty.damage import Change, Table, damages
from faulty.fault import hold_message
from faulty.good import HES

EXAMPLES = 20
_NAME = "hes.csv"
_GOOD = Table.of(HES.files[_NAME])
_READ = (
    *("TOKEN_PERSON_ID", "PROVSPNOPS", "ADMIDATE", "EPISTART", "EPIORDER", "EPISTAT"),
    *("ADMIMETH", "STARTAGE", "CCG_RESIDENCE", "DIAG_01", "DIAG_02"),
)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """Return a study of a good extract."""
    folder = tmp_path_factory.mktemp("records")
    HES.write(folder)
    return load_study(folder / "study.toml")


def _numbered(table: Table) -> Table:
    """Return the table with the number of each row as its key."""
    at = table.column("EPIKEY")
    rows = tuple(
        (*row[:at], str(number), *row[at + 1 :]) if any(row) else row
        for number, row in enumerate(table.rows, start=2)
    )
    return replace(table, rows=rows)


def _built(study: Study) -> Built | None:
    """Return what the records become, None where there is one clear error."""
    try:
        return build_panel(study)
    except PilotEvalError as error:
        hold_message(str(error))
        return None


def _numbers_of_used(study: Study) -> set[int]:
    """Return the keys of the records without a fate; that of place is told after counting."""
    plan = make_plan(study)
    frame = lazy(scan(study.folder / _NAME, _NAME))
    episodes = to_episodes(frame, plan.layout, columns={}, name=_NAME).frame
    query = Query(plan=plan)
    finished = query.finished(query.linked(query.settled(episodes)))
    told = finished.select("episode_key", "fate").to_native().collect()
    assert isinstance(told, pl.DataFrame)
    return {int(key) for key in told.filter(pl.col("fate").is_null())["episode_key"]}


def _hold_ledger(built: Built, read: int) -> None:
    def records(status: str) -> int:
        return int(built.ledger.filter(pl.col("status") == status)["records"].sum())

    assert records("read") == read
    assert records("used") + records("left out") == read
    assert built.tables.panel["emergency_admissions"].sum() == records("used")


@given(changes=damages(_GOOD, _READ, "CCG_RESIDENCE"))
@settings(
    deadline=None,
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_used_and_explained_are_read_and_the_panel_is_of_the_records_used(
    study: Study, changes: tuple[Change, ...]
) -> None:
    table = _GOOD
    for change in changes:
        table = change(table)
    table = _numbered(table)
    path: Path = study.folder / _NAME
    path.write_bytes(table.written())
    built = _built(study)
    if built is None:
        return
    _hold_ledger(built, len(table.rows))
    alone = replace(table.only(_numbers_of_used(study)), encoding="utf-8", end="\n")
    path.write_bytes(alone.written())
    again = build_panel(study)
    assert again.tables.panel.equals(built.tables.panel)
