"""Reports: a page of all pilot sites, a page for each site, a first page, charts, a workbook."""

from __future__ import annotations

from evaluation.report.render import render

__all__ = ["render"]
