"""What a definition of avoidable admissions is: which admissions, and with which conditions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from evaluation.records.definitions.codes import Codes

__all__ = ["MARKS", "Admissions", "Condition", "Definition", "Mark", "Position", "Where"]

Mark = Literal["V", "P", "U"]
Position = Literal["primary", "secondary", "any", "first"]

MARKS: dict[Mark, str] = {
    "V": "verified: read in a public implementation",
    "P": "partly corroborated",
    "U": "not verified",
}
_SAID: dict[Mark, str] = {"P": "is only partly corroborated", "U": "is not verified"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Codes in some place of a record.

    Parameters
    ----------
    codes : Codes
    position : {"primary", "secondary", "any", "first"}
        Diagnoses: the first, any after the first, or any. Procedures: the first, or any.
    """

    codes: Codes
    position: Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """One condition of a list.

    Parameters
    ----------
    key, label : str
        The same key in two lists is the same illness, not the same codes.
    diagnosis : Where
        The diagnosis that makes the admission avoidable.
    needs : Where or None
        A diagnosis without which it does not.
    without : Where or None
        A diagnosis with which it does not.
    without_procedures : Where or None
        Procedures with which it does not.
    mark : Mark
        How far the codes are verified.
    note : str
        What is to be known of it.
    """

    key: str
    label: str
    diagnosis: Where
    mark: Mark
    needs: Where | None = None
    without: Where | None = None
    without_procedures: Where | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admissions:
    """Which records are admissions that the definition looks at; an empty rule lets all pass.

    Parameters
    ----------
    methods : Codes
        Methods of admission.
    mark : Mark
        How far these rules are verified.
    source : str
        Where they were read.
    episode_status, episode_types, patient_classes, sexes : tuple of str
        What is admitted; unknown is not.
    first_episode : bool
        Only the first episode of a spell.
    one_a_day : bool
        Of the admissions of one person and day that keep all other rules only one is looked at,
        that of the longest stay, whatever its diagnoses: the rule comes before the conditions.
        An unknown length is the shortest; among equals any will do, the same on every engine.
        Not asked of an extract without a column of dates of discharge.
    least_age, most_age : int or None
        Whole years, both included; an unknown age is not.
    without_sources, without_categories, without_specialties : Codes or None
        What is left out: sources of admission (transfers), administrative categories (private
        patients), main specialties. Unknown is not left out.
    without_births : tuple of str
        Months of birth, MMYYYY, that are left out, as they stand for no known one; a blank is not.
    notes : tuple of str
    """

    methods: Codes
    mark: Mark
    source: str
    episode_status: tuple[str, ...] = ()
    episode_types: tuple[str, ...] = ()
    patient_classes: tuple[str, ...] = ()
    sexes: tuple[str, ...] = ()
    first_episode: bool = False
    one_a_day: bool = False
    least_age: int | None = None
    most_age: int | None = None
    without_sources: Codes | None = None
    without_categories: Codes | None = None
    without_specialties: Codes | None = None
    without_births: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """A published definition of avoidable admissions.

    Parameters
    ----------
    key : str
        What a study file calls it: the name of its file.
    title, short_title : str
    population : str
        Whom it was made for.
    mark : Mark
        How far the whole is verified; [U] where any of its codes is.
    source : str
        Where it was read.
    admissions : Admissions
    conditions : tuple of Condition
        In the list's order: an admission that meets several is counted under the first.
    notes, not_applied : tuple of str
        What is to be known of it; published rules that these columns cannot express.
    """

    key: str
    title: str
    short_title: str
    population: str
    mark: Mark
    source: str
    admissions: Admissions
    conditions: tuple[Condition, ...]
    notes: tuple[str, ...] = ()
    not_applied: tuple[str, ...] = ()

    @property
    def worst(self) -> Mark:
        """The worst mark of the whole and its parts."""
        marks = {self.mark, *(mark for _, mark in self._parts)}
        return next(mark for mark in ("U", "P", "V") if mark in marks)

    @property
    def name(self) -> str:
        """The short title with its mark, for ledgers, columns and what is printed."""
        if self.worst == "V":
            return f"{self.short_title} [V]"
        parts = "" if self.worst == self.mark else "parts "
        return f"{self.short_title} [{self.mark}, {parts}{MARKS[self.worst]}]"

    @property
    def caveat(self) -> str:
        """What must be said wherever the definition is used; empty when all of it is verified."""
        said = []
        if self.mark != "V":
            why = f" {self.notes[0]}" if self.notes else ""
            said.append(f"[{self.mark}] The definition {self.key} {_SAID[self.mark]}.{why}")
        for mark in ("U", "P"):
            parts = [part for part, own in self._parts if own == mark]
            # Where the whole is so, only what is worse than it is named.
            if parts and self.mark not in (mark, "U"):
                what = _SAID[mark].removeprefix("is ").capitalize()
                said.append(f"[{mark}] {what} in the definition {self.key}: {'; '.join(parts)}.")
        return " ".join(said)

    @property
    def _parts(self) -> tuple[tuple[str, Mark], ...]:
        """Its parts in words, and how far each is verified."""
        admissions = ("which admissions count", self.admissions.mark)
        return (admissions, *((condition.label, condition.mark) for condition in self.conditions))

    def condition(self, key: str) -> Condition | None:
        """Return the condition with this key, or None."""
        return next((found for found in self.conditions if found.key == key), None)
