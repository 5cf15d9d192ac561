"""`pilot-eval panel`: hospital records to a panel of admissions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import polars as pl

from evaluation.cli.options import as_json, progress_to_stderr, quiet
from evaluation.errors import UsageError
from evaluation.records.build import Built, build_panel
from evaluation.records.files import find
from evaluation.results import replaced
from evaluation.study import Study, load_study

__all__ = ["command"]

_RESTRICTED = "restricted"
_LEDGER = "ledger.csv"
_PANEL = "panel.csv"
_WARNING = (
    "These are counts of people's hospital records before disclosure control. They may not leave "
    "the place that the records may not leave."
)


@click.command(
    name="panel",
    epilog="""\b
Examples:
  pilot-eval panel my-study/study.toml
  pilot-eval panel my-study/study.toml --out my-study/panel --json
""",
)
@click.argument("study", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=None,
    help="Folder for the tables; panel beside the study file without it.",
)
@quiet
@as_json
def command(study: Path, out: Path | None, *, quiet: bool, as_json: bool) -> None:
    """Count the admissions in the hospital records of STUDY, by unit and period.

    The section [records] of the study file says where the records are and how they are read;
    docs/records.md has a whole example. The tables are written whole or not at all, into a folder
    named restricted: they hold counts before disclosure control. The outcomes of the study may
    then read panel.csv, with source = "table".
    """
    parsed = load_study(study)
    folder = (parsed.folder / "panel" if out is None else out) / _RESTRICTED
    _refuse_to_overwrite(folder, parsed)
    tell = progress_to_stderr(quiet=quiet or as_json)
    tell("Counting admissions")
    built = build_panel(parsed)
    with replaced(folder) as fresh:
        _write(built, fresh)
    tell("")
    if as_json:
        click.echo(json.dumps(_as_json(built, folder), indent=2, ensure_ascii=False))
    elif not quiet:
        click.echo(_words(parsed, built, folder))


def _refuse_to_overwrite(folder: Path, study: Study) -> None:
    """Refuse a folder that holds anything but an earlier panel, or the records themselves."""
    is_earlier = (folder / _LEDGER).is_file() and (folder / _PANEL).is_file()
    is_run = (folder / "manifest.json").is_file()
    if folder.exists() and (is_run or (any(folder.iterdir()) and not is_earlier)):
        raise UsageError(
            "is there already and holds something other than a panel, so it is not overwritten",
            place=str(folder),
            allowed="a folder that is empty, absent, or holds an earlier panel",
            remedy="Name another folder with --out",
        )
    home = folder.resolve()
    inputs = find(study.folder, study.records.files) if study.records else ()
    inside = [path for path in inputs if home in path.resolve().parents]
    if inside:
        raise UsageError(
            f"the folder holds the records themselves ({inside[0].name}) and would be replaced",
            place=str(folder),
            remedy="Name another folder with --out",
        )


def _write(built: Built, folder: Path) -> None:
    panel = built.tables.panel
    panel.write_csv(folder / _PANEL)
    panel.write_parquet(folder / "panel.parquet")
    built.ledger.write_csv(folder / _LEDGER)
    built.disagreement.write_csv(folder / "disagreement.csv")
    built.tables.gaps.write_csv(folder / "gaps.csv")
    text = "\n".join([_WARNING, "", *built.notes, ""])
    (folder / "notes.txt").write_text(text, encoding="utf-8")


def _as_json(built: Built, folder: Path) -> dict[str, Any]:
    panel = built.tables.panel
    return {
        "restricted": _WARNING,
        "folder": str(folder),
        "panel": {"rows": panel.height, "columns": panel.columns},
        "ledger": built.ledger.to_dicts(),
        "disagreement": built.disagreement.to_dicts(),
        "gaps": built.tables.gaps.to_dicts(),
        "notes": list(built.notes),
    }


def _words(study: Study, built: Built, folder: Path) -> str:
    lines = [study.title, "", *_ledger_in_words(built.ledger), ""]
    lines += [*_disagreement_in_words(built), "", "What to know of this panel"]
    lines += [f"  {note}" for note in built.notes]
    gaps = built.tables.gaps
    if not gaps.is_empty():
        lines.append(
            f"  {gaps.height:,} units and months are absent, because a provider that serves the "
            "unit sent nothing: gaps.csv names them."
        )
    panel = built.tables.panel
    lines += [
        "",
        f"RESTRICTED  {_WARNING}",
        f"Panel       {folder / _PANEL} ({panel.height:,} units and periods)",
        f"Ledger      {folder / _LEDGER}",
        'Read it     in an outcome: source = "table", files = ["'
        f'{_as_written(folder / _PANEL, study)}"]',
    ]
    return "\n".join(lines)


def _as_written(path: Path, study: Study) -> str:
    """Return a path as the study file would write it."""
    home, path = study.folder.resolve(), path.resolve()
    return path.relative_to(home).as_posix() if path.is_relative_to(home) else path.as_posix()


def _ledger_in_words(ledger: pl.DataFrame) -> list[str]:
    lines = []
    for _, _, status, reason, records in ledger.iter_rows():
        if status == "left out":
            if records:
                lines.append(f"    {records:>14,} left out: {reason}")
        else:
            lines.append(f"  {records:>14,} {reason}")
    return lines


def _disagreement_in_words(built: Built) -> list[str]:
    panel, table = built.tables.panel, built.disagreement
    counts = [(c, panel[c].sum()) for c in panel.columns if c.startswith("avoidable_")]
    named = dict(built.names)
    lines = ["Avoidable admissions, by definition"]
    lines += [f"  {count:>14,} {named[c]}" for c, count in counts]
    for row in table.iter_rows(named=True):
        either = row["both"] + row["only_definition"] + row["only_other"]
        share = "" if row["agreement"] is None else f" ({row['agreement']:.0%})"
        lines.append(
            f"  {row['definition']} and {row['other']}: of {either:,} that either counts, both "
            f"count {row['both']:,}{share}"
        )
    return lines
