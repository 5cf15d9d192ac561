"""From a stored run to its `release/` and its audit: what `estimate` and `report` share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from evaluation import report, results
from evaluation.disclosure import Released, release
from evaluation.manifest import hash_file
from evaluation.study import Study

__all__ = ["Publishing", "publish", "refuse_early"]

_RELEASE = "release"
_AUDIT = "disclosure_audit"
_WORKBOOK = "workbook"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publishing:
    """How reports are made.

    Parameters
    ----------
    tell : callable
        Told what is being written.
    templates : Path or None
        The user's own templates; None for those that the study file names, if it does.
    pdf : bool
        Whether a PDF is put beside each page.
    """

    tell: Callable[[str], None]
    templates: Path | None = None
    pdf: bool = False


def publish(folder: Path, wanted: Publishing) -> Released:
    """Write ``release/`` of a stored run, and ``restricted/disclosure_audit.csv``.

    Returns
    -------
    Released
        What passed disclosure control.
    """
    result = results.load(folder)
    refuse_early(result.study, wanted)
    released = release(result)
    identity = report.workbook_identity(released)
    templates = _templates(result.study, wanted)
    with results.replaced(folder / _RELEASE) as fresh:
        written = report.render(
            released,
            fresh,
            templates=templates,
            workbook=_workbook_made_before(folder, identity),
            progress=wanted.tell,
        )
        if wanted.pdf:
            report.write_pdfs(written, templates=templates, progress=wanted.tell)
        made = hash_file(fresh / report.WORKBOOK)
    results.write_table(released.audit, folder, _AUDIT)
    results.write_note({"made_of": identity, "sha256": made}, folder, _WORKBOOK)
    return released


def refuse_early(study: Study, wanted: Publishing) -> None:
    """Refuse what would fail when all the work is done: absent libraries, broken templates.

    Raises
    ------
    UsageError
        When a PDF is wanted and cannot be made, or a user's templates cannot be used.
    """
    if wanted.pdf:
        report.require_pdf()
    own = _templates(study, wanted)
    if own is not None:
        report.environment(own)


def _templates(study: Study, wanted: Publishing) -> Path | None:
    """Return the folder of the command line, else that of the study file, beside which it lies."""
    if wanted.templates is not None:
        return wanted.templates
    named = study.report.templates
    return None if named is None else study.folder / named


def _workbook_made_before(folder: Path, identity: str) -> Path | None:
    """Return the workbook of the last time, if it is made of the same and nobody changed it."""
    path = folder / _RELEASE / report.WORKBOOK
    before = results.note(folder, _WORKBOOK)
    if before.get("made_of") != identity or not path.is_file():
        return None
    return path if hash_file(path) == before.get("sha256") else None
