"""What a chart is made of: marks with coordinates, grouped in layers of one paint.

Coordinates are in the drawing's own units (one unit is one CSS pixel at full size), rounded to 0.1.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal

__all__ = [
    "Circle",
    "Drawing",
    "Figure",
    "FigureTable",
    "Layer",
    "Line",
    "Mark",
    "Paint",
    "Path",
    "Rect",
    "Words",
    "broken_path",
    "tenth",
]

_LONG = 12


def tenth(value: float) -> float:
    """Round a coordinate to 0.1, and never to a negative zero."""
    return round(float(value), 1) + 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A straight line."""

    tag: ClassVar[str] = "line"
    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A path in SVG's own notation."""

    tag: ClassVar[str] = "path"
    d: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Circle:
    """A dot."""

    tag: ClassVar[str] = "circle"
    cx: float
    cy: float
    r: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rect:
    """A rectangle."""

    tag: ClassVar[str] = "rect"
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A line of text whose baseline starts, centres or ends at (x, y)."""

    tag: ClassVar[str] = "text"
    x: float
    y: float
    text: str


Mark = Line | Path | Circle | Rect | Words


@dataclass(frozen=True, slots=True, kw_only=True)
class Paint:
    """How the marks of a layer look; ``size`` above 0 makes it a layer of text."""

    fill: str = "none"
    stroke: str = "none"
    width: float = 0.0
    dash: str = ""
    size: float = 0.0
    bold: bool = False
    anchor: Literal["start", "middle", "end"] = "start"


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """Marks that share a paint."""

    paint: Paint
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """One form of a chart; its view starts at (``left``, ``top``), below 0 where a title is."""

    width: float
    height: float
    layers: tuple[Layer, ...]
    left: float = 0.0
    top: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureTable:
    """The numbers of a chart as a table; the first cell of a row is its heading.

    Where the numbers are estimates, ``traces`` names for each row the one that they come from
    (outcome, estimator, procedure, estimand, group) and ``fields`` says which of its figures each
    column has, so that a reader or a test can trace them; both may be empty.
    """

    caption: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    traces: tuple[tuple[str, ...], ...] = ()
    fields: tuple[str, ...] = ()

    @property
    def is_long(self) -> bool:
        """Whether paper is saved by printing it in columns."""
        return len(self.rows) > _LONG


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A chart in its two forms, with everything that a reader without the picture needs.

    Parameters
    ----------
    key : str
        Unique on a page, and the stem of the file.
    title : str
        What there is to see, as a sentence.
    subtitle : str
        What is drawn: measure, unit, who, when.
    description : str
        The chart told to somebody who cannot see it.
    wide, narrow : Drawing
        For a screen from 680 px and paper; for a phone.
    table : FigureTable
        The numbers drawn.
    notes : tuple of str
        How to read it, and what is missing.
    legend : tuple of (str, str)
        Letter and meaning of marks that are too small to be labelled in the picture.
    """

    key: str
    title: str
    subtitle: str
    description: str
    wide: Drawing
    narrow: Drawing
    table: FigureTable
    notes: tuple[str, ...] = ()
    legend: tuple[tuple[str, str], ...] = ()


def broken_path(points: Iterable[tuple[float, float] | None]) -> str:
    """Return a path through the points that lifts the pen at every None."""
    pieces: list[str] = []
    pen_down = False
    for point in points:
        if point is None:
            pen_down = False
            continue
        pieces.append(f"{'L' if pen_down else 'M'}{tenth(point[0]):g} {tenth(point[1]):g}")
        pen_down = True
    return "".join(pieces)
