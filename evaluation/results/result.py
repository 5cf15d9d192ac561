"""The frozen result of a run."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from evaluation.findings import Check, Estimate
from evaluation.manifest import Manifest
from evaluation.study import Study

__all__ = ["Result"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Result:
    """Everything that a run found, before disclosure control.

    Parameters
    ----------
    study : Study
        What was asked.
    estimates : tuple of Estimate
        Overall and site effects, one for each outcome, estimator, procedure and group.
    event_study : tuple of Estimate
        Event-time effects; ``effect.group`` is the event time.
    checks : tuple of Check
        Data checks of every outcome.
    panel : polars.DataFrame
        The analysed observations of all outcomes, stacked: ``outcome_key``, ``unit``, ``site``,
        ``period`` (ordinal), ``outcome``, ``weight``, ``count``, ``exposure``, ``first_treated``
        (ordinal, null for never), ``dose`` and covariates where there are any.
    ledger : polars.DataFrame
        Every input row accounted for: ``outcome``, ``file``, ``status`` ("used" or "left out"),
        ``reason``, ``rows`` (how many), ``row_ranges`` ("2-40, 52"; 1 is the header).
    manifest : Manifest
        What the run was made from.
    """

    study: Study
    estimates: tuple[Estimate, ...]
    event_study: tuple[Estimate, ...]
    checks: tuple[Check, ...]
    panel: pl.DataFrame
    ledger: pl.DataFrame
    manifest: Manifest

    def primary(self, outcome: str, estimand: str = "overall", group: str = "") -> Estimate | None:
        """Return the primary estimate of an outcome (overall, or of one site), if there is one."""
        for estimate in self.estimates:
            effect = estimate.effect
            found = (estimate.outcome, effect.estimand, effect.group)
            if estimate.is_primary and found == (outcome, estimand, group):
                return estimate
        return None
