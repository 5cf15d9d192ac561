"""The page of five situations: its pictures are there, small, and told to who cannot see them."""

from __future__ import annotations

import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"
MOST_BYTES = 150_000


def test_every_picture_is_there_small_and_described() -> None:
    text = (DOCS / "situations.md").read_text(encoding="utf-8")
    pictures = re.findall(r'<img src="([^"]+)" alt="([^"]+)"', text)
    assert len(pictures) == 5
    for source, words in pictures:
        assert len(words) > 40
        assert (DOCS / source).stat().st_size < MOST_BYTES
    assert "**synthetic**" in text
    assert "made-up start" in text


def test_every_picture_that_is_kept_is_used_somewhere() -> None:
    pages = [DOCS.parent / "README.md", DOCS / "situations.md"]
    text = " ".join(page.read_text(encoding="utf-8") for page in pages)
    for picture in (DOCS / "pictures").glob("*.png"):
        assert picture.name in text
        assert picture.stat().st_size < MOST_BYTES
