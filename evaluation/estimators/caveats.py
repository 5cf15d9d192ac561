"""What a reader of several estimators' figures must know, in plain words."""

from __future__ import annotations

from evaluation.panel import Panel

__all__ = ["NO_DOSE_BY_PART", "left_out", "staggered_caveats"]

NO_DOSE_BY_PART = (
    "Of a dose there is the overall effect alone, none by start, period or time since the start."
)


def left_out(names: list[str]) -> tuple[str, ...]:
    """Return the caveat for covariates that are left out, if there are any."""
    if not names:
        return ()
    return (
        f"Not adjusted for {', '.join(names)}: the unit and period effects and the other "
        "covariates already say all that it says.",
    )


def staggered_caveats(panel: Panel) -> tuple[str, ...]:
    """Return the caveat that one coefficient over several cohorts needs, if there are several."""
    if len(panel.adoption.cohorts) < 2:
        return ()
    return (
        f"Adoption is staggered ({len(panel.adoption.cohorts)} starts): one coefficient also "
        "compares later with earlier adopters, and misleads if effects grow or differ between "
        "starts (Goodman-Bacon 2021).",
    )
