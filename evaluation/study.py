"""The study file as a frozen tree: what is evaluated, on which data, by which methods."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from evaluation.periods import Calendar, Frequency

__all__ = [
    "Analysis",
    "Columns",
    "Comparison",
    "Contact",
    "Costs",
    "Event",
    "Exclusion",
    "Geography",
    "Method",
    "Outcome",
    "PilotSite",
    "Release",
    "Study",
    "Time",
]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Time(_Frozen):
    """The window of analysis, in ordinals of ``frequency``; None means what the data hold."""

    frequency: Frequency
    first: int | None = None
    last: int | None = None

    @property
    def calendar(self) -> Calendar:
        """The calendar that names these periods."""
        return Calendar(frequency=self.frequency)


class Geography(_Frozen):
    """Which register checks the unit codes, and at which boundaries units are held."""

    register_: Literal["icb", "none"] = Field(default="none", alias="register")
    boundaries: str = "2025-04"


class PilotSite(_Frozen):
    """One pilot site: the unit of assignment and of inference."""

    name: str
    units: tuple[str, ...]
    starts: int


class Exclusion(_Frozen):
    """Observations left out, with the reason that the report prints.

    ``unit`` None means every unit; ``first`` and ``last`` (ordinals, inclusive) None mean open;
    ``outcome`` None means every outcome.
    """

    reason: str
    unit: str | None = None
    first: int | None = None
    last: int | None = None
    outcome: str | None = None


class Comparison(_Frozen):
    """Who the pilot sites are compared with: every other unit, or a list."""

    units: Literal["others"] | tuple[str, ...] = "others"
    exclude: tuple[Exclusion, ...] = ()


class Columns(_Frozen):
    """Names of a table's columns, by meaning."""

    unit: str
    period: str
    count: str | None = None
    exposure: str | None = None
    value: str | None = None
    weight: str | None = None
    first_treated: str | None = None
    treated: str | None = None
    cluster: str | None = None


class Outcome(_Frozen):
    """One outcome: where it is read, how it is measured, what would matter."""

    key: str
    label: str
    files: tuple[str, ...]
    source: str = "table"
    columns: Columns | None = None
    metric: str | None = None
    sheet: str | None = None
    measure: Literal["rate", "count", "share", "mean"] = "rate"
    per: float = 1.0
    better: Literal["lower", "higher", "neither"] = "neither"
    role: Literal["primary", "secondary", "process"] = "secondary"
    smallest_effect: float | None = None
    weight: Literal["exposure", "none", "column"] | None = None
    covariates: tuple[str, ...] = ()
    dose: str | None = None
    unit_label: str = ""


class Method(_Frozen):
    """An estimator with a procedure."""

    estimator: str
    procedure: str


class Analysis(_Frozen):
    """Which methods are run, and how.

    ``event_window`` bins leads and lags beyond that many periods; None keeps them all.
    """

    primary: Method
    estimators: tuple[str, ...]
    procedures: tuple[str, ...]
    control_group: Literal["never_treated", "not_yet_treated"] = "never_treated"
    draws: int = 9999
    level: float = 0.95
    seed: int = 461000
    event_window: int | None = None


class Costs(_Frozen):
    """Pounds: of the programme, and of one event of an outcome."""

    programme: float | None = None
    unit_cost: dict[str, float] = {}


class Release(_Frozen):
    """Disclosure control: counts from 1 to ``suppress_below`` - 1 are hidden, others rounded.

    ``suppress_below = 0`` with ``round_to = 1`` switches it off, for open data; reports say so.
    """

    suppress_below: int = 8
    round_to: int = 5


class Contact(_Frozen):
    """Whom a reader of the report can ask."""

    name: str
    email: str | None = None
    organisation: str | None = None


class Event(_Frozen):
    """Something else that happened, to be shown on the time axis."""

    at: int
    label: str


class Study(_Frozen):
    """A study file, read and checked.

    ``text`` is the file as it was, ``folder`` where its relative paths start, ``path`` the file.
    Exactly one of ``sites`` and the outcomes' adoption columns says who adopted when.
    """

    version: Literal[1]
    title: str
    time: Time
    outcomes: tuple[Outcome, ...]
    analysis: Analysis
    geography: Geography = Geography()
    sites: tuple[PilotSite, ...] = ()
    comparison: Comparison = Comparison()
    exclude: tuple[Exclusion, ...] = ()
    costs: Costs = Costs()
    release: Release = Release()
    contact: Contact | None = None
    events: tuple[Event, ...] = ()
    notice: str = ""
    text: str = ""
    path: Path = Path("study.toml")

    @property
    def folder(self) -> Path:
        """Where relative paths of the study file start."""
        return self.path.parent

    @property
    def calendar(self) -> Calendar:
        """The calendar of the study's periods."""
        return self.time.calendar

    def outcome(self, key: str) -> Outcome:
        """Return the outcome with this key; KeyError when there is none."""
        return next(o for o in self.outcomes if o.key == key)
