"""Released: what may leave, and :func:`release`, the only way to make one."""

from __future__ import annotations

from dataclasses import InitVar, dataclass

import polars as pl

from evaluation.disclosure.audit import audit_table
from evaluation.disclosure.findings import Shown, guard_check, guard_estimate
from evaluation.disclosure.parts import Entry, Glance, Trend
from evaluation.disclosure.paths import plain_ledger, plain_manifest, plain_study
from evaluation.disclosure.pilot_rows import PilotRows
from evaluation.disclosure.rule import Rule
from evaluation.disclosure.series import COUNTS, Analysed, counts, decisions, trends
from evaluation.errors import DisclosureError
from evaluation.findings import Check, Estimate
from evaluation.manifest import Manifest
from evaluation.results.result import Result
from evaluation.study import Study

__all__ = ["Glance", "Released", "Trend", "release"]

_SEAL = object()  # held by release() alone: whoever cannot show it cannot make a Released


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Released:
    """A Result after disclosure control: all that a report, workbook or figure may read.

    Made by :func:`release` and by nothing else; ``dataclasses.replace`` is refused too.

    Parameters
    ----------
    study : Study
        What was asked, without absolute paths.
    estimates, event_study : tuple of Estimate
        As in the Result; ``effect.observed`` is None where it would give a suppressed count away.
    checks : tuple of Check
        As in the Result, small counts in their tables replaced by ``[c]``.
    trends : tuple of Trend
        For each outcome: pilot, comparison, then each pilot site.
    glances : tuple of Glance
        One an outcome.
    counts : polars.DataFrame
        ``outcome``, ``group`` (pilot, comparison, site), ``site``, ``phase`` (before, after),
        ``count`` and ``exposure``, all text: ``0``, rounded digits, ``[c]`` (suppressed) or
        ``[z]`` (the outcome has none). Exposure is summed over the phase's periods. A pilot
        unit's phases part at its own start; those of comparison units at the first pilot start.
    ledger : polars.DataFrame
        As in the Result, file names without absolute paths.
    manifest : Manifest
        As in the Result, without absolute paths.
    audit : polars.DataFrame
        What was suppressed or rounded, where and by which rule, as :data:`AUDIT` has it. It tells
        primary from secondary suppression, so it is for the quality assurer and belongs in
        ``restricted/``.
    controlled : bool
        False when the study switched control off (``suppress_below = 0``, ``round_to = 1``).

    Raises
    ------
    DisclosureError
        When made by anything but :func:`release`.
    """

    study: Study
    estimates: tuple[Estimate, ...]
    event_study: tuple[Estimate, ...]
    checks: tuple[Check, ...]
    trends: tuple[Trend, ...]
    glances: tuple[Glance, ...]
    counts: pl.DataFrame
    ledger: pl.DataFrame
    manifest: Manifest
    audit: pl.DataFrame
    controlled: bool
    seal: InitVar[object] = None

    def __post_init__(self, seal: object) -> None:
        """Refuse whoever does not hold the seal."""
        if seal is not _SEAL:
            raise DisclosureError(
                "a Released was made without disclosure control",
                allowed="evaluation.disclosure.release(result)",
                remedy="Pass the Result through release().",
            )

    @property
    def outcome_keys(self) -> tuple[str, ...]:
        """Keys of the outcomes that were analysed, in the study's order."""
        return tuple(glance.outcome for glance in self.glances)

    def primary(self, outcome: str, estimand: str = "overall", group: str = "") -> Estimate | None:
        """Return the primary estimate of an outcome (overall, or of one site), if there is one."""
        for estimate in self.estimates:
            effect = estimate.effect
            found = (estimate.outcome, effect.estimand, effect.group)
            if estimate.is_primary and found == (outcome, estimand, group):
                return estimate
        return None

    def trend(self, outcome: str, group: str, site: str = "") -> Trend | None:
        """Return one line of a trend chart, if there is one."""
        for trend in self.trends:
            if (trend.outcome, trend.group, trend.site) == (outcome, group, site):
                return trend
        return None

    def glance(self, outcome: str) -> Glance:
        """Return an outcome at a glance; KeyError when the outcome was not analysed."""
        for glance in self.glances:
            if glance.outcome == outcome:
                return glance
        raise KeyError(outcome)


