"""From hospital records to a panel of admissions by unit and period, and a ledger of every record.

:func:`build_panel` reads top to bottom as the method section would say it. All that runs over
records is one lazy query, the same on polars, DuckDB and Spark, which ends in counts by provider,
month, place and definition; the rest is done on these counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import narwhals as nw
import polars as pl

from evaluation.errors import SourceError, UsageError
from evaluation.records import residents as resident_rules
from evaluation.records.avoidable import needed_columns
from evaluation.records.by_person import count_by_person
from evaluation.records.counts import Counted, Tables, tables
from evaluation.records.definitions import avoidable_column
from evaluation.records.disagreement import disagreement
from evaluation.records.engines import Frame, collected, lazy
from evaluation.records.exclusions import ledger
from evaluation.records.exposure import read_exposure
from evaluation.records.files import find, scan
from evaluation.records.notes import CountNote
from evaluation.records.places import COLUMN
from evaluation.records.plan import Plan, make_plan
from evaluation.records.query import Query
from evaluation.records.reading import Episodes, to_episodes
from evaluation.study import Study

__all__ = ["Built", "build_panel", "count_records", "open_records"]

# What a definition cannot do without; other columns that an extract lacks leave a rule unasked.
_CODES = frozenset({"primary", "diagnoses", "procedures"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What the records became.

    Parameters
    ----------
    tables : Tables
        The panel and what goes with it.
    ledger : polars.DataFrame
        Every record: used, or left out and why.
    disagreement : polars.DataFrame
        For each pair of definitions, the admissions of the panel that both, one or neither calls
        avoidable.
    names : tuple of pairs of str
        Column of the panel and name of the definition, with its mark.
    notes : tuple of str
        What a reader of the panel must know: how residents were told, what is not verified, what
        could not be asked of this extract.
    counted : tuple of CountNote
        Those of the notes that hold counts of records, which not every reader may see.
    """

    tables: Tables
    ledger: pl.DataFrame
    disagreement: pl.DataFrame
    names: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    counted: tuple[CountNote, ...] = ()


def open_records(study: Study) -> dict[str, object]:
    """Open the files of [records] lazily, by name.

    Raises
    ------
    StudyError
        Where there is no [records].
    SourceError
        For files that are not there or cannot be opened.
    """
    plan = make_plan(study)
    files = find(study.folder, plan.settings.files)
    return {path.name: scan(path, path.name) for path in files}


def build_panel(study: Study, records: dict[str, object] | None = None) -> Built:
    """Count admissions by unit and period.

    Parameters
    ----------
    study : Study
        With a section [records].
    records : dict of str to frame, or None
        Extracts by name: polars LazyFrames, DuckDB relations or Spark DataFrames, all of one
        engine. None: the files of [records].

    Raises
    ------
    StudyError
        For what the study file names wrongly.
    SourceError
        For a file or column that is not there, and where nothing is left.
    """
    plan = make_plan(study)
    opened = open_records(study) if records is None else records
    frames = {name: lazy(frame) for name, frame in opened.items()}
    extracts = [_read(frame, plan, name) for name, frame in frames.items()]
    lacking = _lacking(extracts, plan)
    # All that can be wrong is told before the long part.
    exposed = read_exposure(plan, study.folder)
    query = Query(plan=plan, lacking=lacking)
    counted = count_records({extract.name: extract.frame for extract in extracts}, query)
    made = tables(counted, plan, exposed, query.reasons())
    reasons = (*query.reasons(), *made.reasons)
    told = dict(made.fates.iter_rows())
    noted = (*_recast(counted), *made.counted)
    return Built(
        tables=made,
        ledger=ledger(reasons, told),
        disagreement=disagreement(made.flags, counted.definitions, records="admissions"),
        names=tuple((avoidable_column(item.key), item.name) for item in plan.definitions),
        notes=(*_notes(plan, lacking), *(note.said() for note in noted), *made.notes),
        counted=noted,
    )


# ------------------------------------------------------------------ reading


def _read(frame: Frame, plan: Plan, name: str) -> Episodes:
    settings = plan.settings
    extract = to_episodes(
        frame,
        plan.layout,
        columns=settings.columns,
        dates=settings.dates,
        coded=Query(plan=plan).could_count(),
        name=name,
    )
    for column, purpose in _needs(plan).items():
        extract.need(column, purpose)
    return extract


