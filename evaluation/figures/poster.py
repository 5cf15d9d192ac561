"""A chart for a slide: the drawing with its title, subtitle and legend written into it."""

from __future__ import annotations

import dataclasses

from evaluation.figures.marks import Drawing, Figure, Layer, Paint, Words, tenth
from evaluation.figures.palette import INK, QUIET
from evaluation.figures.text import wrap

__all__ = ["poster"]

_TITLE, _SUBTITLE = 19.0, 14.0
_TITLE_LINE, _SUBTITLE_LINE = 24.0, 19.0
_MARGIN = 16.0


def poster(figure: Figure, *, notice: str = "") -> Drawing:
    """Return the wide form with its heading above and the legend below it.

    Parameters
    ----------
    figure : Figure
        The chart.
    notice : str
        What must be said wherever the chart goes, such as that the data are synthetic.
    """
    drawing = figure.wide
    title = wrap(figure.title, _TITLE, drawing.width, bold=True)
    subtitle = wrap(figure.subtitle, _SUBTITLE, drawing.width)
    below = [f"{letter}: {meaning}" for letter, meaning in figure.legend]
    below += [line for line in wrap(notice, _SUBTITLE, drawing.width) if notice]
    head = len(title) * _TITLE_LINE + len(subtitle) * _SUBTITLE_LINE + 16
    lines = [
        Words(x=0.0, y=tenth(_TITLE_LINE * (i + 0.8) - head), text=text)
        for i, text in enumerate(title)
    ]
    start = len(title) * _TITLE_LINE - head
    details = [
        Words(x=0.0, y=tenth(start + _SUBTITLE_LINE * (i + 0.8)), text=text)
        for i, text in enumerate(subtitle)
    ]
    details += [
        Words(x=0.0, y=tenth(drawing.height + _SUBTITLE_LINE * (i + 0.8)), text=text)
        for i, text in enumerate(below)
    ]
    foot = len(below) * _SUBTITLE_LINE + 8 if below else 0.0
    layers = (
        Layer(paint=Paint(fill=INK, size=_TITLE, bold=True), marks=tuple(lines)),
        Layer(paint=Paint(fill=QUIET, size=_SUBTITLE), marks=tuple(details)),
    )
    return dataclasses.replace(
        drawing,
        left=-_MARGIN,
        top=tenth(-head - _MARGIN),
        width=drawing.width + 2 * _MARGIN,
        height=tenth(head + drawing.height + foot + 2 * _MARGIN),
        layers=(*drawing.layers, *layers),
    )
