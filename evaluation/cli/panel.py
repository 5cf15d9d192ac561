"""`pilot-eval panel`: hospital records to a panel of admissions."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import click

from evaluation.cli.ending import ended_in_order
from evaluation.cli.options import as_json, progress_to_stderr, quiet
from evaluation.disclosure.overlaps import PairFigures, overlap_figures
from evaluation.disclosure.rule import SUPPRESSED, Rule
from evaluation.disclosure.tallies import EXACT, in_words, ledger_figures, note_words
from evaluation.errors import UsageError
from evaluation.records.build import Built, build_panel
from evaluation.records.definitions import avoidable_column
from evaluation.records.files import find
from evaluation.results import replaced
from evaluation.study import Study, load_study

__all__ = ["command"]

_RESTRICTED = "restricted"
_LEDGER = "ledger.csv"
_PANEL = "panel.csv"
_HELD = (
    "counts of people's hospital records before disclosure control. They may not leave the place "
    "that the records may not leave."
)
_WARNING = f"These are {_HELD}"
_WIDTH = 100
_PRINTED = "As in the files, before disclosure control: the same holds for them."


@click.command(
    name="panel",
    epilog="""\b
Examples:
  pilot-eval panel my-study/study.toml
  pilot-eval panel my-study/study.toml --out my-study/panel --json
  pilot-eval panel my-study/study.toml --restricted
""",
)
@click.argument("study", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=None,
    help="Folder for the tables; panel beside the study file without it.",
)
@click.option(
    "--restricted",
    is_flag=True,
    help="Print counts as they are, for those who may see the records.",
)
@quiet
@as_json
def command(study: Path, out: Path | None, *, restricted: bool, quiet: bool, as_json: bool) -> None:
    """Count the admissions in the hospital records of STUDY, by unit and period.

    The section [records] of the study file says where the records are and how they are read;
    docs/records.md has a whole example. The tables are written whole or not at all, into a folder
    named restricted: they hold counts before disclosure control. What is printed has passed it:
    small counts are suppressed and others rounded, as [release] says. The outcomes of the study
    may then read panel.csv, with source = "table".
    """
    parsed = load_study(study)
    folder = (parsed.folder / "panel" if out is None else out) / _RESTRICTED
    _refuse_to_overwrite(folder, parsed)
    tell = progress_to_stderr(quiet=quiet or as_json)
    tell("Counting admissions")
    with ended_in_order():
        built = build_panel(parsed)
    with replaced(folder) as fresh:
        _write(built, fresh)
    tell("")
    rule = EXACT if restricted else Rule.of(parsed.release)
    if as_json:
        click.echo(json.dumps(_as_json(built, folder, rule), indent=2, ensure_ascii=False))
    elif not quiet:
        lines = [parsed.title, "", *_counts_in_words(built, rule), ""]
        lines += _marked("RESTRICTED", f"The files hold {_HELD}")
        lines += _marked("Figures", _control(rule))
        lines += _what_next(study, parsed, built, folder)
        click.echo("\n".join(lines))


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


def _control(rule: Rule) -> str:
    """Return what was done to the figures that are printed."""
    if not rule.controlled:
        return _PRINTED
    _, most = rule.widest
    return (
        f"Printed figures from 1 to {most:.0f}, and those that would give one away, are suppressed "
        f"({SUPPRESSED}); the others are rounded to the nearest {rule.round_to}. The files are "
        "exact, and with --restricted so is what is printed."
    )


def _as_json(built: Built, folder: Path, rule: Rule) -> dict[str, Any]:
    panel, gaps = built.tables.panel, built.tables.gaps
    overlaps = overlap_figures(built.tables.flags, rule)
    # A share to the last digit gives back the counts that it is of.
    told = gaps.drop("share") if rule.controlled else gaps
    records = ledger_figures(built.ledger, rule)
    return {
        "restricted": _WARNING,
        "figures": _control(rule),
        "folder": str(folder),
        "panel": {"rows": panel.height, "columns": panel.columns},
        "ledger": [
            {**line, "records": count}
            for line, count in zip(built.ledger.to_dicts(), records, strict=True)
        ],
        "avoidable": dict(overlaps.avoidable),
        "disagreement": [dict(pair) for pair in overlaps.pairs],
        "gaps": told.to_dicts(),
        "notes": list(note_words(built.notes, built.counted, rule)),
    }


def _counts_in_words(built: Built, rule: Rule) -> list[str]:
    notes = list(note_words(built.notes, built.counted, rule))
    gaps = built.tables.gaps
    if not gaps.is_empty():
        notes.append(
            f"{gaps.height:,} units and months are absent, because a provider that serves the "
            "unit sent nothing: gaps.csv names them."
        )
    lines = [*_ledger_in_words(built, rule), "", *_definitions_in_words(built, rule), ""]
    lines.append("What to know of this panel")
    return [*lines, *(line for note in notes for line in _wrapped(note, "  - "))]


def _what_next(given: Path, study: Study, built: Built, folder: Path) -> list[str]:
    """Return where the tables are and what comes next, in words that can be copied."""
    panel = folder / _PANEL
    is_read = any(
        outcome.source == "table"
        and panel.resolve() in [(study.folder / file).resolve() for file in outcome.files]
        for outcome in study.outcomes
    )
    written = _as_written(panel, study)
    then = f'in an outcome, write source = "table", files = ["{written}"]'
    return [
        f"Panel       {panel} ({built.tables.panel.height:,} units and periods)",
        f"Ledger      {folder / _LEDGER}",
        f"Next        {f'pilot-eval estimate {given} --out results' if is_read else then}",
    ]


def _marked(mark: str, text: str) -> list[str]:
    return _wrapped(text, f"{mark:<12}")


def _wrapped(text: str, start: str) -> list[str]:
    """Return a text in lines of a terminal, the further ones below the first."""
    return textwrap.wrap(
        text,
        _WIDTH,
        initial_indent=start,
        subsequent_indent=" " * len(start),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _as_written(path: Path, study: Study) -> str:
    """Return a path as the study file would write it."""
    home, path = study.folder.resolve(), path.resolve()
    return path.relative_to(home).as_posix() if path.is_relative_to(home) else path.as_posix()


def _ledger_in_words(built: Built, rule: Rule) -> list[str]:
    lines = []
    figures = ledger_figures(built.ledger, rule)
    for (_, _, status, reason, _), records in zip(built.ledger.iter_rows(), figures, strict=True):
        if status != "left out":
            lines.append(f"  {in_words(records):>14} {reason}")
        elif records != 0:
            lines += _wrapped(f"left out: {reason}", f"    {in_words(records):>14} ")
    return lines


def _definitions_in_words(built: Built, rule: Rule) -> list[str]:
    overlaps = overlap_figures(built.tables.flags, rule)
    names = dict(built.names)
    lines = ["Avoidable admissions, by definition"]
    for key, count in overlaps.avoidable.items():
        name = names[avoidable_column(key)]
        lines += _wrapped(f"{key}: {name}", f"  {in_words(count):>14} ")
    if overlaps.pairs:
        lines += ["", "Admissions that two definitions count, of those that either does"]
    for pair in overlaps.pairs:
        share = pair["agreement"]
        lines.append(
            f"  {_count(pair, 'both'):>14} of {_count(pair, 'either'):>7}"
            f" {f'({share:.0%})' if isinstance(share, float) else '':>6}"
            f" {pair['definition']} and {pair['other']}"
        )
    return lines


def _count(pair: PairFigures, name: str) -> str:
    shown = pair[name]
    return shown if isinstance(shown, str) else f"{shown:,}"
