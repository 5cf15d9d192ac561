"""From a Released to files: one HTML page each, charts as SVG, tables as workbook and CSV."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from evaluation.disclosure import Released
from evaluation.figures import poster
from evaluation.report.about import sites_of
from evaluation.report.csv_tables import csv_files
from evaluation.report.names import slugs
from evaluation.report.overall import index_page, overall_page
from evaluation.report.sites import site_page
from evaluation.report.templates import blaming, environment
from evaluation.report.workbook import write_workbook

__all__ = ["WORKBOOK", "render", "render_pages"]

Progress = Callable[[str], None]

WORKBOOK = "tables.xlsx"


def render(
    released: Released,
    folder: Path,
    *,
    templates: Path | None = None,
    workbook: Path | None = None,
    progress: Progress | None = None,
) -> tuple[Path, ...]:
    """Write every report of a run below ``folder``.

    Parameters
    ----------
    released : Released
        What may leave.
    folder : Path
        Made when it is not there; files of the same name are replaced.
    templates : Path, optional
        A user's own templates, which take the place of ours of the same name.
    workbook : Path, optional
        The workbook of these very figures, where it was made before: it is copied. Making it takes
        longer than all the rest.
    progress : callable, optional
        Told what is being written.

    Returns
    -------
    tuple of Path
        What was written, in order of writing.

    Raises
    ------
    UsageError
        When a user's template cannot be read or rendered.
    """
    tell = progress or _silent
    written = []
    for files in (render_pages(released, tell, templates), csv_files(released)):
        for name, text in files:
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
            written.append(path)
    path = folder / WORKBOOK
    if workbook is not None:
        path.write_bytes(workbook.read_bytes())
    else:
        tell(f"Writing {WORKBOOK}")
        write_workbook(released, path)
    return (*written, path)


def render_pages(
    released: Released, tell: Progress, templates: Path | None = None
) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of every page and chart."""
    with blaming(templates):
        yield from _pages(released, tell, templates)


def _pages(released: Released, tell: Progress, templates: Path | None) -> Iterator[tuple[str, str]]:
    made = environment(templates)
    tell("Writing overall.html")
    overall = overall_page(released)
    yield "overall.html", made.get_template("overall.html").render(page=overall)
    charts = overall.charts
    drawn = made.get_template("figure.svg")
    for figure in charts:
        drawing = poster(figure, notice=released.study.notice)
        yield f"figures/{figure.key}.svg", drawn.render(figure=figure, drawing=drawing)
    template = made.get_template("site.html")
    for name, stem in slugs(sites_of(released)).items():
        tell(f"Writing sites/{stem}.html")
        yield f"sites/{stem}.html", template.render(page=site_page(released, name))
    first = index_page(released, charts)
    tell("Writing index.html")
    yield "index.html", made.get_template("index.html").render(page=first)


def _silent(_: str) -> None:
    """Tell nobody."""
