"""Who was compared with whom: a map of equal tiles where a layout exists, else a dot for each."""

from __future__ import annotations

import csv
import math
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from evaluation.figures.marks import (
    Circle,
    Drawing,
    Figure,
    FigureTable,
    Layer,
    Mark,
    Paint,
    Rect,
    Words,
    tenth,
)
from evaluation.figures.palette import BLUE, QUIET, WHITE
from evaluation.figures.scales import FONT, label_layer
from evaluation.figures.text import text_width

__all__ = ["LETTERS", "MapBrief", "layout", "map_figure"]

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PILOT, _COMPARISON, _ABSENT = "Pilot site", "Comparison", "Not in the data"
_GAP = 3.0
_MOST_DOTS = 400
_DOT_STEP = 16.0
_PAINTS = {
    _PILOT: Paint(fill=BLUE, stroke=BLUE, width=1.5),
    _COMPARISON: Paint(fill=WHITE, stroke=QUIET, width=1.5),
    _ABSENT: Paint(fill=WHITE, stroke=QUIET, width=1.5, dash="2 4"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MapBrief:
    """What a map of the areas is drawn from.

    Parameters
    ----------
    sites : tuple of (str, tuple of str)
        Each pilot site and its units.
    comparison : tuple of str
        Units without the pilot.
    names : dict of str to str
        What to call a unit, for those that have a name beside their code.
    boundaries : str
        The month whose outlines the units have, "YYYY-MM"; empty where they are no areas of a
        register.
    outlines : str
        That month in words.
    """

    sites: tuple[tuple[str, tuple[str, ...]], ...]
    comparison: tuple[str, ...]
    names: dict[str, str]
    boundaries: str = ""
    outlines: str = ""

    @property
    def pilot(self) -> dict[str, str]:
        """Each pilot unit, and the letter of its site where letters suffice."""
        enough = len(self.sites) <= len(LETTERS)
        return {
            unit: LETTERS[i] if enough else ""
            for i, (_, units) in enumerate(self.sites)
            for unit in units
        }


@cache
def layout(boundaries: str) -> dict[str, tuple[int, int]]:
    """Return column and row of each area's tile at a month ("2025-04"); empty where none holds."""
    if not re.fullmatch(r"\d{4}-\d{2}", boundaries):
        return {}
    text = files("evaluation.figures").joinpath("tiles.csv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return {
        tile["ods"]: (int(tile["column"]), int(tile["row"]))
        for tile in csv.DictReader(lines)
        if tile["first"] <= boundaries <= (tile["last"] or boundaries)
    }


def map_figure(brief: MapBrief) -> Figure | None:
    """Lay out the map; None when nobody is compared, or they are too many for a dot each."""
    pilot = brief.pilot
    everybody = (*pilot, *brief.comparison)
    if not pilot or not brief.comparison:
        return None
    tiles = layout(brief.boundaries)
    if set(everybody) <= set(tiles):
        wide = _tile_map(brief, tiles, 44.0, aside=True)
        narrow = _tile_map(brief, tiles, 37.0, aside=False)
        parts = [
            f"Areas of England with the outlines of {brief.outlines}, a tile for each, "
            "roughly where it lies",
            f"Map of {len(tiles)} equal tiles, one for each area.",
        ]
    elif len(everybody) <= _MOST_DOTS:
        wide, narrow = _dots(brief, 720.0), _dots(brief, 340.0)
        parts = ["A dot for each", f"Chart of {len(everybody)} dots in two groups."]
    else:
        return None
    return Figure(
        key="map",
        title=_story(brief),
        subtitle=f"Who was compared with whom. {parts[0]}",
        description=f"{parts[1]} Filled: the pilot. Hollow: the comparison. {_story(brief)}. "
        "The table that follows has every one.",
        wide=wide,
        narrow=narrow,
        table=_table(brief),
        notes=_notes(brief, tiles),
        legend=tuple(
            (LETTERS[i], name)
            for i, (name, _) in enumerate(brief.sites)
            if set(everybody) <= set(tiles) and len(brief.sites) <= len(LETTERS)
        ),
    )


def _story(brief: MapBrief) -> str:
    sites, areas, others = len(brief.sites), len(brief.pilot), len(brief.comparison)
    ours = f"{sites} pilot {'site' if sites == 1 else 'sites'}"
    made_of = "" if areas == sites else f" of {areas} areas"
    return f"{ours}{made_of} beside {others} {'area' if others == 1 else 'areas'} without the pilot"


def _notes(brief: MapBrief, tiles: dict[str, tuple[int, int]]) -> tuple[str, ...]:
    if not tiles:
        return ()
    absent = len(set(tiles) - {*brief.pilot, *brief.comparison})
    notes = ["Tiles are of one size: the size of an area and of its population is not shown."]
    if absent:
        notes.append(
            f"Dashed: {absent} {'area is' if absent == 1 else 'areas are'} not in the data."
        )
    return tuple(notes)


def _table(brief: MapBrief) -> FigureTable:
    def name(unit: str) -> str:
        known = brief.names.get(unit, "")
        return f"{known} ({unit})" if known else unit

    rows = [(name(unit), f"Pilot: {site}") for site, units in brief.sites for unit in units]
    rows += sorted((name(unit), "Comparison") for unit in brief.comparison)
    return FigureTable(
        caption="Who was compared with whom", headings=("Area", "Part"), rows=tuple(rows)
    )


# ---------------------------------------------------------------------------- the pictures


def _part(brief: MapBrief, unit: str) -> str:
    if unit in brief.pilot:
        return _PILOT
    return _COMPARISON if unit in brief.comparison else _ABSENT


def _tile_map(
    brief: MapBrief, tiles: dict[str, tuple[int, int]], size: float, *, aside: bool
) -> Drawing:
    columns = max(column for column, _ in tiles.values()) + 1
    rows = max(row for _, row in tiles.values()) + 1
    inside = size - _GAP
    squares: dict[str, list[Mark]] = {}
    letters = []
    for unit, (column, row) in tiles.items():
        x, y = tenth(column * size + 1), tenth(row * size + 1)
        square = Rect(x=x, y=y, width=tenth(inside), height=tenth(inside))
        squares.setdefault(_part(brief, unit), []).append(square)
        if brief.pilot.get(unit):
            letters.append(
                Words(
                    x=tenth(x + inside / 2),
                    y=tenth(y + inside / 2 + 0.35 * FONT),
                    text=brief.pilot[unit],
                )
            )
    named = [part for part in _PAINTS if part in squares]
    where = (columns * size + 40, 1.6 * size) if aside else (1.0, rows * size + 8)
    layers = [Layer(paint=_PAINTS[part], marks=tuple(squares[part])) for part in named]
    layers.append(label_layer(tuple(letters), anchor="middle", bold=True, fill=WHITE))
    layers += _key(named, where, down=aside)
    height = rows * size + (4 if aside else 34)
    return Drawing(width=720.0 if aside else 340.0, height=tenth(height), layers=tuple(layers))


def _key(named: list[str], at: tuple[float, float], *, down: bool) -> list[Layer]:
    """Return a sample of each kind of tile with its name, below or beside one another."""
    x, y = at
    layers = []
    for part in named:
        sample = Rect(x=tenth(x), y=tenth(y), width=16.0, height=16.0)
        word = Words(x=tenth(x + 22), y=tenth(y + 8 + 0.35 * FONT), text=part)
        layers += [Layer(paint=_PAINTS[part], marks=(sample,)), label_layer((word,))]
        if down:
            y += 28
        else:
            x += 22 + text_width(part, FONT) + 14
    return layers


def _dots(brief: MapBrief, width: float) -> Drawing:
    each = int((width - 4) // _DOT_STEP)
    y = 16.0
    layers: list[Layer] = []
    for part, count in ((_PILOT, len(brief.pilot)), (_COMPARISON, len(brief.comparison))):
        word = Words(x=0.0, y=tenth(y), text=f"{part}: {count:,}")
        dots = tuple(
            Circle(
                cx=tenth(8 + _DOT_STEP * (i % each)),
                cy=tenth(y + 16 + _DOT_STEP * (i // each)),
                r=5.5,
            )
            for i in range(count)
        )
        layers += [label_layer((word,), bold=part == _PILOT)]
        layers += [Layer(paint=_PAINTS[part], marks=dots)]
        y += 16 + _DOT_STEP * math.ceil(count / each) + 24
    return Drawing(width=width, height=tenth(y - 20), layers=tuple(layers))
