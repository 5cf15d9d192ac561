"""Where the files that ship beside the code are: templates and the embedded sample study.

In a wheel they lie inside the package; in a checkout (editable install) at the top level.
"""

from __future__ import annotations

from pathlib import Path

from evaluation.errors import UsageError

__all__ = ["resource_folder"]

_PACKAGE = Path(__file__).resolve().parent


def resource_folder(name: str) -> Path:
    """Return the folder ``name`` ("templates", "sample_data") of this installation.

    Raises
    ------
    UsageError
        When the installation lacks it.
    """
    for candidate in (_PACKAGE / name, _PACKAGE.parent / name):
        if candidate.is_dir():
            return candidate
    raise UsageError(
        f"the folder {name!r} is missing from this installation of pilot-eval",
        remedy="Install it again: pip install --force-reinstall pilot-eval.",
    )
