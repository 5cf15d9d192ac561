"""Write ``docs/definitions.md``: ``python -m evaluation.records.definitions``, in a checkout."""

from __future__ import annotations

from pathlib import Path

from evaluation.records.definitions import document

if __name__ == "__main__":
    checkout = Path(__file__).resolve().parent.parent.parent.parent
    (checkout / "docs" / "definitions.md").write_text(document(), encoding="utf-8")
