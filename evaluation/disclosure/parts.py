"""The pieces of a Released: trends, figures at a glance, and entries of the audit."""

from __future__ import annotations

from dataclasses import dataclass

from evaluation.disclosure.rule import ROUNDING, Reason

__all__ = ["Entry", "Glance", "Trend"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trend:
    """One line of a trend chart, after disclosure control.

    Parameters
    ----------
    outcome : str
        Key of the outcome.
    group : str
        ``pilot`` (all pilot sites together), ``comparison`` or ``site`` (one pilot site).
    site : str
        Name of the site; empty unless ``group`` is ``site``.
    periods : tuple of int
        Every period from the first to the last of the outcome, ascending; gaps are kept.
    values : tuple of float or None
        The weighted mean over the group's units, in the outcome's units (``count``: the mean a
        unit); None where nothing was reported or the value is suppressed.
    suppressed : tuple of bool
        Which of the None values are suppressed.
    starts : tuple of int
        First treated periods of the group's units, ascending; empty for the comparison.
    """

    outcome: str
    group: str
    periods: tuple[int, ...]
    values: tuple[float | None, ...]
    suppressed: tuple[bool, ...]
    site: str = ""
    starts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Glance:
    """One outcome at a glance: who was compared, over what, on how many observations.

    Parameters
    ----------
    outcome : str
        Key of the outcome.
    n_units, n_sites, n_pilot_sites, n_comparison_sites : int
        Units and sites analysed.
    first, last : int
        First and last period analysed, as ordinals of the study's calendar.
    n_observations : int
        Unit-periods analysed.
    rows_used, rows_left_out : int
        Rows of the source files, from the ledger.
    hidden : int
        Figures of this outcome that were suppressed.
    members : tuple of (str, str, bool)
        Each unit analysed, its site, and whether it is a pilot unit; by unit.
    """

    outcome: str
    n_units: int
    n_sites: int
    n_pilot_sites: int
    n_comparison_sites: int
    first: int
    last: int
    n_observations: int
    rows_used: int
    rows_left_out: int
    hidden: int
    members: tuple[tuple[str, str, bool], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the audit: a figure that was suppressed, or figures that were rounded.

    Parameters
    ----------
    outcome : str
        Key of the outcome; empty for the whole study.
    where : str
        Which table or chart, and which line of it.
    what : str
        Which figure.
    reason : Reason
        The rule that changed it.
    figures : int
        How many figures the line stands for.
    """

    outcome: str
    where: str
    what: str
    reason: Reason
    figures: int = 1

    @property
    def is_hidden(self) -> bool:
        """Whether the figure is suppressed; else it is rounded."""
        return self.reason not in ROUNDING
