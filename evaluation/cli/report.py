"""`pilot-eval report`: render again, estimating nothing."""

from __future__ import annotations

from pathlib import Path

import click

from evaluation.cli.options import pdf, progress_to_stderr, quiet, run_folder, templates
from evaluation.cli.publishing import Publishing, publish

__all__ = ["command"]


@click.command(
    name="report",
    epilog="""\b
Examples:
  pilot-eval report my-results
  pilot-eval report my-results --templates my-templates
  pilot-eval report my-results --pdf
""",
)
@run_folder
@templates
@pdf
@quiet
def command(folder: Path, templates: Path | None, *, pdf: bool, quiet: bool) -> None:
    """Render the reports of the stored run DIR again.

    Only DIR/release is replaced, and DIR/restricted/disclosure_audit.csv written anew; the figures
    are those stored in DIR/restricted.
    """
    tell = progress_to_stderr(quiet=quiet)
    publish(folder, Publishing(tell=tell, templates=templates, pdf=pdf))
    tell("")
    if not quiet:
        click.echo(f"Reports     {folder / 'release' / 'index.html'}")