def _needs(plan: Plan) -> dict[str, str]:
    """Return the columns without which nothing can be counted, and what for."""
    settings = plan.settings
    needs = {
        "person": "to tell people apart",
        "admitted": "to say when",
        "method": "to tell emergencies",
        COLUMN[settings.place.by]: f'to say of which unit a record is (by = "{settings.place.by}")',
    }
    if settings.admissions == "first_episodes":
        needs["episode_order"] = 'to tell first episodes (admissions = "first_episodes")'
    if settings.least_age is not None:
        needs["age"] = "for least_age"
    rule = settings.residents
    needs |= dict.fromkeys(resident_rules.needed(rule), f'for residents by "{rule.rule}"')
    for item in plan.definitions:
        codes = sorted(needed_columns(item) & _CODES)
        needs |= dict.fromkeys(codes, f"by the definition {item.key}")
    return needs


def _lacking(extracts: Sequence[Episodes], plan: Plan) -> frozenset[str]:
    wanted = {column for item in plan.definitions for column in needed_columns(item)}
    wanted |= {"provider", "spell_number"}
    return frozenset(c for c in wanted if any(c not in e.found for e in extracts))


# ------------------------------------------------------------------ counting


def count_records(episodes: Mapping[str, Frame], query: Query) -> Counted:
    """Run the query over extracts, all of one engine: every record to its fate, then counts.

    Parameters
    ----------
    episodes : mapping of str to narwhals.LazyFrame
        By name of the extract, those of :func:`~evaluation.records.reading.to_episodes`.
    query : Query
        What is asked.

    Raises
    ------
    SourceError
        Where there is none, or an extract cannot be read to its end.
    UsageError
        Where they are not of one engine.
    """
    if not episodes:
        raise SourceError("there are no records", place="[records]", allowed="one extract or more")
    kinds = {frame.implementation.name for frame in episodes.values()}
    if len(kinds) > 1:
        raise UsageError(
            f"extracts are frames of {' and '.join(sorted(kinds)).lower()}",
            allowed="all extracts of one engine",
            remedy="Open all of them with the same one",
        )
    settled = {name: query.settled(frame) for name, frame in episodes.items()}
    if query.links and kinds == {"POLARS"}:
        cells = count_by_person(settled, query)
    else:
        sums = query.sums()
        linked = settled
        if query.links:
            linked = {"": query.linked(nw.concat(list(settled.values()), how="vertical"))}
        # One extract after the other: polars would hold parts of each.
        for name, frame in linked.items():
            sums.add(collected(query.cells(query.finished(frame)), query.schema, name=name))
        cells = sums.table()
    return Counted(
        cells=cells.drop("recast"),
        definitions=query.definitions,
        recast=int(cells["recast"].sum()),
    )


# ------------------------------------------------------------------ what must be said


def _recast(counted: Counted) -> tuple[CountNote, ...]:
    if not counted.recast:
        return ()
    said = (
        " records a program had made the method of admission a number: 66 to 69 are read as 2A to "
        "2D, 21.0 as 21. Other columns of codes may have suffered, too: ask for them as text."
    )
    return (CountNote(parts=("In ", counted.recast, said)),)


def _notes(plan: Plan, lacking: frozenset[str]) -> tuple[str, ...]:
    settings = plan.settings
    notes = list(resident_rules.caveats(settings.residents))
    notes += [item.caveat for item in plan.definitions if item.caveat]
    if "provider" in lacking:
        notes.append(
            "There is no column of provider: spells are told apart without it, and months in "
            "which a provider sent nothing cannot be told from months without admissions."
        )
    if "spell_number" in lacking and settings.admissions == "spells":
        notes.append(
            "There is no column of spell_number: two spells of one person that begin on one day "
            "at one provider are counted as one."
        )
    for item in plan.definitions:
        unasked = sorted(needed_columns(item) & lacking)
        if unasked:
            notes.append(
                f"{item.key} asks for {', '.join(unasked)}, which the extract does not have: "
                "these rules are not applied."
            )
    return tuple(notes)
