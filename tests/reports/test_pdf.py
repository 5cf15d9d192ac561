"""PDFs beside the pages: tagged, the same bytes twice, and one error without the extra."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
import zlib
from pathlib import Path
from urllib.parse import quote

import pytest

from evaluation.report.pdf import write_pdfs

SITE = "sites/south-yorkshire.html"
# Sheets of A4, seen and found good; a rule that ties too much together shows as more of them.
MOST_SHEETS = {SITE: 14, "index.html": 3}

_HIDE = """
import importlib.util, sys
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "weasyprint" else found(name, *rest)
from evaluation.cli import main
sys.argv = ["pilot-eval", *sys.argv[1:]]
main()
"""


@pytest.fixture(scope="module")
def pdfs(texts: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Return the PDFs of two pages; without WeasyPrint a loud skip, in CI a failure."""
    if importlib.util.find_spec("weasyprint") is None:
        message = "WeasyPrint is absent: no PDF was made or looked at"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    folder = tmp_path_factory.mktemp("pdf")
    pages = []
    for name in MOST_SHEETS:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(texts[name], encoding="utf-8")
        pages.append(path)
    written = write_pdfs([*pages, folder / "tables.xlsx"])
    assert [path.with_suffix(".html") for path in written] == pages
    return dict(zip(MOST_SHEETS, written, strict=True))


def _objects(path: Path) -> bytes:
    """Return a PDF with its compressed objects laid open."""
    content = path.read_bytes()
    parts = [content]
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", content, re.DOTALL):
        try:
            parts.append(zlib.decompress(stream))
        except zlib.error:
            continue
    return b"\n".join(parts)


@pytest.mark.parametrize("name", MOST_SHEETS)
def test_a_pdf_is_tagged_titled_and_in_a_language(name: str, pdfs: dict[str, Path]) -> None:
    content = _objects(pdfs[name])
    assert content.startswith(b"%PDF-")
    assert re.search(rb"/Marked true", content)
    assert b"/StructTreeRoot" in content
    assert b"/Lang (en-GB)" in content
    assert b"pdfuaid:part" in content
    assert re.search(rb"/S /H1\b", content)


@pytest.mark.parametrize("name", MOST_SHEETS)
def test_a_pdf_is_of_few_sheets(name: str, pdfs: dict[str, Path]) -> None:
    sheets = len(re.findall(rb"/Type /Page\b(?!s)", _objects(pdfs[name])))
    assert 1 <= sheets <= MOST_SHEETS[name], sheets


def test_a_table_and_a_chart_are_told_to_a_screen_reader(pdfs: dict[str, Path]) -> None:
    content = _objects(pdfs[SITE])
    assert re.search(rb"/S /TH\b", content)
    assert re.search(rb"/S /Figure\b", content)


def test_the_same_page_gives_the_same_bytes(pdfs: dict[str, Path]) -> None:
    path = pdfs["index.html"]
    before = path.read_bytes()
    (again,) = write_pdfs([path.with_suffix(".html")])
    assert again.read_bytes() == before


def test_nothing_is_fetched_from_disk_or_network(pdfs: dict[str, Path], tmp_path: Path) -> None:
    assert pdfs  # WeasyPrint is there
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><rect width="9" height="9"/>'
        "</svg>"
    )
    there = tmp_path / "there.svg"
    there.write_text(drawing, encoding="utf-8")
    sources = {
        "there": there.as_uri(),
        "absent": (tmp_path / "absent.svg").as_uri(),
        "inside": f"data:image/svg+xml,{quote(drawing)}",
    }
    pages = []
    for name, source in sources.items():
        page = tmp_path / f"{name}.html"
        page.write_text(f'<html lang="en"><title>t</title><img alt="x" src="{source}">')
        pages.append(page)
    there_pdf, absent_pdf, inside_pdf = (_objects(path) for path in write_pdfs(pages))
    assert there_pdf == absent_pdf
    assert inside_pdf != absent_pdf


def test_without_the_extra_one_error_names_what_to_install(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _HIDE, "report", str(tmp_path), "--pdf"],
        capture_output=True,
        text=True,
        check=False,
    )
    # Of a folder without a run the absent run is told first.
    assert done.returncode == 2
    done = subprocess.run(
        [sys.executable, "-c", _HIDE, "estimate", "--pdf", "--out", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == (
        "Error: PDFs need WeasyPrint, which is not installed. "
        'Install it: pip install "pilot-eval[pdf]".\n'
    )
    assert not (tmp_path / "out").exists()
