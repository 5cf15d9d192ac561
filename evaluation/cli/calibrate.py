"""`pilot-eval calibrate`: how often the study's methods would cry wolf on its own data."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import click

from evaluation import methods
from evaluation.calibration import MOST_DRAWS, Calibration, CryWolf
from evaluation.calibration import calibrate as run_calibration
from evaluation.cli.options import as_json, progress_to_stderr, quiet, study_path
from evaluation.errors import CheckError
from evaluation.methods import ProcedureEntry
from evaluation.pipeline import examine
from evaluation.study import Study, load_study

__all__ = ["command"]

_LIMITS = (
    "How to read it: placebo pilots are drawn from the same units and months and overlap, so the "
    "Monte Carlo error says how well these data were sampled, not how other data would behave; "
    "units joined to a placebo site at random share less than those of a real site; at most "
    f"{MOST_DRAWS} draws are made by methods that resample."
)


@click.command(
    name="calibrate",
    epilog="""\b
Examples:
  pilot-eval calibrate my-study/study.toml
  pilot-eval calibrate my-study/study.toml --repetitions 2000 --out calibration.csv
""",
)
@click.argument("study", required=False, type=click.Path(path_type=Path))
@click.option(
    "--repetitions",
    type=click.IntRange(min=10, max=1_000_000),
    default=400,
    show_default=True,
    help="Placebo pilots for each outcome.",
)
@click.option(
    "--jobs",
    type=click.IntRange(min=1, max=256),
    help="Processes to share the work; every processor without it. The figures are the same.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the table as CSV to this file.",
)
@quiet
@as_json
def command(
    study: Path | None,
    repetitions: int,
    jobs: int | None,
    out: Path | None,
    *,
    quiet: bool,
    as_json: bool,
) -> None:
    """Say how often the methods of STUDY would cry wolf on its own data.

    Random comparison units are taken for a pilot of the same shape, at random dates before the real
    start, where nothing happened; each method is asked for the effect. A 95% interval should
    exclude zero in 5% of these placebo pilots. Without STUDY the embedded sample study is used.
    """
    tell = progress_to_stderr(quiet=quiet or as_json)
    parsed = load_study(study_path(study))
    reading = examine(parsed, progress=tell)
    if reading.blocking:
        names = ", ".join(f"{check.outcome}: {check.title}" for check in reading.blocking)
        raise CheckError(
            f"{len(reading.blocking)} check(s) forbid estimating ({names})",
            place=parsed.path.name,
            remedy=f"Run `pilot-eval check {parsed.path}` for every finding by file and row.",
        )
    panels = {key: one.panel for key, one in reading.loaded.items() if one.panel is not None}
    found = run_calibration(
        parsed,
        panels,
        repetitions=repetitions,
        jobs=jobs or os.cpu_count() or 1,
        progress=tell,
    )
    tell("")
    if out is not None:
        found.table().write_csv(out)
    if as_json:
        click.echo(json.dumps(_as_json(parsed, found), indent=2, ensure_ascii=False))
    elif not quiet:
        click.echo(_words(parsed, found))


def _as_json(study: Study, found: Calibration) -> dict[str, Any]:
    return {
        "study": study.title,
        "level": found.level,
        "repetitions": found.repetitions,
        "placebo_pilots": {
            key: plan.in_words(study.calendar) for key, plan in found.designs.items()
        },
        "methods": [
            {**facts, "sentence": found.sentence(row)}
            for facts, row in zip(found.table().to_dicts(), found.rows, strict=True)
        ],
        "limits": _LIMITS,
    }


def _words(study: Study, found: Calibration) -> str:
    lines = [study.title]
    for key, plan in found.designs.items():
        rows = [row for row in found.rows if row.outcome == key]
        lines += ["", study.outcome(key).label]
        lines.append(f"  Placebo pilots: {plan.in_words(study.calendar)}.")
        for estimand, title in (
            ("overall", "All sites together"),
            ("site", "One site alone"),
        ):
            lines += ["", f"  {title:<36} excluded zero in (Monte Carlo error)"]
            lines += [_line(row) for row in rows if row.estimand == estimand]
        lines += ["", f"  {found.sentence(next(row for row in rows if row.is_primary))}"]
    return "\n".join([*lines, "", _LIMITS])


def _line(row: CryWolf) -> str:
    mark = "*" if row.is_primary else " "
    name = f"{row.estimator}, {row.procedure}"
    if row.cried is None:
        why = row.reason if row.failures else _not_used(methods.PROCEDURES[row.procedure])
        return f"  {mark} {name:<34} {why}"
    failed = f"; {row.failures} without an answer" if row.failures else ""
    return (
        f"  {mark} {name:<34} {100 * row.cried.value:5.1f}% ({100 * row.cried.error:.1f})"
        f" of {row.cried.trials:,}{failed}"
    )


def _not_used(entry: ProcedureEntry) -> str:
    fewest, most = entry.fewest_pilot_sites, entry.most_pilot_sites
    above = f" or above {most}" if most is not None else ""
    return (
        f"not used below {fewest}{above} pilot sites"
        if fewest > 1
        else f"not used above {most} pilot sites"
    )
