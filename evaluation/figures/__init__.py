"""Charts as numbers: where every line, dot and word of a chart goes.

Nothing here writes SVG: a :class:`~evaluation.figures.marks.Figure` is laid out in Python and drawn
by one Jinja template, so the same input gives the same bytes and a chart always carries its title,
its description and its table.
"""

from __future__ import annotations

from evaluation.figures.event_study import EventStudyBrief, event_study_figure
from evaluation.figures.forest import ForestBrief, ForestRow, cell, forest_figure
from evaluation.figures.marks import Drawing, Figure, FigureTable
from evaluation.figures.poster import poster
from evaluation.figures.scales import figures
from evaluation.figures.sensitivity import SensitivityBrief, sensitivity_figure
from evaluation.figures.tiles import MapBrief, map_figure
from evaluation.figures.timeline import TimelineBrief, timeline_figure
from evaluation.figures.trend import TrendBrief, trend_figure

__all__ = [
    "Drawing",
    "EventStudyBrief",
    "Figure",
    "FigureTable",
    "ForestBrief",
    "ForestRow",
    "MapBrief",
    "SensitivityBrief",
    "TimelineBrief",
    "TrendBrief",
    "cell",
    "event_study_figure",
    "figures",
    "forest_figure",
    "map_figure",
    "poster",
    "sensitivity_figure",
    "timeline_figure",
    "trend_figure",
]
