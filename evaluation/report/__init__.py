"""Reports: a page of all pilot sites, a page for each site, a first page, charts, tables."""

from __future__ import annotations

from evaluation.report.pdf import require_pdf, write_pdfs
from evaluation.report.render import WORKBOOK, render
from evaluation.report.templates import environment
from evaluation.report.workbook import workbook_identity

__all__ = [
    "WORKBOOK",
    "environment",
    "render",
    "require_pdf",
    "workbook_identity",
    "write_pdfs",
]
