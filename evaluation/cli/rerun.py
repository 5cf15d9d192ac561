"""`pilot-eval rerun`: recompute a stored run and compare every number."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from evaluation import results
from evaluation.cli.options import as_json, progress_to_stderr, quiet, run_folder
from evaluation.errors import RerunError
from evaluation.pipeline import run
from evaluation.results import Comparison
from evaluation.study import parse_study

__all__ = ["command"]

_MOST_ROWS = 30


@click.command(
    name="rerun",
    epilog="""\b
Examples:
  pilot-eval rerun my-results
  pilot-eval rerun my-results --inputs /data/of/the/study
""",
)
@run_folder
@click.option(
    "--inputs",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder that the study's relative paths start from, when the data have moved.",
)
@quiet
@as_json
def command(folder: Path, inputs: Path | None, *, quiet: bool, as_json: bool) -> None:
    """Recompute the stored run DIR from its manifest and compare every number.

    The study is the one stored in the manifest, whatever the study file says now. Exit code 14
    and a table when a number differs; a changed input, version or seed is named as the cause.
    """
    stored = results.load_manifest(folder)
    path = stored.study_file
    study = parse_study(stored.study_text, inputs / path.name if inputs else path)
    again = run(study, progress=progress_to_stderr(quiet=quiet or as_json))
    progress_to_stderr(quiet=quiet or as_json)("")
    found = results.compare(
        results.load_tables(folder),
        results.result_tables(again),
        manifests=(stored, again.manifest),
    )
    if as_json:
        click.echo(json.dumps(_as_json(found), indent=2, ensure_ascii=False))
    elif not quiet:
        click.echo(_words(found))
    if not found.agrees:
        raise RerunError(
            f"{found.differences.height:,} of {found.compared:,} values differ",
            place=str(folder),
            remedy=_remedy(found),
        )


def _as_json(found: Comparison) -> dict[str, Any]:
    return {
        "agrees": found.agrees,
        "compared": found.compared,
        "identical": found.identical,
        "causes": list(found.causes),
        "differences": found.differences.to_dicts(),
    }


def _words(found: Comparison) -> str:
    lines = []
    if found.agrees:
        lines.append(
            f"Every number agrees: {found.compared:,} values compared, "
            f"{found.identical:,} of them to the last bit."
        )
    else:
        lines += [_line(row) for row in found.differences.head(_MOST_ROWS).to_dicts()]
        hidden = found.differences.height - _MOST_ROWS
        if hidden > 0:
            lines.append(f"  and {hidden:,} more: --json gives them all")
    lines += [f"Changed since: {cause}." for cause in found.causes]
    return "\n".join(lines)


def _line(row: dict[str, Any]) -> str:
    return f"  {row['table']}: {row['row']}: {row['column']} was {row['stored']}, is {row['rerun']}"


def _remedy(found: Comparison) -> str:
    if found.causes:
        return f"The cause can be: {'; '.join(found.causes)}."
    return (
        "Inputs, versions and seed are the same, so a stored number was changed after the run, "
        "or this is a defect of pilot-eval: please report it."
    )
