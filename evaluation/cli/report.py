"""`pilot-eval report`: render again, estimating nothing."""

from __future__ import annotations

from pathlib import Path

import click

from evaluation import report, results
from evaluation.cli.options import progress_to_stderr, quiet, run_folder
from evaluation.disclosure import release

__all__ = ["command"]


@click.command(
    name="report",
    epilog="""\b
Example:
  pilot-eval report my-results
""",
)
@run_folder
@quiet
def command(folder: Path, *, quiet: bool) -> None:
    """Render the reports of the stored run DIR again.

    Only DIR/release is replaced; the figures are those stored in DIR/restricted.
    """
    tell = progress_to_stderr(quiet=quiet)
    released = release(results.load(folder))
    with results.replaced(folder / "release") as fresh:
        report.render(released, fresh, progress=tell)
    tell("")
    if not quiet:
        click.echo(f"Reports     {folder / 'release' / 'index.html'}")
