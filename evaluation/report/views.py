"""What the templates print: every word and number is settled here, none in a template."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from evaluation.figures import Figure, FigureTable

__all__ = [
    "Answer",
    "CheckView",
    "EstimateRow",
    "EstimateTable",
    "Fact",
    "Frame",
    "IndexPage",
    "Link",
    "OutcomeView",
    "OverallPage",
    "Section",
    "SiteOutcome",
    "SitePage",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link to a page or file of this report, relative to the page it is on."""

    address: str
    words: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A term and what there is to say of it."""

    term: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A heading with paragraphs and a list below it; either may be empty."""

    key: str
    heading: str
    paragraphs: tuple[str, ...] = ()
    items: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What every page carries.

    Parameters
    ----------
    title : str
        Of the document, for the browser's tab and a bookmark.
    study : str
        The study's title.
    notice : str
        The study's notice, printed on every page; empty when there is none.
    uncontrolled : str
        Says that disclosure control was switched off; empty when it was on.
    run : str
        The run's identity, so that a forwarded page can be traced.
    pages : tuple of Link
        The other pages of the report.
    sheet : Markup
        Print rules with the notice and the run on every sheet of paper.
    """

    title: str
    study: str
    notice: str
    uncontrolled: str
    run: str
    pages: tuple[Link, ...]
    sheet: Markup


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What can be said of one outcome; ``kind`` is the rule that was met."""

    key: str
    label: str
    kind: str
    headline: str
    sentence: str
    caution: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateRow:
    """One estimate; every figure as text, None for one that could not be had.

    ``outcome``, ``estimator``, ``procedure``, ``estimand`` and ``group`` name the estimate that
    the figures come from, so that a test or a reader can trace them.
    """

    outcome: str
    estimator: str
    procedure: str
    estimand: str
    group: str
    method: str
    effect: str
    relative: str | None
    low: str | None
    high: str | None
    std_error: str | None
    df: str | None
    p: str | None
    is_primary: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateTable:
    """The estimates of one outcome; without ``has_ranges`` none of them has an interval.

    ``first`` heads the column that tells the rows apart.
    """

    caption: str
    rows: tuple[EstimateRow, ...]
    has_ranges: bool
    notes: tuple[str, ...] = ()
    first: str = "Method"


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeView:
    """Everything that the overall page says of one outcome."""

    key: str
    label: str
    role: str
    answer: Answer
    trend: Figure | None
    event_study: Figure | None
    forest: Figure | None
    sensitivity: Figure | None
    estimates: EstimateTable
    apart: tuple[EstimateTable, ...]
    counts: FigureTable | None
    notes: tuple[str, ...] = ()

    @property
    def figures(self) -> tuple[Figure, ...]:
        """The charts there are, in their order."""
        found = (self.trend, self.event_study, self.forest, self.sensitivity)
        return tuple(figure for figure in found if figure is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckView:
    """One check in plain words."""

    title: str
    outcome: str
    state: str
    detail: str
    remedy: str
    table: FigureTable | None


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexPage:
    """The first page: the answers, and where everything is."""

    frame: Frame
    answers: tuple[Answer, ...]
    overall: Link
    sites: tuple[Link, ...]
    workbook: Link
    tables: tuple[Link, ...]
    charts: tuple[Link, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OverallPage:
    """The whole evaluation."""

    frame: Frame
    contents: tuple[Link, ...]
    answers: tuple[Answer, ...]
    sureness: tuple[str, ...]
    reasons: tuple[Fact, ...]
    failed: str
    glance: tuple[Fact, ...]
    outcomes: tuple[OutcomeView, ...]
    process: tuple[OutcomeView, ...]
    doubts: tuple[Section, ...]
    costs: tuple[Section, ...]
    about: tuple[Section, ...]
    who: tuple[Figure, ...]
    conditions: tuple[Fact, ...]
    sources: FigureTable
    ledger: FigureTable
    methods: tuple[Section, ...]
    figures: tuple[EstimateTable, ...]
    checks: tuple[CheckView, ...]
    quiet_checks: FigureTable | None
    events: tuple[Fact, ...]
    commands: tuple[Fact, ...]
    study_text: str

    @property
    def charts(self) -> tuple[Figure, ...]:
        """Every chart of the page, in order."""
        views = (*self.outcomes, *self.process)
        return (*(figure for view in views for figure in view.figures), *self.who)


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteOutcome:
    """One outcome on a site's page."""

    key: str
    label: str
    role: str
    together: Answer
    alone: str
    trend: Figure | None
    estimates: EstimateTable
    counts: FigureTable | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SitePage:
    """One pilot site: five questions answered first, then what stands behind the answers."""

    frame: Frame
    name: str
    areas: str
    sites_together: str
    happened: tuple[tuple[Answer, str], ...]
    unsure: str
    failed: str
    sure: tuple[str, ...]
    compared: tuple[str, ...]
    todo: tuple[Fact, ...]
    ask: str
    ask_email: str
    monday: tuple[Fact, ...]
    best: tuple[str, ...]
    outcomes: tuple[SiteOutcome, ...]
    cautions: tuple[Fact, ...]
    commands: tuple[Fact, ...]
    sources: FigureTable
