"""From a Released to files: one HTML page each, charts as SVG, a workbook."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from evaluation.disclosure import Released
from evaluation.figures import poster
from evaluation.report.about import sites_of
from evaluation.report.names import slugs
from evaluation.report.overall import index_page, overall_page
from evaluation.report.sites import site_page
from evaluation.resources import resource_folder

__all__ = ["render", "render_pages"]

Progress = Callable[[str], None]


def render(
    released: Released, folder: Path, *, progress: Progress | None = None
) -> tuple[Path, ...]:
    """Write every report of a run below ``folder``.

    Parameters
    ----------
    released : Released
        What may leave.
    folder : Path
        Made when it is not there; files of the same name are replaced.
    progress : callable, optional
        Told what is being written.

    Returns
    -------
    tuple of Path
        What was written, in order of writing.
    """
    # The workbook's libraries take most of a second to import; only this job needs them.
    from evaluation.report.workbook import write_workbook

    tell = progress or _silent
    written = []
    for name, text in render_pages(released, tell):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        written.append(path)
    tell("Writing tables.xlsx")
    workbook = folder / "tables.xlsx"
    write_workbook(released, workbook)
    return (*written, workbook)


def render_pages(released: Released, tell: Progress) -> Iterator[tuple[str, str]]:
    """Yield the name and the text of every page and chart."""
    environment = _environment()
    tell("Writing overall.html")
    overall = overall_page(released)
    yield "overall.html", environment.get_template("overall.html").render(page=overall)
    charts = overall.charts
    drawn = environment.get_template("figure.svg")
    for figure in charts:
        drawing = poster(figure, notice=released.study.notice)
        yield f"figures/{figure.key}.svg", drawn.render(figure=figure, drawing=drawing)
    template = environment.get_template("site.html")
    for name, stem in slugs(sites_of(released)).items():
        tell(f"Writing sites/{stem}.html")
        yield f"sites/{stem}.html", template.render(page=site_page(released, name))
    first = index_page(released, charts)
    tell("Writing index.html")
    yield "index.html", environment.get_template("index.html").render(page=first)


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(resource_folder("templates")),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        auto_reload=False,
        finalize=_written,
    )


def _written(value: object) -> object:
    """Write coordinates without a trailing .0; floats reach a template in drawings alone."""
    return f"{value:g}" if isinstance(value, float) else value


def _silent(_: str) -> None:
    """Tell nobody."""
