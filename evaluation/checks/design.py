"""Checks on who adopted when: enough before, something after, enough sites."""

from __future__ import annotations

import numpy as np

from evaluation.checks.words import findings, keep_out_unit, listing, plural, unit_name
from evaluation.findings import Check
from evaluation.panel import Panel

__all__ = ["check_after", "check_before", "check_sites"]

# Below four pilot sites only two procedures hold their size (METHODS, section 3).
_ENOUGH_SITES = 4
# Without a calendar year there is no telling a full season; four points make a level.
_ENOUGH_BEFORE = 4


def _counts(panel: Panel) -> dict[str, tuple[int, int]]:
    """Return for each pilot unit how many periods lie before and from its adoption."""
    size = len(panel.units)
    after = np.bincount(panel.unit_codes, weights=panel.treated, minlength=size)
    every = np.bincount(panel.unit_codes, minlength=size)
    return {
        unit: (int(every[i] - after[i]), int(after[i]))
        for i, unit in enumerate(panel.units)
        if unit in panel.adoption.first_treated
    }


def check_before(panel: Panel) -> Check:
    """Find pilot units with nothing, or less than a year, before they adopted.

    Blocking where no pilot unit has any period before: there is nothing to compare with.
    """
    name, title = "before_the_start", "Enough data before the pilot began"
    counts = _counts(panel)
    wanted = panel.calendar.per_year if panel.calendar.per_year > 1 else _ENOUGH_BEFORE
    short = {u: b for u, (b, _) in counts.items() if b < wanted}
    if not counts:
        return Check(
            name=name, title=title, passed=None, detail="No unit of these data joined the pilot."
        )
    least = min(b for b, _ in counts.values())
    if not short:
        return Check(
            name=name,
            title=title,
            passed=True,
            detail=f"Each pilot area has at least {plural(least, 'period')} before its start.",
            blocking=True,
        )
    none = [u for u, b in short.items() if b == 0]
    blocking = len(none) == len(counts)
    rows = [_short_row(panel, unit, before, wanted) for unit, before in short.items()]
    said = (
        "No pilot area has data from before its start, so there is nothing to compare with and no "
        "estimate can be made."
        if blocking
        else f"There are fewer than {wanted} periods before the start in "
        f"{listing(unit_name(u) for u in short)}"
        + (f", and none at all in {listing(unit_name(u) for u in none)}" if none else "")
        + ". What these areas were like without the pilot is known only roughly"
        + (", and an area with nothing before tells us nothing." if none else ".")
    )
    return Check(
        name=name,
        title=title,
        passed=False,
        detail=said,
        remedy="Check the starts in [[sites]] and time.first, or add files of earlier periods.",
        blocking=blocking,
        table=findings(rows),
    )


def _short_row(panel: Panel, unit: str, before: int, wanted: int) -> dict[str, str]:
    start = panel.calendar.label(panel.adoption.first_treated[unit])
    if before == 0:
        problem = f"{unit_name(unit)} has no value before its start in {start}"
        effect = "the area tells us nothing: its level without the pilot is not known"
        remedy = "# Add earlier files, correct the start, or leave it out:\n" + keep_out_unit(
            panel, unit, f"no values before its start in {start}"
        )
    else:
        problem = f"{unit_name(unit)} has {plural(before, 'period')} before its start in {start}"
        effect = (
            f"its level without the pilot rests on {plural(before, 'value')}; with less than "
            f"{wanted}, a season or a chance month can look like an effect"
        )
        remedy = "Add files of earlier periods, or set time.first earlier."
    return {
        "unit": unit,
        "value": str(before),
        "problem": problem,
        "effect_on_estimate": effect,
        "remedy": remedy,
    }


def check_after(panel: Panel) -> Check:
    """Find pilot sites without any period from their start on; blocking where none has one."""
    name, title = "after_the_start", "Data from after the pilot began"
    counts = _counts(panel)
    sites = panel.adoption.pilot_sites
    if not sites:
        return Check(
            name=name, title=title, passed=None, detail="No unit of these data joined the pilot."
        )
    adopters = {s: [u for u in panel.adoption.units_of(s) if u in counts] for s in sites}
    without = [s for s, units in adopters.items() if not any(counts[u][1] for u in units)]
    if not without:
        return Check(
            name=name,
            title=title,
            passed=True,
            detail=f"Each of the {plural(len(sites), 'pilot site')} has data from after its start.",
            blocking=True,
        )
    last = panel.calendar.label(panel.periods[-1])
    blocking = len(without) == len(sites)
    rows = [
        {
            "unit": unit,
            "first": panel.calendar.code(panel.adoption.first_treated[unit]),
            "value": "0",
            "problem": f"{unit_name(unit)} has no value from its start on "
            f"({panel.calendar.label(panel.adoption.first_treated[unit])}); data end in {last}",
            "effect_on_estimate": "nothing can be said about this site yet; it is not in the "
            "estimate",
            "remedy": "Add files of later periods, or set time.last later.",
        }
        for site in without
        for unit in adopters[site]
    ]
    return Check(
        name=name,
        title=title,
        passed=False,
        detail=f"There are no data yet from after the start in {listing(_site_names(without))}. "
        + (
            "No estimate can be made."
            if blocking
            else "The estimate is of the other pilot sites alone."
        ),
        remedy="Add files of later periods, or check the starts in [[sites]].",
        blocking=blocking,
        table=findings(rows),
    )


def _site_names(sites: list[str]) -> list[str]:
    return [unit_name(site) for site in sites]


def check_sites(panel: Panel) -> Check:
    """Say how many pilot and comparison sites there are, and what holds below four."""
    pilots = len(panel.adoption.pilot_sites)
    others = len(panel.adoption.comparison_sites)
    counted = f"{plural(pilots, 'pilot site')} and {plural(others, 'comparison site')}"
    if pilots >= _ENOUGH_SITES or pilots == 0:
        return Check(
            name="few_sites",
            title="Number of pilot sites",
            passed=True if pilots else None,
            detail=f"There are {counted}.",
        )
    chances = f"1 in {others + 1}" if pilots == 1 else ""
    smallest = f" The smallest chance that such a test can give is {chances}." if chances else ""
    return Check(
        name="few_sites",
        title="Number of pilot sites",
        passed=None,
        detail=f"There are {counted}. With fewer than four pilot sites the usual intervals are "
        "wrong: they are far too narrow, or can never find anything. Only methods that ask how "
        f"unusual the pilot sites are among all sites still hold.{smallest}",
        remedy='Use procedure = "randomisation" (or "ferman_pinto" with up to three sites) for '
        "conclusions; read other intervals as a rough guide only.",
    )
