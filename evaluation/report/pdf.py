"""PDFs of the pages, tagged for screen readers (PDF/UA), by WeasyPrint, which is an extra."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from pathlib import Path

from evaluation.errors import UsageError
from evaluation.report.templates import blaming, environment

__all__ = ["require_pdf", "write_pdfs"]

_INSTALL = 'pip install "pilot-eval[pdf]"'
_VARIANT = "pdf/ua-1"
_STYLE = "pdf.css"
# A page carries all that it shows; nothing is fetched from a network or a disk.
_FETCHED = ("data",)


def require_pdf() -> None:
    """Make sure that PDFs can be made.

    Raises
    ------
    UsageError
        When WeasyPrint is not installed, or lacks the system library that it draws text with.
    """
    if importlib.util.find_spec("weasyprint") is None:
        raise UsageError(
            "PDFs need WeasyPrint, which is not installed", remedy=f"Install it: {_INSTALL}."
        )
    try:
        importlib.import_module("weasyprint")
    except OSError as error:
        raise UsageError(
            f"PDFs need Pango, which this system lacks ({error})",
            remedy="Install it (on Debian: apt-get install libpango-1.0-0 libpangoft2-1.0-0).",
        ) from error


def write_pdfs(
    pages: Iterable[Path],
    *,
    templates: Path | None = None,
    progress: Callable[[str], None] | None = None,
) -> tuple[Path, ...]:
    """Write a PDF beside each page.

    Parameters
    ----------
    pages : iterable of Path
        Files as :func:`render` returns them; those that are no HTML are passed over.
    templates : Path, optional
        A user's own templates: a ``pdf.css`` there takes the place of ours.
    progress : callable, optional
        Told what is being written.

    Returns
    -------
    tuple of Path
        What was written. The same page gives the same bytes.

    Raises
    ------
    UsageError
        When PDFs cannot be made here.
    """
    require_pdf()
    from weasyprint import CSS, HTML
    from weasyprint.urls import URLFetcher

    with blaming(templates):
        style = CSS(string=environment(templates).get_template(_STYLE).render())
    fetcher = URLFetcher(allowed_protocols=_FETCHED)
    written = []
    for page in pages:
        if page.suffix != ".html":
            continue
        path = page.with_suffix(".pdf")
        if progress is not None:
            progress(f"Writing {path.name}")
        document = HTML(string=page.read_text(encoding="utf-8"), url_fetcher=fetcher)
        document.write_pdf(path, pdf_variant=_VARIANT, stylesheets=[style])
        written.append(path)
    return tuple(written)
