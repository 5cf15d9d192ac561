"""The pages as documents: sound, reachable, self-contained, the same every time."""

from __future__ import annotations

import dataclasses
import re
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from xml.etree.ElementTree import Element

from evaluation.disclosure import Released, release
from evaluation.report import render
from evaluation.report.csv_tables import csv_titles
from evaluation.report.frame import css_string
from evaluation.results.result import Result

# The target for all pages of one study; the machine may be busy, so processor time counts.
SECONDS = 1.0

Pages = dict[str, Element]
Draw = Callable[[Released], dict[str, str]]


def _words(element: Element) -> str:
    return "".join(element.itertext())


def _first(page: Element, tag: str) -> Element:
    return next(page.iter(tag))


def test_render_writes_a_page_for_everybody_and_returns_what_it_wrote(
    released: Released, tmp_path: Path
) -> None:
    told: list[str] = []
    written = render(released, tmp_path, progress=told.append)
    there = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    assert {p.relative_to(tmp_path).as_posix() for p in written} == there
    assert {"index.html", "overall.html", "tables.xlsx", "sites/south-yorkshire.html"} <= there
    assert len([name for name in there if name.startswith("sites/")]) == 6
    assert len([name for name in there if name.endswith(".svg")]) == 17
    assert any("overall.html" in line for line in told)


def test_the_same_run_gives_the_same_bytes(
    released: Released, texts: dict[str, str], draw: Draw
) -> None:
    assert draw(released) == texts


def test_all_pages_are_drawn_within_a_second_of_processor_time(
    released: Released, draw: Draw
) -> None:
    began = time.process_time()
    draw(released)
    assert time.process_time() - began < SECONDS


def test_ids_are_unique_and_what_refers_to_them_finds_them(pages: Pages) -> None:
    for name, page in pages.items():
        ids = [e.attrib["id"] for e in page.iter() if "id" in e.attrib]
        assert len(ids) == len(set(ids)), name
        inner = {a.attrib["href"][1:] for a in page.iter("a") if a.attrib["href"][0] == "#"}
        assert inner <= set(ids), name
        for element in page.iter():
            assert set(element.attrib.get("aria-labelledby", "").split()) <= set(ids), name


def test_links_to_other_files_are_relative_and_lead_to_what_is_written(
    texts: dict[str, str], pages: Pages
) -> None:
    followed = 0
    for name, page in pages.items():
        for link in page.iter("a"):
            address = link.attrib["href"]
            if address.startswith(("#", "mailto:")):
                continue
            target = re.sub(r"[^/]+/\.\./", "", (Path(name).parent / address).as_posix())
            assert target in {*texts, *csv_titles(), "tables.xlsx"}, (name, address)
            followed += 1
    assert followed > 20


def test_headings_descend_one_step_at_a_time_from_one_h1(pages: Pages) -> None:
    for name, page in pages.items():
        levels = [int(e.tag[1]) for e in page.iter() if re.fullmatch(r"h[1-6]", e.tag)]
        assert levels[0] == 1, name
        assert levels.count(1) == 1, name
        assert max(after - before for before, after in pairwise(levels)) <= 1, name


def test_every_page_has_language_title_landmarks_and_skip_link(pages: Pages) -> None:
    titles = {_words(_first(page, "title")) for page in pages.values()}
    assert len(titles) == len(pages)
    for page in pages.values():
        assert page.attrib["lang"] == "en-GB"
        assert [len(list(page.iter(tag))) for tag in ("main", "footer")] == [1, 1]
        assert _first(page, "a").attrib["href"] == "#main"


def test_nothing_comes_from_outside_and_no_script_runs(texts: dict[str, str], pages: Pages) -> None:
    for name, text in texts.items():
        assert not re.search(r"<script|javascript:|\bon[a-z]+=|\bsrc=|@import|url\(", text), name
        addresses = set(re.findall(r"https?://[^\"' <]+", text))
        assert addresses <= {"http://www.w3.org/2000/svg"}, name
    for page in pages.values():
        policy = list(page.iter("meta"))[1].attrib
        assert policy["http-equiv"] == "Content-Security-Policy"
        assert policy["content"].startswith("default-src 'none'; style-src 'unsafe-inline'")


def test_tables_have_captions_scoped_headings_and_rows_of_one_width(pages: Pages) -> None:
    for name, page in pages.items():
        for table in page.iter("table"):
            caption = _words(_first(table, "caption"))
            assert caption.strip(), name
            assert all(th.attrib.get("scope") in ("col", "row") for th in table.iter("th")), name
            assert len({len(row) for row in table.iter("tr")}) == 1, (name, caption)


def test_every_chart_has_words_and_a_table_beside_it(pages: Pages) -> None:
    for name, page in pages.items():
        figures = list(page.iter("figure"))
        assert figures or name == "index.html"
        assert sum(len(list(f.iter("svg"))) for f in figures) == len(list(page.iter("svg")))
        for figure in figures:
            drawn = list(figure.iter("svg"))
            assert [svg.attrib["class"] for svg in drawn] == ["wide", "narrow"]
            for svg in drawn:
                assert svg.attrib["role"] == "img"
                assert [child.tag for child in svg[:2]] == ["title", "desc"]
                assert all(_words(child).strip() for child in svg[:2])
            assert len(list(figure.iter("table"))) == 1


def test_text_from_a_study_file_cannot_break_out(example_result: Result, draw: Draw) -> None:
    bad = "</style><script>alert(1)</script>"
    study = example_result.study.model_copy(update={"title": bad, "notice": bad})
    for text in draw(release(dataclasses.replace(example_result, study=study))).values():
        assert "<script" not in text
        assert text.count("</style>") <= 1


def test_a_css_string_keeps_what_could_end_it_as_escapes() -> None:
    assert css_string('a"}</style>\n') == '"a\\22 \\7d \\3c \\2f style\\3e \\a "'
