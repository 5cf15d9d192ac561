"""What the pages say: every figure traced to what was released, for studies of all kinds."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Callable
from xml.etree.ElementTree import Element

import polars as pl

from evaluation.disclosure import Released, release
from evaluation.findings import Check, Estimate
from evaluation.report.frame import run_identity
from evaluation.results.result import Result
from evaluation.study import Exclusion, PilotSite, Release

Pages = dict[str, Element]
Draw = Callable[[Released], dict[str, str]]
Parse = Callable[[str], Element]


def _words(element: Element) -> str:
    return "".join(element.itertext())


def _main(page: Element) -> str:
    return _words(next(page.iter("main")))


def _by_id(page: Element, key: str) -> Element:
    return next(e for e in page.iter() if e.attrib.get("id") == key)


def test_notice_and_run_are_on_every_page(
    released: Released, pages: Pages, texts: dict[str, str]
) -> None:
    notice = released.study.notice
    for page in pages.values():
        header, footer = (_words(next(page.iter(tag))) for tag in ("header", "footer"))
        assert notice in header
        assert notice in footer
        assert run_identity(released) in footer
    charts = [text for name, text in texts.items() if name.endswith(".svg")]
    assert all("synthetic" in text for text in charts)


def test_a_site_page_answers_five_questions_first(pages: Pages) -> None:
    page = pages["sites/south-yorkshire.html"]
    assert [_words(e) for e in page.iter("h2")][:5] == [
        "What happened at my site?",
        "How sure are you?",
        "Compared with whom?",
        "What should I do?",
        "Who do I ask?",
    ]
    happened = _words(_by_id(page, "happened"))
    assert happened.index("The pilot sites had about 12% fewer") < happened.index(
        "This site alone:"
    )
    assert "33 areas" in _words(_by_id(page, "compared"))
    assert "evaluation@example.org" in _words(_by_id(page, "ask"))


def test_a_failed_check_is_read_before_the_answer(pages: Pages) -> None:
    for name in ("index.html", "overall.html", "sites/south-yorkshire.html"):
        words = _main(pages[name])
        assert words.index("Read with caution: two ICBs") < words.index("The pilot sites had")


def test_a_site_page_gives_the_reason_for_an_empty_interval(
    released: Released, pages: Pages
) -> None:
    own = released.primary("avoidable_admissions", "site", "South Yorkshire")
    assert own is not None
    words = _words(_by_id(pages["sites/south-yorkshire.html"], "best"))
    assert own.interval.caveats[0] in words
    assert "once in 34 times" in words


def test_words_that_reports_may_not_use_are_not_there(pages: Pages) -> None:
    for name, page in pages.items():
        assert not re.search(r"significan|\bprove[sdn]?\b|no effect|\*\*", _main(page).lower()), (
            name
        )


def test_p_stands_in_the_annex_alone(pages: Pages) -> None:
    def fields(element: Element) -> int:
        return sum(e.attrib.get("data-field") == "p" for e in element.iter())

    annex = _by_id(pages["overall.html"], "annex-estimates")
    assert 0 < fields(annex) == sum(fields(page) for page in pages.values())


def test_the_overall_page_says_how_to_rerun_and_where_the_data_came_from(
    released: Released, pages: Pages
) -> None:
    annex = _words(_by_id(pages["overall.html"], "annex"))
    assert "pip install pilot-eval==0.1.0" in annex
    assert "pilot-eval rerun DIR" in annex
    assert all(item.path in annex for item in released.manifest.inputs)
    assert released.manifest.study_text.strip() in annex
    assert "before the first period of the study" in annex


def test_counts_are_printed_as_released(released: Released, pages: Pages) -> None:
    row = released.counts.row(
        by_predicate=(pl.col("outcome") == "avoidable_admissions")
        & (pl.col("group") == "pilot")
        & (pl.col("phase") == "before"),
        named=True,
    )
    assert f"{int(row['count']):,}" in _main(pages["overall.html"])


def test_a_report_without_disclosure_control_says_so(
    example_result: Result, draw: Draw, parse: Parse
) -> None:
    open_data = Release(suppress_below=0, round_to=1)
    study = example_result.study.model_copy(update={"release": open_data})
    for name, text in draw(release(dataclasses.replace(example_result, study=study))).items():
        if name.endswith(".html"):
            header = next(parse(text).iter("header"))
            assert "Disclosure control was switched off" in _words(header)


# ---------------------------------------------------------------------------- all kinds of study


def test_an_outcome_without_an_estimate_is_reported_as_such(
    example_result: Result, draw: Draw, parse: Parse
) -> None:
    key = "avoidable_admissions"
    blocked = Check(
        name="gaps",
        title="Gaps",
        passed=False,
        blocking=True,
        detail="Half of the months are missing.",
        outcome=key,
    )
    without = dataclasses.replace(
        example_result,
        estimates=tuple(e for e in example_result.estimates if e.outcome != key),
        event_study=tuple(e for e in example_result.event_study if e.outcome != key),
        checks=(*example_result.checks, blocked),
    )
    texts = draw(release(without))
    for name in ("index.html", "overall.html", "sites/south-yorkshire.html"):
        words = _main(parse(texts[name]))
        assert "No estimate." in words
        assert "alf of the months are missing." in words


def _spoilt(estimate: Estimate) -> Estimate:
    effect = dataclasses.replace(
        estimate.effect, value=math.nan, caveats=("the site was never seen before its start",)
    )
    interval = dataclasses.replace(
        estimate.interval, low=None, high=None, p=None, std_error=None, df=None
    )
    return dataclasses.replace(estimate, effect=effect, interval=interval)


def test_effects_that_are_not_identified_are_reported_as_such(
    example_result: Result, draw: Draw, parse: Parse
) -> None:
    bad = dataclasses.replace(
        example_result,
        estimates=tuple(_spoilt(e) for e in example_result.estimates),
        event_study=tuple(_spoilt(e) for e in example_result.event_study),
    )
    texts = draw(release(bad))
    assert not any(re.search(r"\bnan\b", text) for text in texts.values())
    assert "never seen before its start" in _main(parse(texts["overall.html"]))


def test_staggered_starts_and_exclusions_are_printed(
    example_result: Result, draw: Draw, parse: Parse
) -> None:
    study = example_result.study
    first, *others = study.sites
    later = PilotSite(name=first.name, units=first.units, starts=first.starts + 3)
    staggered = study.model_copy(
        update={
            "sites": (later, *others),
            "exclude": (Exclusion(unit="QUE", reason="no returns", first=first.starts),),
            "contact": None,
        }
    )
    moved = pl.when(site=first.name).then(later.starts).otherwise("first_treated")
    panel = example_result.panel.with_columns(moved.alias("first_treated"))
    texts = draw(release(dataclasses.replace(example_result, study=staggered, panel=panel)))
    overall = _main(parse(texts["overall.html"]))
    assert "January 2026 to April 2026, by site" in overall
    assert "QUE, from January 2026: No returns." in overall
    assert "Ask whoever sent you this report" in texts["sites/south-yorkshire.html"]


def test_a_study_without_primary_outcomes_named_sites_or_events_is_reported(
    example_result: Result, draw: Draw, parse: Parse
) -> None:
    study = example_result.study
    outcomes = tuple(o.model_copy(update={"role": "secondary"}) for o in study.outcomes)
    bare = study.model_copy(
        update={"outcomes": outcomes, "sites": (), "notice": "", "events": (), "contact": None}
    )
    texts = draw(release(dataclasses.replace(example_result, study=bare, checks=())))
    assert len([name for name in texts if name.startswith("sites/")]) == 6
    words = _main(parse(texts["overall.html"]))
    assert "January 2026" in words
    assert "names no other event" in words
    assert words.count("Too early to tell.") >= 1
