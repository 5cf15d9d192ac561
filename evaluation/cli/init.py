"""`pilot-eval init`: a study folder to edit."""

from __future__ import annotations

import shutil
from pathlib import Path

import click

from evaluation.errors import UsageError
from evaluation.resources import resource_folder

__all__ = ["command"]

# What an evaluator edits and replaces; the generator and the true effects stay with the sample.
_COPIED = ("*.toml", "*.csv")
_RETURN = "local_return"


@click.command(
    name="init",
    epilog="""\b
Example:
  pilot-eval init my-study && pilot-eval estimate my-study/study.toml
""",
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
def command(folder: Path) -> None:
    """Make the study folder DIR: a study file to edit, and sample data to replace.

    The study runs as it is, on synthetic data, so that you can change one thing at a time. In
    local_return is a form for the homes of the study: qualified prescribers and residents, home by
    home and month by month, with a README of its columns.
    """
    from evaluation.sources.local_return_template import write_template

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(
            "is there already and is not an empty folder",
            place=str(folder),
            remedy="Name a folder that does not exist yet; nothing was changed.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    sample = resource_folder("sample_data")
    copied = [path for pattern in _COPIED for path in sorted(sample.glob(pattern))]
    for path in copied:
        shutil.copyfile(path, folder / path.name)
    template = write_template(folder / _RETURN)
    names = ", ".join(path.name for path in copied)
    click.echo(
        f"Made {folder} with {names}.\n"
        f"In {folder / _RETURN} is a form to send to care homes, if you count prescribers: "
        f"{', '.join(path.name for path in template)}.\n"
        f"1. Edit {folder / 'study.toml'}: every line says what it means.\n"
        f"2. Put your data beside it, in place of the synthetic data.\n"
        f"3. pilot-eval check {folder / 'study.toml'}\n"
        f"4. pilot-eval estimate {folder / 'study.toml'} --out results"
    )
