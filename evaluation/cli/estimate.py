"""`pilot-eval estimate`: the main job."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from evaluation import results
from evaluation.cli.options import (
    as_json,
    pdf,
    progress_to_stderr,
    quiet,
    study_path,
    templates,
)
from evaluation.cli.publishing import Publishing, publish, refuse_early
from evaluation.disclosure import Released
from evaluation.pipeline import run
from evaluation.study import load_study
from evaluation.wording import statement

__all__ = ["command"]


@click.command(
    name="estimate",
    epilog="""\b
Examples:
  pilot-eval estimate
  pilot-eval estimate my-study/study.toml --out my-results
""",
)
@click.argument("study", required=False, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("pilot-eval-results"),
    show_default=True,
    help="Folder for the results; written whole or not at all.",
)
@templates
@pdf
@quiet
@as_json
def command(
    study: Path | None,
    out: Path,
    templates: Path | None,
    *,
    pdf: bool,
    quiet: bool,
    as_json: bool,
) -> None:
    """Estimate STUDY and write results and reports.

    Without STUDY the embedded sample study is run. The folder restricted/ holds everything and
    stays with you; the folder release/ holds what has passed disclosure control.
    """
    tell = progress_to_stderr(quiet=quiet or as_json)
    parsed = load_study(study_path(study))
    wanted = Publishing(tell=tell, templates=templates, pdf=pdf)
    refuse_early(parsed, wanted)
    with results.staged(out) as folder:
        results.write(run(parsed, progress=tell), folder)
        # Reports are drawn from what was stored, so that `report` gives the same bytes again.
        released = publish(folder, wanted)
    tell("")
    if as_json:
        click.echo(json.dumps(_summary(released, out), indent=2, ensure_ascii=False))
    elif not quiet:
        click.echo(_words(released, out))


def _answers(released: Released) -> list[dict[str, str]]:
    found = []
    for outcome in released.study.outcomes:
        said = statement(
            released.primary(outcome.key), outcome, released.checks, wording=released.study.wording
        )
        answer = " ".join(part for part in (said.caution, said.sentence) if part)
        found.append({"outcome": outcome.key, "label": outcome.label, "answer": answer})
    return found


def _summary(released: Released, out: Path) -> dict[str, Any]:
    return {
        "study": released.study.title,
        "out": str(out),
        "index": str(out / "release" / "index.html"),
        "answers": _answers(released),
    }


def _words(released: Released, out: Path) -> str:
    lines = [released.study.title]
    if released.study.notice:
        lines.append(released.study.notice)
    for answer in _answers(released):
        lines += ["", answer["label"], f"  {answer['answer']}"]
    lines += [
        "",
        f"Reports     {out / 'release' / 'index.html'}",
        f"Estimates   {out / 'restricted' / 'estimates.csv'}",
        f"Check it    pilot-eval rerun {out}",
    ]
    return "\n".join(lines)
