"""From records to admissions: the same episode once, episodes to spells, transfers, emergencies.

The rules are those of NHS Digital's "Methodology to create provider and CIP spells from HES APC
data", as The-Strategy-Unit/hes_processing quotes it: episodes with the same person, admission
date, provider and spell number are one spell, in the order of EPISTART, EPIORDER, EPIEND, EPIKEY;
regular attenders (CLASSPAT 3 and 4) are not linked. Continuous inpatient spells: HFAnalyticsLab/
HES_pipeline, ``doc/adr/creating_continuous_inpatient_spells.md``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import date

import narwhals as nw

from evaluation.records.engines import Frame
from evaluation.records.episodes import EMERGENCY_METHODS, OTHER_METHODS
from evaluation.records.exclusions import Reason, fated

__all__ = [
    "EPISODE",
    "LATER",
    "LINKED",
    "NOT_FIRST",
    "PLACED",
    "REPEATED",
    "TIE",
    "TRANSFER",
    "emergencies",
    "join_transfers",
    "one_a_day",
    "repeated_episodes",
    "spells",
    "spells_of_one",
    "unfinished_episodes",
    "with_order",
]

_SPELL = ("person", "admitted", "provider", "spell_number", "_attendance")
# What breaks ties: a text of all that is read of a record later (Query.ordered).
TIE = "_tie"
# Spells of one person and day differ in one of these, or in their keys.
PLACED: tuple[str, ...] = ("provider", "spell_number")
_SORTED = ("_start", "_order", "_end", "_key")
_ORDER = (*_SORTED, TIE)
# Two records that are not alike in these are not the same episode.
EPISODE: tuple[str, ...] = (*_SPELL, "_start", "_order")
# What records are linked by, beside ends and transfers.
LINKED: tuple[str, ...] = (*_SPELL, *_SORTED, "_unfinished", "_year")
_NEVER = date(9999, 12, 31)
_NO_ORDER = 1000
_REGULAR = ("3", "4")
_HOSPITALS = ("51", "52", "53")
_TRANSFERS = ("2B", "81")
_MOST_DAYS = "3d"  # HES_pipeline: two nights may pass between the two hospitals

REPEATED = Reason(
    key="repeated",
    stage="records",
    words="the same episode again, in another file or twice in one",
)
LATER = Reason(key="later_episode", stage="episodes", words="a later episode of its spell")
NOT_FIRST = Reason(
    key="not_first",
    stage="episodes",
    words="not the first episode of its spell (EPIORDER is not 1)",
    holds=(nw.col("episode_order") != 1) | nw.col("episode_order").is_null(),
)
TRANSFER = Reason(
    key="transfer", stage="spells", words="continues a stay after a transfer within 3 days"
)


def _where(reason: Reason, holds: nw.Expr) -> Reason:
    return dataclasses.replace(reason, holds=holds)


def unfinished_episodes() -> Reason:
    """Return the reason for episodes that had not ended when their file was made.

    They hold no codes as a rule, and the finished episode is in a later file (HES dictionary,
    EPISTAT). A person still in hospital when the last file ends is lost with them.
    """
    return Reason(
        key="unfinished",
        stage="records",
        words="the episode is unfinished (EPISTAT 1 or 9)",
        holds=nw.col("episode_status").is_in(["1", "9"]),
    )


def with_order(frame: Frame) -> Frame:
    """Return records with what spells are told apart and ordered by, nothing of it null."""
    number = nw.col("financial_year")
    year = nw.when(number.str.contains(r"^\d{4}$")).then(number).cast(nw.Int64)
    order, key = nw.col("episode_order"), nw.col("episode_key")
    regular = nw.col("patient_class").is_in(list(_REGULAR))
    finished = nw.when(nw.col("episode_status") == "3").then(nw.lit(0)).otherwise(nw.lit(1))
    return frame.with_columns(
        nw.when(regular).then(key).alias("_attendance"),
        nw.col("episode_start").fill_null(_NEVER).alias("_start"),
        order.fill_null(_NO_ORDER).cast(nw.Int16).alias("_order"),
        nw.col("episode_end").fill_null(_NEVER).alias("_end"),
        key.fill_null("").alias("_key"),
        finished.cast(nw.Int8).alias("_unfinished"),
        (nw.lit(0) - year.fill_null(0)).cast(nw.Int16).alias("_year"),
    )


def repeated_episodes(frame: Frame) -> Frame:
    """Keep each episode once: long stays stand in the files of several years.

    The finished record is kept, else that of the latest year (FYEAR), else the one with an end.
    """
    # The same episode again has the same start and order; without an order, the same key.
    which = nw.when(nw.col("_order") == _NO_ORDER).then(nw.col("_key"))
    frame = frame.with_columns(which.alias("_which"))
    same = ("is_live", *EPISODE, "_which")
    best = ("_unfinished", "_year", "_end", "_key", TIE)
    return fated(_numbered(frame, same, best), [_where(REPEATED, nw.col("_nth") > 1)])


def _numbered(frame: Frame, group: Sequence[str], order: Sequence[str]) -> Frame:
    """Add ``_nth``, the place of a row in its group, from 1."""
    frame = frame.with_columns(nw.lit(1).alias("_one"))
    nth = nw.col("_one").cum_sum().over(*group, order_by=list(order))
    return frame.with_columns(nth.alias("_nth"))


def spells(frame: Frame, *, ends: bool) -> Frame:
    """Keep the first episode of each spell.

    With ``ends``, adds ``spell_destination`` (that of the last episode) and ``spell_discharged``.
    """
    spell = ("is_live", *_SPELL)
    frame = _numbered(frame, spell, _ORDER)
    if ends:
        discharged = nw.col("discharged").max().over(*spell)
        frame = frame.with_columns(discharged.alias("spell_discharged"))
        frame = _with_last(frame, "destination", spell)
    return fated(frame, [_where(LATER, nw.col("_nth") > 1)])


def spells_of_one(frame: Frame) -> Frame:
    """Add what :func:`spells` and :func:`join_transfers` add, for records that meet no other."""
    return frame.with_columns(
        nw.col("discharged").alias("spell_discharged"),
        nw.col("destination").alias("spell_destination"),
    )


def _with_last(frame: Frame, column: str, group: Sequence[str]) -> Frame:
    """Add ``spell_destination``: ``column`` in the row with the highest ``_nth`` of its group.

    (Spark has no last value in an order.)
    """
    frame = frame.with_columns(nw.col("_nth").max().over(*group).alias("_of"))
    at_the_end = nw.when(nw.col("_nth") == nw.col("_of")).then(nw.col(column))
    frame = frame.with_columns(at_the_end.alias("_at_the_end"))
    return frame.with_columns(nw.col("_at_the_end").max().over(*group).alias("spell_destination"))


def join_transfers(frame: Frame) -> Frame:
    """Keep the first spell of each continuous stay, with the destination of its last.

    A spell continues the one before if it begins at most three days after that ended, and the
    one before went to a hospital (DISDEST 51 to 53), or this one came from one (ADMISORC 51 to
    53) or by transfer (ADMIMETH 2B, 81).
    """
    person = ("is_live", "person")
    by_time = ["admitted", "_left", *_ORDER]
    frame = frame.with_columns(nw.col("spell_discharged").fill_null(_NEVER).alias("_left"))
    frame = frame.with_columns(
        nw.col("spell_discharged").shift(1).over(*person, order_by=by_time).alias("_before"),
        nw.col("spell_destination").shift(1).over(*person, order_by=by_time).alias("_went_to"),
    )
    soon = nw.col("_before").dt.offset_by(_MOST_DAYS) >= nw.col("admitted")
    moved = (
        nw.col("_went_to").is_in(list(_HOSPITALS)).fill_null(value=False)
        | nw.col("source_of_admission").is_in(list(_HOSPITALS)).fill_null(value=False)
        | nw.col("method").is_in(list(_TRANSFERS)).fill_null(value=False)
    )
    frame = frame.with_columns((soon.fill_null(value=False) & moved).alias("_goes_on"))
    begins = nw.when(nw.col("_goes_on")).then(0).otherwise(1)
    frame = frame.with_columns(begins.alias("_begins"))
    frame = frame.with_columns(
        nw.col("_begins").cum_sum().over(*person, order_by=by_time).alias("_stay"),
    )
    frame = _numbered(frame, person, by_time)
    frame = _with_last(frame, "spell_destination", (*person, "_stay"))
    return fated(frame, [_where(TRANSFER, nw.col("_goes_on"))])


def one_a_day(frame: Frame, definition: str, *, asked: str, discharged: str) -> Frame:
    """Let a definition call only one admission of a person and day avoidable, the longest.

    Parameters
    ----------
    frame : narwhals.LazyFrame
        Admissions are live.
    definition : str
        Column of what is avoidable.
    asked : str
        Column of what the definition looks at, whatever its conditions: the longest is found
        first, and whether it is avoidable is asked of that one.
    discharged : str
        Column of the day that an admission ended; where that is null it is the shortest.
    """
    end = nw.col(discharged)
    number = end.dt.year().cast(nw.Int64) * 400 + end.dt.ordinal_day().cast(nw.Int64)
    frame = frame.with_columns(
        (nw.col("is_live") & nw.col(asked)).fill_null(value=False).alias("_asked"),
        (nw.lit(0) - number.fill_null(0)).alias("_longest"),
    )
    frame = _numbered(frame, ("_asked", "person", "admitted"), ("_longest", *_ORDER))
    return frame.with_columns((nw.col(definition) & (nw.col("_nth") == 1)).alias(definition))


def emergencies() -> tuple[Reason, ...]:
    """Return the reasons for what is no emergency admission: ADMIMETH 21 to 25, 2A to 2D, 28."""
    method = nw.col("method")
    return (
        Reason(
            key="method_unknown",
            stage="spells",
            words="how admitted is not known (ADMIMETH is blank, 98 or 99)",
            holds=method.is_null() | method.is_in(["98", "99"]),
        ),
        Reason(
            key="method_no_code",
            stage="spells",
            words="how admitted is told by no code of the dictionary (ADMIMETH)",
            holds=~method.is_in([*EMERGENCY_METHODS, *OTHER_METHODS]),
        ),
        Reason(
            key="not_emergency",
            stage="spells",
            words="not an emergency admission (ADMIMETH is none of 21 to 25, 2A to 2D, 28)",
            holds=~method.is_in(list(EMERGENCY_METHODS)),
        ),
    )
