"""Released: what may leave, and :func:`release`, the only way to make one."""

from __future__ import annotations

from dataclasses import InitVar, dataclass

import polars as pl

from evaluation.disclosure.parts import Glance, Trend
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
        ``where``, ``what``, ``why``: one row a suppressed figure. It tells first from secondary
        suppression, so it is for the quality assurer and belongs in ``restricted/``.
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
    """Apply the study's disclosure rule to a Result."""
    raise DisclosureError("disclosure control is not built yet", place=result.study.title)
