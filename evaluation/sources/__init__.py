"""Sources: one declaration each, and from its files to a panel with every row accounted for.

:func:`load` is what the pipeline calls. A source's reading gives one line an input row
(:mod:`~evaluation.sources.tidy`); the steps that follow are the same for every source
(:mod:`~evaluation.sources.assemble`), and each row comes out used, or left out with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping

from evaluation.errors import StudyError
from evaluation.panel import Panel
from evaluation.sources.acute_discharge_sitrep import ACUTE_DISCHARGE_SITREP
from evaluation.sources.assemble import Loaded, assemble
from evaluation.sources.borrowing import lenders_of
from evaluation.sources.capacity_tracker import CAPACITY_TRACKER
from evaluation.sources.declaration import Source, describe
from evaluation.sources.discharge_ready_date import DISCHARGE_READY_DATE
from evaluation.sources.english_prescribing import ENGLISH_PRESCRIBING
from evaluation.sources.fingertips import FINGERTIPS
from evaluation.sources.ledger import ledger
from evaluation.sources.local_return import LOCAL_RETURN
from evaluation.sources.nhs_outcomes_framework import NHS_OUTCOMES_FRAMEWORK
from evaluation.sources.table import TABLE
from evaluation.study import Outcome, Study

__all__ = ["SOURCES", "Loaded", "Source", "describe", "document", "ledger", "load"]

SOURCES: Mapping[str, Source] = {
    s.key: s
    for s in (
        TABLE,
        ACUTE_DISCHARGE_SITREP,
        DISCHARGE_READY_DATE,
        FINGERTIPS,
        NHS_OUTCOMES_FRAMEWORK,
        ENGLISH_PRESCRIBING,
        CAPACITY_TRACKER,
        LOCAL_RETURN,
    )
}


def load(study: Study, outcome: Outcome, done: Mapping[str, Loaded] | None = None) -> Loaded:
    """Read one outcome of a study.

    Parameters
    ----------
    study, outcome : Study, Outcome
        The study, and one of its outcomes.
    done : mapping of str to Loaded
        Outcomes read already, by key: one that lends its figures to this one is not read again.

    Raises
    ------
    StudyError
        For a source, metric, measure or unit that the study file names wrongly.
    SourceError
        For a file that is absent, unreadable or not laid out as declared.
    """
    source = SOURCES.get(outcome.source)
    if source is None:
        raise StudyError(
            f"there is no source {outcome.source!r}",
            place=f'[[outcomes]] "{outcome.key}", source',
            allowed=", ".join(f'"{key}"' for key in SOURCES),
        )
    lent: dict[str, Panel | None] = {}
    for key in lenders_of(outcome):
        lender = (done or {}).get(key) or load(study, study.outcome(key), done)
        lent[key] = lender.panel
    return assemble(source, study, outcome, lent)


def document() -> str:
    """Return ``docs/sources.md``: every declaration, as ``pilot-eval sources KEY`` prints it."""
    head = (
        "# Sources\n\nWhat pilot-eval can read. This page is made from the declarations in "
        "`evaluation/sources/`; `pilot-eval sources KEY` prints the same.\n"
    )
    return "\n".join([head, *(describe(source) for source in SOURCES.values())])
