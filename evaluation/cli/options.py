"""Options and arguments that several commands share, and progress on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import click

from evaluation.resources import resource_folder

__all__ = [
    "SAMPLE",
    "as_json",
    "pdf",
    "progress_to_stderr",
    "quiet",
    "run_folder",
    "study_path",
    "templates",
]

SAMPLE = "the embedded sample study"

quiet = click.option("--quiet", "-q", is_flag=True, help="Print nothing but errors.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
templates = click.option(
    "--templates",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder of your own templates; each takes the place of ours of the same name.",
)
pdf = click.option(
    "--pdf", is_flag=True, help='Put a PDF beside each page; needs pip install "pilot-eval[pdf]".'
)
run_folder = click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))


def study_path(given: Path | None) -> Path:
    """Return the study that was named; nothing means the embedded sample study."""
    return resource_folder("sample_data") if given is None else given


def progress_to_stderr(*, quiet: bool) -> Callable[[str], None]:
    """Return what tells progress: one changing line, off when nobody is looking."""
    if quiet or not sys.stderr.isatty():
        return _silent
    return _show


def _silent(_: str) -> None:
    """Tell nobody."""


def _show(text: str) -> None:
    """Overwrite the last line of progress; an empty text clears it."""
    width = 78
    line = text if len(text) <= width else f"{text[: width - 1]}…"
    click.echo(f"\r\x1b[2K{line}", nl=False, err=True)
