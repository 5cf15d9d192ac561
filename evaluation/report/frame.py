"""What every page carries: notice, identity of the run, ways to the other pages."""

from __future__ import annotations

import hashlib
import json

from markupsafe import Markup

from evaluation.disclosure import Released
from evaluation.report.views import Frame, Link

__all__ = ["css_string", "frame_of", "run_identity"]

_DIGITS = 12


def run_identity(released: Released) -> str:
    """Return the first digits of the manifest's hash: the same run, the same digits."""
    text = json.dumps(released.manifest.to_json(), sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def frame_of(released: Released, title: str, pages: tuple[Link, ...] = ()) -> Frame:
    """Return the frame of a page with this title."""
    study = released.study
    version = released.manifest.versions.get("pilot-eval", "of unknown version")
    run = f"Run {run_identity(released)}, made by pilot-eval {version}"
    return Frame(
        title=title,
        study=study.title,
        notice=study.notice,
        uncontrolled=(
            ""
            if released.controlled
            else "Disclosure control was switched off for this report, because it rests on open "
            "data. No number in it is hidden or rounded."
        ),
        run=run,
        pages=pages,
        sheet=_sheet(study.notice or study.title, run),
    )


def _sheet(head: str, run: str) -> Markup:
    """Return print rules that repeat the notice and the run on every sheet of paper."""
    return Markup(
        "@page{@top-left{content:%s}@bottom-left{content:%s}"
        '@bottom-right{content:counter(page)" of "counter(pages)}}'
    ) % (css_string(head), css_string(run))


def css_string(text: str) -> Markup:
    """Return text as a CSS string in which nothing can end the string or the style element."""
    safe = "".join(
        letter
        if letter.isascii() and (letter.isalnum() or letter in " .,-")
        else f"\\{ord(letter):x} "
        for letter in text
    )
    return Markup('"%s"') % Markup(safe)
