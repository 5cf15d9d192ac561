"""The seven conditions on which difference-in-differences rests, each answered for this study.

Seven conditions as in Klootwijk, A., Struijs, J., Petrus, A., Leemhuis, M., Numans, M. and
de Vries, E. (2024), Do studies evaluating early-life policy interventions fully adhere to the
critical conditions of difference-in-differences? A systematic review, BMJ Open 14(5), e083927:
of 19 studies none met all seven, two spoke of anticipation and one of spill-over.
"""

from __future__ import annotations

from evaluation.disclosure import Released
from evaluation.methods import PROCEDURES
from evaluation.report.charts import site_starts
from evaluation.report.leads import charted, tests_trends
from evaluation.report.names import count_of, first_upper, period_words
from evaluation.report.views import Fact
from evaluation.study import Outcome

__all__ = ["condition_facts", "lead_words"]

# Whoever knows of a start acts shortly before it.
_SHORTLY = 3


def condition_facts(released: Released, main: tuple[Outcome, ...]) -> tuple[Fact, ...]:
    """Return each condition with what this study has to say of it."""
    answers = (
        ("Enough data on both sides of the start", _data(released)),
        ("Would both groups have moved alike?", _trends(released, main)),
        ("Did anybody act before the start?", _anticipation(released, main)),
        ("Do the ranges hold with these data?", _statistics(released)),
        ("Did anything else happen?", _shocks(released)),
        ("Are the groups the same throughout?", _composition(released)),
        ("Did the pilot reach the comparison sites?", _spill(released)),
    )
    return tuple(Fact(term=term, words=words) for term, words in answers if words)


def lead_words(released: Released, outcome: Outcome) -> str:
    """Say in how many periods before the start the interval leaves zero out."""
    held = _held_to_zero(released, outcome)
    if not held:
        return ""
    apart = sum(not inside for _, inside in held)
    one, several = period_words(released.study.calendar)
    when = f"{len(held)} {one if len(held) == 1 else several} before the start"
    chance = f"{100 * (1 - released.study.analysis.level):.3g} in 100"
    if not apart:
        return (
            f"In all {when}, the likely range leaves room for pilot and comparison sites having "
            "moved alike, as they should before anything began."
        )
    return (
        f"In {apart} of the {when}, the likely range leaves out that pilot and comparison sites "
        f"moved alike. Chance alone would do that in about {chance}."
    )


def _held_to_zero(released: Released, outcome: Outcome) -> list[tuple[int, bool]]:
    """Return each event time before the start and whether its interval holds zero."""
    return [
        (int(e.effect.group), (e.interval.low or 0.0) <= 0 <= (e.interval.high or 0.0))
        for e in charted(released, outcome)
        if int(e.effect.group) < 0
        and tests_trends(e)
        and e.interval.low is not None
        and e.interval.high is not None
    ]


def _data(released: Released) -> str:
    starts = site_starts(released)
    if not starts:
        return ""
    words = period_words(released.study.calendar)
    said: dict[str, list[str]] = {}
    for glance in released.glances:
        before = count_of(max(0, starts[0] - glance.first), *words)
        since = count_of(max(0, glance.last - starts[0] + 1), *words)
        sentence = (
            f"{before} before the first start and {since} from it on, in "
            f"{count_of(glance.n_pilot_sites, 'pilot site', 'pilot sites')} and "
            f"{count_of(glance.n_comparison_sites, 'comparison site', 'comparison sites')}."
        )
        said.setdefault(sentence, []).append(released.study.outcome(glance.outcome).label)
    if len(said) == 1:
        return first_upper(next(iter(said)))
    return " ".join(f"{'; '.join(labels)}: {sentence}" for sentence, labels in said.items())


def _trends(released: Released, main: tuple[Outcome, ...]) -> str:
    said = [
        f"{outcome.label}: {words[:1].lower()}{words[1:]}"
        for outcome in main
        if (words := lead_words(released, outcome))
    ]
    if not said:
        return "This cannot be tested here: no effects by time before the start were estimated."
    return " ".join((*said, "That is a hint and not a test of what would have come after."))


def _anticipation(released: Released, main: tuple[Outcome, ...]) -> str:
    near = [
        inside
        for outcome in main
        for time, inside in _held_to_zero(released, outcome)
        if time >= -_SHORTLY
    ]
    one, several = period_words(released.study.calendar)
    rule = (
        "What people did before the start because they knew of it is not counted as an effect, "
        "and makes the effect look smaller."
    )
    if not near:
        return f"Not tested. {rule}"
    apart = sum(not inside for inside in near)
    return (
        f"In {apart or 'none'} of {count_of(len(near), 'figure', 'figures')} for the "
        f"{one if _SHORTLY == 1 else several} just before the start, the likely range leaves out "
        f"that both groups moved alike. {rule}"
    )


def _statistics(released: Released) -> str:
    used = dict.fromkeys(e.interval.procedure for e in released.estimates)
    names = [PROCEDURES[key].title for key in used if key in PROCEDURES]
    if not names:
        return ""
    return (
        "Ranges are counted by site, so that areas of one site do not count twice, and months of "
        f"one area do not count as if they were apart. Used here: {'; '.join(names)}. How often "
        "each is wrong with few sites is in METHODS.md of pilot-eval."
    )


def _shocks(released: Released) -> str:
    events = released.study.events
    rule = (
        "What strikes all areas alike drops out. What strikes the pilot sites alone does not, and "
        "would look like an effect of the pilot."
    )
    if not events:
        return f"The study file names no other event. {rule}"
    starts = site_starts(released)
    since = sum(event.at >= starts[0] for event in events) if starts else 0
    named = count_of(len(events), "other event", "other events")
    later = f", {count_of(since, 'of them', 'of them')} since the first start" if starts else ""
    return f"The study file names {named}{later}. They are marked on the charts. {rule}"


def _composition(released: Released) -> str:
    study = released.study
    said = []
    for glance in released.glances:
        possible = glance.n_units * (glance.last - glance.first + 1)
        label = study.outcome(glance.outcome).label
        said.append(f"{label}: {glance.n_observations:,} of {possible:,}.")
    held = (
        f" Areas are held at their boundaries of {study.geography.boundaries}."
        if study.geography.register_ == "icb"
        else ""
    )
    one = period_words(study.calendar)[0]
    return (
        "An area never changes its group. Figures that are "
        f"there, one for each area and {one}: {' '.join(said)}{held} Whether the people in an "
        "area changed is not known from these data."
    )


def _spill(released: Released) -> str:
    left_out = [e for e in released.study.comparison.exclude if e.unit is not None]
    kept = (
        f"{first_upper(count_of(len(left_out), 'area was', 'areas were'))} left out of the "
        "comparison; the reasons are above. "
        if left_out
        else "No area was left out of the comparison because it lies next to a pilot site. "
    )
    return (
        f"Not tested. {kept}If comparison areas took up something like the pilot, the effect is "
        "larger than the difference shown."
    )
