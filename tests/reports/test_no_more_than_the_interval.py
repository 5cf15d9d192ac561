"""No page says more than the interval behind it, whatever the results are."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Literal, NamedTuple
from xml.etree.ElementTree import Element

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evaluation.disclosure import Released
from evaluation.wording import detectable, number

EXAMPLES = 25  # pages are drawn for each
SITE = "sites/south-yorkshire.html"
PAGES = ("index.html", "overall.html", SITE)
NEVER = re.compile(
    r"significan|\bprov(e|es|ed|en|ing)\b|\bno (effect|impact|difference was)|\bdid not work\b"
    r"|\*|\bdue to the pilot\b.*\bbecause\b|\bcaused\b|trend towards"
)
CLAIM = re.compile(r"\b(fewer|lower|higher|better|worse)\b|\bmore [a-z]+ [a-z ]+ than\b")
LARGE = "is large enough to matter"
UNSURE = re.compile(r"cannot say whether [a-z ]* is large enough to matter")

Better = Literal["lower", "higher", "neither"]
Draw = Callable[[Released], dict[str, str]]
Parse = Callable[[str], Element]

_ENDS = st.floats(-70.0, 150.0).map(lambda x: 0.0 if abs(x) < 0.05 else round(x, 2))


def _words(element: Element) -> str:
    return " ".join("".join(element.itertext()).split())


def _without_files(page: Element) -> str:
    """Return the words of a page less the study file, which says what its author likes."""
    main = next(page.iter("main"))
    files = [_words(e) for e in main.iter("pre")]
    text = _words(main)
    for file in files:
        text = text.replace(file, "")
    return text


def _answers(page: Element) -> list[Element]:
    found = [e for e in page.iter("div") if e.attrib.get("class") == "answer"]
    assert found
    return found


class Drawn(NamedTuple):
    """A random result: the ends, the estimate as a share of the way, and what the study wants."""

    ends: list[float]
    share: float
    better: Better
    smallest: float | None
    bounded: bool
    failed: bool


_DRAWN = st.builds(
    Drawn,
    ends=st.tuples(_ENDS, _ENDS).map(sorted),
    share=st.floats(0.0, 1.0),
    better=st.sampled_from(["lower", "higher", "neither"]),
    smallest=st.sampled_from([None, -5.0, 20.0]),
    bounded=st.sampled_from([True, True, True, False]),
    failed=st.booleans(),
)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=_DRAWN)
def test_a_page_claims_what_its_interval_allows_and_prints_its_numbers(
    situate: Callable[..., Released], draw: Draw, parse: Parse, drawn: Drawn
) -> None:
    ends, share, better, smallest, bounded, failed = drawn
    value = ends[0] + share * (ends[1] - ends[0])
    low, high = ends if bounded else (None, None)
    released = situate(low, high, value, better=better, smallest=smallest, failed=failed)
    primary = released.primary("avoidable_admissions")
    assert primary is not None
    relative = primary.relative
    seen = detectable(primary)
    may = {number(abs(x)) for x in (*relative, seen) if x is not None}
    holds_zero = relative[1] is None or relative[2] is None or relative[1] <= 0 <= relative[2]
    nearest = 0.0 if holds_zero else min(abs(relative[1] or 0.0), abs(relative[2] or 0.0))
    texts = draw(released)
    for name in PAGES:
        page = parse(texts[name])
        text = _without_files(page).lower()
        assert not NEVER.search(text), (name, NEVER.search(text))
        for answer in _answers(page):
            said = _words(answer)
            if holds_zero and bounded:
                assert not CLAIM.search(said), said
            claims = LARGE in UNSURE.sub("", said)
            assert not claims or nearest >= abs(smallest or float("inf")) - 1e-9, said
            printed = re.findall(r"\d[\d,]*\.?\d*(?=%)", said)
            assert set(printed) <= may, (said, may)
            if not bounded:
                assert "So we conclude nothing." in said
        cautions = [e for e in page.iter("div") if e.attrib.get("class") == "caution"]
        assert bool(cautions) == failed
        if failed:
            main = _words(next(page.iter("main")))
            headline = next(e for e in page.iter() if e.attrib.get("class") == "headline")
            assert main.index("Read with caution") < main.index(_words(headline))
