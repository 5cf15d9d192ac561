"""From values to places: linear scales, round ticks, ticks of a calendar, the frame of a plot."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from evaluation.figures.marks import Layer, Line, Paint, Words, tenth
from evaluation.figures.palette import INK, QUIET, RULE
from evaluation.figures.text import text_width
from evaluation.periods import Calendar

__all__ = [
    "FONT",
    "Frame",
    "Scale",
    "base_line",
    "column_words",
    "figures",
    "fitted",
    "label_layer",
    "minus",
    "period_ticks",
    "round_ticks",
    "tick_words",
    "value_axis",
]

FONT = 15.0
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
# Periods between two labels, by periods in a year.
_PERIOD_STEPS: dict[int, tuple[int, ...]] = {
    12: (1, 3, 6, 12, 24, 60, 120),
    4: (1, 2, 4, 8, 20, 40),
    1: (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """A straight map from ``low`` .. ``high`` to the places ``start`` .. ``end``."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        """Return the place of a value, rounded to 0.1; values beyond the ends stay at the ends."""
        inside = min(max(value, self.low), self.high)
        share = (inside - self.low) / (self.high - self.low)
        return tenth(self.start + share * (self.end - self.start))


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """The size of a drawing and the rectangle in it that values are drawn in."""

    width: float
    height: float
    left: float
    right: float
    top: float
    bottom: float

    def across(self, low: float, high: float) -> Scale:
        """Return the horizontal scale."""
        return Scale(low=low, high=high, start=self.left, end=self.right)

    def up(self, low: float, high: float) -> Scale:
        """Return the vertical scale; larger values are higher."""
        return Scale(low=low, high=high, start=self.bottom, end=self.top)


def round_ticks(values: Iterable[float], most: int) -> tuple[float, ...]:
    """Return at most about ``most`` round numbers that reach round all the values.

    One value alone, or none, gets a scale of 1 around it.
    """
    known = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(known), max(known)
    if high - low <= 1e-12 * max(1.0, abs(high)):
        low, high = low - 0.5, high + 0.5
    rough = (high - low) / max(most - 1, 1)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(s * power for s in _STEPS if s * power >= rough * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return tuple(round(i * step, 10) + 0.0 for i in range(first, last + 1))


def minus(text: str) -> str:
    """Return the text with a true minus sign."""
    return text.replace("-", "\N{MINUS SIGN}")


def tick_words(ticks: Sequence[float]) -> tuple[str, ...]:
    """Write ticks with as many decimals as they need, and all with the same number."""
    decimals = next((d for d in range(10) if all(abs(round(t, d) - t) < 1e-9 for t in ticks)), 10)
    return tuple(minus(f"{tick:,.{decimals}f}") for tick in ticks)


def column_words(values: Iterable[float | None], missing: str) -> tuple[str, ...]:
    """Write a column of figures with the same decimals: three figures of the largest one."""
    known = list(values)
    largest = max((abs(v) for v in known if v is not None), default=0.0)
    decimals = max(0, 2 - math.floor(math.log10(largest))) if largest > 0 else 0
    return tuple(
        missing if v is None else minus(f"{round(v, decimals) + 0.0:,.{decimals}f}") for v in known
    )


def figures(value: float) -> str:
    """Write one figure as a table has it, with three figures: ``-1.97``, ``0.021``, ``1,234``."""
    return column_words((value,), "")[0]


def period_ticks(calendar: Calendar, first: int, last: int, most: int) -> tuple[int, ...]:
    """Return at most ``most`` periods to label, on years' or quarters' edges where there are any.

    At least one is returned.
    """
    steps = _PERIOD_STEPS[calendar.per_year]
    for step in steps:
        ticks = tuple(p for p in range(first, last + 1) if p % step == 0)
        if 0 < len(ticks) <= most:
            return ticks
    return (first,)


def fitted(frame: Frame, ticks: Sequence[float]) -> Frame:
    """Return the frame with its left edge just right of the words of a value axis."""
    widest = max(text_width(text, FONT) for text in tick_words(ticks))
    return dataclasses.replace(frame, left=tenth(widest + 10))


def value_axis(frame: Frame, scale: Scale, ticks: Sequence[float]) -> tuple[Layer, ...]:
    """Return horizontal grid lines with their values at the left."""
    places = [scale.at(tick) for tick in ticks]
    lines = tuple(Line(x1=frame.left, y1=y, x2=frame.right, y2=y) for y in places)
    words = tuple(
        Words(x=tenth(frame.left - 8), y=tenth(y + 0.35 * FONT), text=text)
        for y, text in zip(places, tick_words(ticks), strict=True)
    )
    return (
        Layer(paint=Paint(stroke=RULE, width=1), marks=lines),
        label_layer(words, anchor="end"),
    )


def base_line(frame: Frame, places: Sequence[tuple[float, str]]) -> tuple[Layer, ...]:
    """Return the lower edge with short ticks and their words, kept inside the drawing."""
    y = frame.bottom
    lines = (
        Line(x1=frame.left, y1=y, x2=frame.right, y2=y),
        *(Line(x1=x, y1=y, x2=x, y2=tenth(y + 6)) for x, _ in places),
    )
    words = tuple(
        Words(x=_inside(x, text, frame.width), y=tenth(y + 22), text=text) for x, text in places
    )
    return (
        Layer(paint=Paint(stroke=QUIET, width=1), marks=lines),
        label_layer(words, anchor="middle"),
    )


def _inside(x: float, text: str, width: float) -> float:
    """Return where the middle of a label goes, so that it is not cut off at an edge."""
    half = text_width(text, FONT) / 2
    return tenth(min(max(x, half), width - half))


def label_layer(
    words: tuple[Words, ...],
    *,
    anchor: Literal["start", "middle", "end"] = "start",
    bold: bool = False,
    fill: str = INK,
) -> Layer:
    """Return a layer of words in the chart's type size."""
    return Layer(paint=Paint(fill=fill, size=FONT, bold=bold, anchor=anchor), marks=words)