def release(result: Result) -> Released:
    """Apply the study's disclosure rule (``[release]``) to a Result.

    Below national level 0 stands, figures from 1 to ``suppress_below`` - 1 are hidden, the rest
    is rounded; what one subtraction, or a rate with its denominator, would give back is hidden
    too. With ``suppress_below = 0`` and ``round_to = 1`` everything stands.
    """
    study = plain_study(result.study)
    rule = Rule.of(study.release)
    present = set(result.panel["outcome_key"].unique())
    analysed = {
        outcome.key: Analysed.of(outcome, result.panel, study.calendar)
        for outcome in study.outcomes
        if outcome.key in present
    }
    lines: list[dict[str, str]] = []
    charts: list[Trend] = []
    entries: list[Entry] = []
    shown: dict[str, Shown] = {}
    for key, one in analysed.items():
        decided = decisions(one, rule)
        counted, changed = counts(one, decided, rule)
        drawn, erased = trends(one, decided, rule)
        lines += counted
        charts += drawn
        entries += [*changed, *erased]
        shown[key] = Shown(analysed=one, decided=decided, rule=rule, pilot=PilotRows.of(one))
    estimates, lost = _guard_estimates(result.estimates, shown)
    event_study, lost_events = _guard_estimates(result.event_study, shown)
    guarded = [guard_check(check, shown, rule) for check in result.checks]
    entries += [*lost, *lost_events, *(item for _, items in guarded for item in items)]
    ledger = plain_ledger(result.ledger)
    return Released(
        study=study,
        estimates=estimates,
        event_study=event_study,
        checks=tuple(check for check, _ in guarded),
        trends=tuple(charts),
        glances=tuple(_glance(one, ledger, entries) for one in analysed.values()),
        counts=pl.DataFrame(lines, schema=COUNTS),
        ledger=ledger,
        manifest=plain_manifest(result.manifest),
        audit=audit_table(entries, rule),
        controlled=rule.controlled,
        seal=_SEAL,
    )


def _guard_estimates(
    estimates: tuple[Estimate, ...], shown: dict[str, Shown]
) -> tuple[tuple[Estimate, ...], list[Entry]]:
    kept: list[Estimate] = []
    entries: list[Entry] = []
    for estimate in estimates:
        quiet, items = guard_estimate(estimate, shown[estimate.outcome])
        kept.append(quiet)
        entries += items
    return tuple(kept), entries


def _glance(analysed: Analysed, ledger: pl.DataFrame, entries: list[Entry]) -> Glance:
    key, rows = analysed.outcome.key, analysed.rows
    mine = ledger.filter(pl.col("outcome") == key)
    used = int(mine.filter(pl.col("status") == "used")["rows"].sum())
    return Glance(
        outcome=key,
        n_units=rows["unit"].n_unique(),
        n_sites=rows["site"].n_unique(),
        n_pilot_sites=len(analysed.sites),
        n_comparison_sites=rows["site"].n_unique() - len(analysed.sites),
        first=analysed.periods[0],
        last=analysed.periods[-1],
        n_observations=rows.height,
        rows_used=used,
        rows_left_out=int(mine["rows"].sum()) - used,
        hidden=sum(item.outcome == key and item.is_hidden for item in entries),
        members=_members(rows),
    )


def _members(rows: pl.DataFrame) -> tuple[tuple[str, str, bool], ...]:
    """Return each unit with its site and whether it adopts: who was compared is no secret."""
    pilot = pl.col("first_treated").is_not_null().any()
    members = rows.group_by("unit").agg(pl.col("site").first(), pilot).sort("unit")
    return tuple(members.select("unit", "site", "first_treated").iter_rows())
