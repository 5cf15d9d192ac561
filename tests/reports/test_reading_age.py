"""Whether a reader of about twelve can read the first screens, whatever the answer is.

Grade by Kincaid, Fishburne, Rogers and Chissom (1975, Derivation of new readability formulas for
Navy enlisted personnel): 0.39 words a sentence + 11.8 syllables a word - 15.59; the reading age is
the grade and five years. textstat, which has the same formula, asks a server for its dictionary
when it runs, so syllables are counted here; of the words of the sample's pages, 99% get the count
that the Carnegie Mellon pronouncing dictionary has.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from xml.etree.ElementTree import Element

import pytest

from evaluation.disclosure import Released

# "About 12": the first screens of every kind of answer, with the names that a study brings (of
# places, outcomes and people) taken as one plain word each, for no report can choose them.
AGE = 12.0
AGE_WITH_NAMES = 13.5
# A grade of a few words says little.
FEWEST_WORDS = 40
SITE = "sites/south-yorkshire.html"

Draw = Callable[[Released], dict[str, str]]
Parse = Callable[[str], Element]


# Low and high end and the estimate, in per cent; what is better.
SITUATIONS: dict[str, tuple[float | None, float | None, float, str]] = {
    "matters": (-16.4, -7.3, -12.0, "lower"),
    "may_be_too_small": (-11.4, -4.2, -8.5, "lower"),
    "too_small": (-2.0, 1.5, -0.4, "lower"),
    "too_early": (-10.8, 2.5, -4.4, "lower"),
    "worse": (2.1, 8.3, 5.1, "lower"),
    "changed": (-11.4, -4.2, -8.5, "neither"),
    "no_interval": (None, None, -8.5, "lower"),
    "not_estimated": (None, None, math.nan, "lower"),
}


# Words that the rule miscounts.
_ODD = {"area": 3, "areas": 3, "people": 2, "being": 2}


def syllables(word: str) -> int:
    """Count the syllables of an English word by its vowels, less those that are not heard."""
    letters = re.sub(r"[^a-z]", "", word.lower())
    if letters in _ODD:
        return _ODD[letters]
    if not letters:
        return sum(c.isdigit() for c in word) + ("." in word) + 2 * ("%" in word)
    groups = re.findall(r"[aeiouy]+", letters)
    count = len(groups)
    # Two vowels that are said apart: re-ality, medi-um, situ-ation, qui-et.
    count += len(
        re.findall(r"ia(?!l\b|n\b)|io(?!n|us)|iu|eo(?!u)|ua(?!l\b)|uou|ying|iet|creat", letters)
    )
    if re.search(r"[^aeiouyl]e$|[aeiouy]le$|[aeiouy]re$", letters) and count > 1:
        count -= 1
    if re.search(r"[^aeiouytd]ed$", letters) and count > 1:
        count -= 1
    if (
        re.search(r"[^aeiouycgsxz]es$|[aeiouy][lr]es$", letters)
        and count > 1
        and not re.search(r"[^aeiouy]les$|(sh|ch)es$", letters)
    ):
        count -= 1
    if re.search(r"[^aeiouy]e(ful|less|ly|ment)", letters):
        count -= 1
    return max(1, count)


def reading_age(text: str) -> float:
    """Return the age at which most readers read a text."""
    sentences = [s for s in re.split(r"(?<=[.?!:])\s+", text) if re.search(r"\w", s)]
    words = re.findall(r"[A-Za-z0-9][\w.,%'\u2019&-]*", text)
    heard = sum(syllables(word.rstrip(".,")) for word in words)
    return 0.39 * len(words) / len(sentences) + 11.8 * heard / len(words) - 15.59 + 5


# Counts of the Carnegie Mellon pronouncing dictionary for words of the reports.
@pytest.mark.parametrize(
    ("word", "count"),
    [
        *(("the", 1), ("pilot", 2), ("sites", 1), ("early", 2), ("likely", 2), ("range", 1)),
        *(("changes", 2), ("reliably", 4), ("evaluation", 5), ("emergency", 4), ("area", 3)),
        *(("admissions", 3), ("avoidable", 4), ("residents", 3), ("expected", 3), ("ask", 1)),
        *(("comparison", 4), ("matter", 2), ("large", 1), ("enough", 2), ("results", 2)),
        *(("discharge", 2), ("delayed", 2), ("patients", 2), ("collecting", 3), ("people", 2)),
        *(("figure", 2), ("caution", 2), ("whether", 2), ("because", 2), ("course", 1)),
        *(("passed", 1), ("started", 2), ("months", 1), ("report", 2), ("together", 3)),
        *(("areas", 3), ("estimate", 3), ("possible", 3), ("moved", 1), ("wide", 1)),
        *(("numbers", 2), ("value", 2), ("since", 1), ("size", 1), ("alone", 2), ("quiet", 2)),
    ],
)
def test_syllables_are_those_of_a_dictionary(word: str, count: int) -> None:
    assert syllables(word) == count


def test_the_formula_gives_the_grades_that_it_should() -> None:
    # Ten words of one syllable in a sentence: 3.9 + 11.8 - 15.59 = 0.11, and five years.
    assert reading_age("The cat sat on the mat and the dog ran.") == pytest.approx(5.11)
    harder = "The evaluation of avoidable emergency admissions considers comparison organisations."
    assert reading_age(harder) > 18


def first_words(page: Element, keys: tuple[str, ...]) -> str:
    """Return the paragraphs of some sections, each ended as a sentence."""
    said = []
    for key in keys:
        section = next(e for e in page.iter() if e.attrib.get("id") == key)
        for element in section.iter():
            if element.tag in ("p", "h2", "dt", "dd") and element.attrib.get("class") != "of":
                text = " ".join("".join(element.itertext()).split())
                said.append(text if text.endswith((".", "?", ":")) else f"{text}.")
    return " ".join(said)


def _plain(text: str, released: Released) -> str:
    """Return text with the names that a study brings as one plain word each."""
    names = [o.label for o in released.study.outcomes]
    names += [s.name for s in released.study.sites]
    if released.study.contact is not None:
        contact = released.study.contact
        names += [contact.name, contact.email or "", contact.organisation or ""]
    for name in sorted(filter(None, names), key=len, reverse=True):
        text = re.sub(re.escape(name), "name", text, flags=re.IGNORECASE)
    return text


FIRST = {
    "overall.html": ("answer", "sure"),
    SITE: ("happened", "sure", "compared", "todo", "ask"),
}


@pytest.mark.parametrize("failed", [False, True])
@pytest.mark.parametrize("kind", SITUATIONS)
def test_the_first_screens_are_read_at_about_twelve(
    situate: Callable[..., Released], draw: Draw, parse: Parse, kind: str, failed: bool
) -> None:
    low, high, value, better = SITUATIONS[kind]
    released = situate(low, high, value, better=better, failed=failed)
    texts = draw(released)
    for name, keys in FIRST.items():
        page = parse(texts[name])
        answer = next(e for e in page.iter("div") if e.attrib.get("class") == "answer")
        assert answer.attrib["data-kind"] == kind
        raw = first_words(page, keys)
        plain = _plain(raw, released)
        assert len(plain.split()) >= FEWEST_WORDS
        assert reading_age(plain) <= AGE, plain
        assert reading_age(raw) <= AGE_WITH_NAMES, raw
