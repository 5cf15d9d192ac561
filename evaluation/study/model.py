"""The study file as a frozen tree: what is evaluated, on which data, by which methods.

What each key means, with an example, is in ``keys.toml`` beside this module. The order of fields
is that of the documentation and of messages. Rules between keys are in ``rules``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from evaluation.periods import Calendar, Frequency

__all__ = [
    "NOT_IN_FILE",
    "PERIOD_READER",
    "READS_PERIOD",
    "Analysis",
    "Columns",
    "Comparison",
    "Contact",
    "Costs",
    "Event",
    "Exclusion",
    "Exposure",
    "Geography",
    "Method",
    "Outcome",
    "PilotSite",
    "Place",
    "Records",
    "Release",
    "Reporting",
    "Residents",
    "Study",
    "Time",
    "Wording",
]

PERIOD_READER = "period_reader"
NOT_IN_FILE = ("text", "path")


def _ordinal(value: object, info: ValidationInfo) -> object:
    """Read a period as the file writes it; without a reader (in code) it is an ordinal already."""
    reader = (info.context or {}).get(PERIOD_READER)
    return value if reader is None else reader(value)


def _whole(value: object) -> object:
    """Refuse 1.0 and true, which a list of allowed values takes for 1."""
    if type(value) is not int:
        raise ValueError(type(value).__name__)
    return value


READS_PERIOD = BeforeValidator(_ordinal)
Period = Annotated[int, READS_PERIOD]
Version = Annotated[Literal[1], BeforeValidator(_whole)]
Text = Annotated[str, Field(pattern=r"\S")]
Identifier = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")]
Email = Annotated[str, Field(pattern=r"^[^\s@]+@[^\s@]+$")]
Texts = Annotated[tuple[Text, ...], Field(min_length=1)]
Identifiers = Annotated[tuple[Identifier, ...], Field(min_length=1)]
Amount = Annotated[float, Field(ge=0)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Contact(_Frozen):
    """Whom a reader of the report can ask."""

    name: Text
    email: Email | None = None
    organisation: Text | None = None


class Time(_Frozen):
    """The window of analysis, in ordinals of ``frequency``; None means what the data hold."""

    frequency: Frequency
    first: Period | None = None
    last: Period | None = None

    @property
    def calendar(self) -> Calendar:
        """The calendar that names these periods."""
        return Calendar(frequency=self.frequency)


class Geography(_Frozen):
    """Which register checks the unit codes, and at which boundaries units are held.

    ``register_`` has an underscore because pydantic's models have a method of its name.
    """

    register_: Literal["icb", "none"] = Field(default="none", alias="register")
    boundaries: str = "2025-04"


class PilotSite(_Frozen):
    """One pilot site: the unit of assignment and of inference."""

    name: Text
    units: Texts
    starts: Period


class Exclusion(_Frozen):
    """Observations left out, with the reason that the report prints.

    ``unit`` None means every unit; ``first`` and ``last`` (ordinals, inclusive) None mean open;
    ``outcome`` None means every outcome.
    """

    reason: Text
    unit: Text | None = None
    first: Period | None = None
    last: Period | None = None
    outcome: Text | None = None


class Comparison(_Frozen):
    """Who the pilot sites are compared with: every other unit, or a list."""

    units: Literal["others"] | Texts = "others"
    exclude: tuple[Exclusion, ...] = ()


class Event(_Frozen):
    """Something else that happened, to be shown on the time axis."""

    at: Period
    label: Text


class Columns(_Frozen):
    """Names of a table's columns, by meaning."""

    unit: Text
    period: Text
    count: Text | None = None
    exposure: Text | None = None
    value: Text | None = None
    weight: Text | None = None
    first_treated: Text | None = None
    treated: Text | None = None
    cluster: Text | None = None


class Outcome(_Frozen):
    """One outcome: where it is read, how it is measured, what would matter."""

    key: Identifier
    label: Text
    source: Identifier = "table"
    files: Texts
    sheet: Text | None = None
    columns: Columns | None = None
    metric: Text | None = None
    headings: dict[str, Text] = {}
    select: dict[str, Text | Texts] = {}
    measure: Literal["rate", "count", "share", "mean"] = "rate"
    per: Annotated[float, Field(gt=0)] = 1.0
    unit_label: str = ""
    better: Literal["lower", "higher", "neither"] = "neither"
    role: Literal["primary", "secondary", "process"] = "secondary"
    smallest_effect: Annotated[float, Field(gt=-100)] | None = None
    weight: Literal["exposure", "none", "column"] | None = None
    covariates: tuple[Text, ...] = ()
    dose: Text | None = None
    exposure_from: Identifier | None = None
    dose_from: Identifier | None = None
    suppressed: tuple[Annotated[int, Field(ge=0)], Annotated[int, Field(ge=1)]] = (1, 7)
    rounded_to: Annotated[int, Field(ge=1)] = 1


