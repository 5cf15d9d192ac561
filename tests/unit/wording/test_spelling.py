"""British spelling, in the templates and in every string that can reach a reader."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluation.resources import resource_folder

ROOT = Path(__file__).resolve().parents[3]
PACKAGES = ("checks", "disclosure", "figures", "methods", "report", "wording", "censoring")

# American spellings of words that reports on health care are likely to use. Endings in -ise are
# house style; of words in -ize only those stand that British English never writes with an s.
AMERICAN = re.compile(
    r"\b(analyz\w+|behavior(al)?|cancel(ed|ing)|catalog|center(s|ed|ing)?|color(s|ed|ing|ful)?"
    r"|counsel(ed|ing|or)|defense|diarrhea|edema|enroll|enrollment|fulfill|fulfillment"
    r"|favor(s|ed|able|ite)?|gotten|gray|gynecolog\w+|hematolog\w+|honor(s|ed)?|label(ed|ing)"
    r"|labor(s|ed)?|leukemia|liters?|meters?|model(ed|ing)|neighbor\w*|offense|orthopedic\w*"
    r"|pediatric\w*|percents?|rumor|signal(ed|ing)|skeptic\w*|theater|total(ed|ing)"
    r"|travel(ed|ing|er)|tumor|willful)\b",
    re.IGNORECASE,
)
WITH_Z = re.compile(r"\b\w+iz(e[sd]?|ing|ations?|ers?)\b", re.IGNORECASE)
RIGHTLY_WITH_Z = re.compile(
    r"\b(capsiz|prize|resiz|seiz|siz(e|es|ed|ing)\b|oversiz|undersiz)\w*", re.IGNORECASE
)

# Titles of papers are left as they were published.
TITLE = re.compile(r"(?<=\)\. )[A-Z][^.]*\.")


def _misspelt(text: str) -> list[str]:
    found = [match[0] for match in AMERICAN.finditer(text)]
    found += [m[0] for m in WITH_Z.finditer(text) if not RIGHTLY_WITH_Z.fullmatch(m[0])]
    return found


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("We analyze the behavior of care centers.", 3),
        ("The organization was randomized in color", 3),
        ("We analyse, analysed and analyses; a sized prize, of all sizes; five per cent", 0),
        ("an organisation in the centre, enrolled and labelled towards a total", 0),
        ("Randomisation deals starts out anew", 0),
        ("about 5 percent", 1),
    ],
)
def test_the_list_finds_american_words_and_leaves_british_ones(text: str, wrong: int) -> None:
    assert len(_misspelt(text)) == wrong, _misspelt(text)


@pytest.mark.parametrize(
    "path", sorted(resource_folder("templates").glob("*.html")), ids=lambda p: p.name
)
def test_templates_are_in_british_english(path: Path) -> None:
    text = re.sub(r"<style.*?</style>|\{%.*?%\}|\{\{.*?\}\}", " ", path.read_text("utf-8"))
    words = re.sub(r"<[^>]+>", " ", text)
    assert _misspelt(words) == []


def _strings(path: Path) -> Iterator[tuple[int, str]]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            yield node.lineno, node.value


@pytest.mark.parametrize("package", PACKAGES)
def test_every_sentence_of_the_code_is_in_british_english(package: str) -> None:
    seen = 0
    for path in sorted((ROOT / "evaluation" / package).rglob("*.py")):
        for line, text in _strings(path):
            assert _misspelt(text) == [], (path.name, line)
            seen += 1
    assert seen > 10


def test_help_and_documents_are_in_british_english() -> None:
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *ROOT.glob("evaluation/cli/*.py")]
    for path in pages:
        text = path.read_text(encoding="utf-8")
        text = TITLE.sub(" ", text)
        prose = re.sub(r"```.*?```|`[^`]*`|https?://\S+", " ", text, flags=re.DOTALL)
        assert _misspelt(prose) == [], path.name
    assert len(pages) > 10
