"""Placebo pilots: comparison units taken for a pilot of the real one's shape, before its start."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count

from numpy.random import Generator

from evaluation.errors import EstimationError
from evaluation.panel import Adoption, Panel
from evaluation.periods import Calendar

__all__ = ["PlaceboDesign", "design", "placebo", "untouched"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceboDesign:
    """What placebo pilots of one outcome look like, and where they are taken from.

    Parameters
    ----------
    sites : tuple of tuple of str
        Units of each comparison site.
    shape : tuple of (int, int)
        Of each pilot site: its number of units, and its start in periods after the first start.
    dates : tuple of int
        First starts to draw from.
    follow_up : int
        Periods from the first start to the end of a placebo study.
    real_follow_up : int
        The same of the real study.
    whole_sites : bool
        Whether a placebo pilot site is one comparison site, because these have several units; else
        it is as many units, joined at random, as the real one has.
    """

    sites: tuple[tuple[str, ...], ...]
    shape: tuple[tuple[int, int], ...]
    dates: tuple[int, ...]
    follow_up: int
    real_follow_up: int
    whole_sites: bool

    @property
    def n_units(self) -> int:
        """Comparison units that placebo pilots are taken from."""
        return sum(len(units) for units in self.sites)

    def in_words(self, calendar: Calendar) -> str:
        """Say what a placebo pilot is, for whoever reads the figures."""
        first, last = calendar.label(self.dates[0]), calendar.label(self.dates[-1])
        sizes = _listed([str(units) for units, _ in self.shape])
        made_of = (
            f"{len(self.shape)} whole comparison sites drawn at random from {len(self.sites)}"
            if self.whole_sites
            else f"sites of {sizes} units drawn at random from {self.n_units} comparison units"
        )
        when = f"from {first} to {last}" if first != last else first
        shorter = (
            f", where the real study has {self.real_follow_up}"
            if self.follow_up < self.real_follow_up
            else ""
        )
        return (
            f"{made_of}; first start {when}, the others as much later as in the pilot; "
            f"{self.follow_up} periods from the first start on{shorter}"
        )


def untouched(panel: Panel) -> Panel:
    """Return the comparison sites before the first start: where nothing happened."""
    first = min(panel.adoption.first_treated.values())
    return panel.without(panel.adoption.pilot_sites).before(first)


def design(panel: Panel, *, place: str = "") -> PlaceboDesign:
    """Work out what placebo pilots a panel has room for.

    Raises
    ------
    EstimationError
        When it has none; the message says how many units or periods are needed.
    """
    adoption = panel.adoption
    if not adoption.first_treated:
        raise EstimationError("no unit adopts, so there is no pilot to imitate", place=place)
    first = min(adoption.first_treated.values())
    shape = tuple(_one_site(adoption, site, first) for site in adoption.pilot_sites)
    present = {
        unit
        for (unit,) in panel.rows.filter(panel.rows["period"] < first)
        .select("unit")
        .unique()
        .iter_rows()
    }
    found = [
        tuple(unit for unit in adoption.units_of(site) if unit in present)
        for site in adoption.comparison_sites
    ]
    sites = tuple(units for units in found if units)
    whole_sites = any(len(units) > 1 for units in sites)
    _refuse_few(sites, shape, whole_sites=whole_sites, place=place)
    before = tuple(period for period in panel.periods if period < first)
    least_before, follow_up = _split(
        panel, before, latest=max(late for _, late in shape), place=place
    )
    return PlaceboDesign(
        sites=sites,
        shape=shape,
        dates=before[least_before : len(before) - follow_up + 1],
        follow_up=follow_up,
        real_follow_up=len(panel.periods) - len(before),
        whole_sites=whole_sites,
    )


def placebo(panel: Panel, plan: PlaceboDesign, stream: Generator) -> Panel:
    """Draw one placebo pilot.

    Parameters
    ----------
    panel : Panel
        What :func:`untouched` returns.
    plan : PlaceboDesign
        What :func:`design` returns.
    stream : numpy.random.Generator
        Where the choice of units and date comes from.

    Returns
    -------
    Panel
        To the end of the placebo study's follow-up. Its pilot sites are ``placebo site 1`` and so
        on, in the order of the real ones.
    """
    start = int(stream.choice(plan.dates))
    members = _members(plan, stream)
    site = {unit: name for name, units, _ in members for unit in units}
    adoption = Adoption(
        site={unit: site.get(unit, own) for unit, own in panel.adoption.site.items()},
        first_treated={unit: start + late for _, units, late in members for unit in units},
    )
    return panel.with_adoption(adoption).before(start + plan.follow_up)


def _members(plan: PlaceboDesign, stream: Generator) -> list[tuple[str, tuple[str, ...], int]]:
    order = [plan.sites[i] for i in stream.permutation(len(plan.sites))]
    drawn = []
    for number, (n_units, late) in enumerate(plan.shape, start=1):
        taken = [order.pop() for _ in range(1 if plan.whole_sites else n_units)]
        drawn.append((f"placebo site {number}", tuple(u for own in taken for u in own), late))
    return drawn


def _one_site(adoption: Adoption, site: str, first: int) -> tuple[int, int]:
    starts = [
        adoption.first_treated[unit]
        for unit in adoption.units_of(site)
        if unit in adoption.first_treated
    ]
    return len(starts), min(starts) - first


def _refuse_few(
    sites: tuple[tuple[str, ...], ...],
    shape: tuple[tuple[int, int], ...],
    *,
    whole_sites: bool,
    place: str,
) -> None:
    """Refuse when a placebo pilot would leave fewer comparison sites than it has pilot sites."""
    taken = len(shape) if whole_sites else sum(units for units, _ in shape)
    needed = taken + max(len(shape), 2)
    if len(sites) >= needed:
        return
    raise EstimationError(
        f"there are {len(sites)} comparison sites, and a placebo pilot would take {taken} of them",
        place=place,
        allowed=f"{needed} or more comparison sites: {taken} to take and {needed - taken} to "
        "compare with",
        remedy="Add comparison units in [comparison]; with so few, how often a method cries wolf "
        "cannot be learnt from this study's own data.",
    )


def _split(panel: Panel, before: tuple[int, ...], *, latest: int, place: str) -> tuple[int, int]:
    """Return the fewest periods before a placebo start, and the periods from it on.

    A year before (or half of what there is), and as long a follow-up as the real one where the
    rest allows.
    """
    per_year = panel.calendar.per_year
    least_before = _least_before(len(before), per_year)
    # A site that starts after the data end still has its place in the shape.
    real = max(len(panel.periods) - len(before), latest + 1)
    follow_up = min(real, len(before) - least_before)
    if follow_up > latest:
        return least_before, follow_up
    needed = next(n for n in count(1) if n - _least_before(n, per_year) > latest)
    late = f", as pilot sites start up to {latest} periods after the first" if latest else ""
    raise EstimationError(
        f"there are {len(before)} periods before the first start, too few for a placebo start "
        "among them",
        place=place,
        allowed=f"{needed} or more{late}",
        remedy="Add earlier periods to the data, or write an earlier `first` in [time].",
    )


def _least_before(periods: int, per_year: int) -> int:
    return max(1, min(per_year, periods // 2))


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