class Method(_Frozen):
    """An estimator with a procedure."""

    estimator: Identifier
    procedure: Identifier


class Analysis(_Frozen):
    """Which methods are run, and how.

    ``event_window`` bins leads and lags beyond that many periods; None keeps them all.
    """

    primary: Method = Method(estimator="poisson", procedure="wild")
    estimators: Identifiers = ("poisson", "twfe", "event_study")
    procedures: Identifiers = ("cr2", "wild", "randomisation")
    control_group: Literal["never_treated", "not_yet_treated"] = "never_treated"
    draws: Annotated[int, Field(ge=99, le=10**7)] = 9999
    level: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    seed: Annotated[int, Field(ge=0, le=10**18)] = 461000
    event_window: Annotated[int, Field(ge=1, le=10**6)] | None = None


class Costs(_Frozen):
    """Pounds: of the programme, and of one event of an outcome."""

    programme: Amount | None = None
    unit_cost: dict[str, Amount] = {}


class Release(_Frozen):
    """Disclosure control: counts from 1 to ``suppress_below`` - 1 are hidden, others rounded.

    ``suppress_below = 0`` with ``round_to = 1`` switches it off, for open data; reports say so.
    """

    suppress_below: Annotated[int, Field(ge=0, le=10**6)] = 8
    round_to: Annotated[int, Field(ge=1, le=10**6)] = 5


class Residents(_Frozen):
    """Who of the records' people counts as a care home resident."""

    rule: Literal["match", "codes", "match_or_codes", "everyone"]
    codes: Literal["nhse_2020", "strategy_unit", "care_homes"] = "nhse_2020"
    at: Literal["admission", "discharge", "either"] = "admission"


class Place(_Frozen):
    """What says of which unit a record is; ``lookup`` is a table from LSOA to ICB."""

    by: Literal["sub_icb", "lsoa", "icb", "column"] = "sub_icb"
    lookup: Text | None = None
    lsoa: Text | None = None
    icb: Text | None = None


class Exposure(_Frozen):
    """A table of residents or beds by unit and period, with the names of its columns."""

    file: Text
    unit: Text = "unit"
    period: Text = "period"
    exposure: Text = "exposure"


class Records(_Frozen):
    """Record-level hospital data, from which ``pilot-eval panel`` counts admissions."""

    layout: Literal["hes_apc", "sus_apcs"] = "hes_apc"
    files: Texts
    columns: dict[str, Text] = {}
    dates: Literal["iso", "day_first", "compact"] = "iso"
    definitions: Texts = ("cqc_2013_iau",)
    residents: Residents
    place: Place = Place()
    exposure: Exposure | None = None
    first: Period | None = None
    last: Period | None = None
    admissions: Literal["spells", "first_episodes"] = "spells"
    transfers: Literal["separate", "join"] = "separate"
    unfinished: Literal["leave_out", "keep"] = "leave_out"
    least_age: Annotated[int, Field(ge=0, le=120)] | None = None


class Reporting(_Frozen):
    """How reports look: a folder of the user's own templates, relative to the study file."""

    templates: Text | None = None


class Wording(_Frozen):
    """The user's own words for a statement, by the rule that they stand for; None for ours.

    Each may say no more than its rule: ``wording_rules`` holds it to that.
    """

    matters: Text | None = None
    may_be_too_small: Text | None = None
    too_small: Text | None = None
    too_early: Text | None = None
    worse: Text | None = None
    changed: Text | None = None
    no_interval: Text | None = None
    not_estimated: Text | None = None


class Study(_Frozen):
    """A study file, read and checked.

    ``text`` is the file as it was, ``folder`` where its relative paths start, ``path`` the file.
    Exactly one of ``sites`` and the outcomes' adoption columns says who adopted when.
    """

    version: Version
    title: Text
    notice: str = ""
    contact: Contact | None = None
    time: Time
    geography: Geography = Geography()
    sites: tuple[PilotSite, ...] = ()
    comparison: Comparison = Comparison()
    exclude: tuple[Exclusion, ...] = ()
    events: tuple[Event, ...] = ()
    outcomes: Annotated[tuple[Outcome, ...], Field(min_length=1)]
    analysis: Analysis = Analysis()
    costs: Costs = Costs()
    release: Release = Release()
    report: Reporting = Reporting()
    wording: Wording = Wording()
    records: Records | None = None
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
        """Return the outcome with this key.

        Raises
        ------
        KeyError
            When there is none.
        """
        for outcome in self.outcomes:
            if outcome.key == key:
                return outcome
        raise KeyError(key)
