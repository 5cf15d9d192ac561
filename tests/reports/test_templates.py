"""A user's own templates: in place of ours, under the same rules, blamed with file and line."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element

import pytest
from markupsafe import Markup

from evaluation.disclosure import Released
from evaluation.errors import UsageError
from evaluation.report.render import render_pages
from evaluation.report.templates import environment


def _folder(path: Path, **files: str) -> Path:
    for name, text in files.items():
        (path / f"{name}.html").write_text(text, encoding="utf-8")
    return path


def _draw(released: Released, own: Path) -> dict[str, str]:
    return dict(render_pages(released, lambda _: None, own))


def _refused(released: Released, own: Path) -> UsageError:
    with pytest.raises(UsageError) as caught:
        _draw(released, own)
    return caught.value


def test_a_file_takes_the_place_of_ours_and_no_other(
    released: Released, texts: dict[str, str], tmp_path: Path
) -> None:
    own = _draw(released, _folder(tmp_path, index="<p>{{ page.frame.study }}</p>\n"))
    assert own["index.html"] == f"<p>{released.study.title}</p>\n"
    assert own["overall.html"] == texts["overall.html"]


def test_a_template_may_build_on_the_one_that_it_replaces(
    released: Released, texts: dict[str, str], tmp_path: Path
) -> None:
    text = '{% extends "pilot-eval/site.html" %}{% block main %}Ours:{{ super() }}{% endblock %}'
    own = _draw(released, _folder(tmp_path, site=text))
    name = "sites/south-yorkshire.html"
    ours = texts[name]
    start = ours.index('<main id="main" tabindex="-1">\n') + len('<main id="main" tabindex="-1">\n')
    assert own[name] == f"{ours[:start]}Ours:{ours[start:]}".replace("Ours:\n", "Ours:", 1)


def test_a_part_of_every_page_can_be_replaced(released: Released, tmp_path: Path) -> None:
    (tmp_path / "report.css").write_text("main { color: black }\n", encoding="utf-8")
    own = _draw(released, tmp_path)
    pages = [text for name, text in own.items() if name.endswith(".html")]
    assert all("main { color: black }" in page for page in pages)
    assert not any("--ink" in page for page in pages)


def test_text_is_escaped_in_a_template_of_the_user(tmp_path: Path) -> None:
    made = environment(_folder(tmp_path, index="{{ page }}"))
    assert made.get_template("index.html").render(page="<b>") == "&lt;b&gt;"
    assert made.get_template("index.html").render(page=Markup("<b>")) == "<b>"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a\n{{ page.nothing }}\n", 2, "has no attribute 'nothing'"),
        ("a\n\n{{ missing }}\n", 3, "'missing' is undefined"),
        ("a\n{% if %}\n", 2, "Expected an expression"),
        ("{{ page.frame.study|shout }}", 1, "No filter named 'shout'"),
        ("a\n{{ 1 / 0 }}\n", 2, "division by zero"),
        ("{{ page.frame.study + 1 }}", 1, "can only concatenate str"),
        ('a\n{% include "absent.html" %}', 2, "there is no template 'absent.html'"),
        ('\n{% from "macros.html" import chart %}{{ chart(1) }}', 2, "has no attribute"),
    ],
)
def test_a_broken_template_is_one_error_with_file_and_line(
    released: Released, tmp_path: Path, text: str, line: int, said: str
) -> None:
    error = _refused(released, _folder(tmp_path, index=text))
    assert error.place == f"{tmp_path / 'index.html'}, line {line}"
    assert said in error.problem
    assert error.allowed
    assert error.remedy


def test_a_template_that_is_no_text_is_named(released: Released, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_bytes(b"\xff\xfe\x00")
    error = _refused(released, tmp_path)
    assert error.place == str(tmp_path / "index.html")
    assert "UTF-8" in error.problem


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder of templates"):
        environment(tmp_path / "absent")


def test_a_folder_without_effect_is_refused_and_told_the_names(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="takes the place") as caught:
        environment(_folder(tmp_path, overal="<p></p>"))
    assert "overall.html" in caught.value.allowed


def test_an_error_of_our_own_is_not_blamed_on_the_user(tmp_path: Path) -> None:
    made = environment(_folder(tmp_path, index="<p></p>"))
    with pytest.raises(Exception, match="undefined"):
        made.get_template("overall.html").render()


@pytest.mark.parametrize("name", ["index", "overall", "site"])
def test_every_section_of_a_page_is_a_block_of_its_name(
    released: Released, pages: dict[str, Element], tmp_path: Path, name: str
) -> None:
    page = "sites/south-yorkshire.html" if name == "site" else f"{name}.html"
    main = next(pages[page].iter("main"))
    keys = [e.attrib["id"] for e in main if e.tag == "section"]
    assert len(keys) >= 3
    blocks = "".join(f"{{% block {key.replace('-', '_')} %}}{{% endblock %}}" for key in keys)
    text = f'{{% extends "pilot-eval/{name}.html" %}}{blocks}'
    own = _draw(released, _folder(tmp_path, **{name: text}))[page]
    assert "<section" not in own
    assert "<h1" in own


def test_something_can_be_put_before_every_page_and_added_to_a_section(
    released: Released, tmp_path: Path
) -> None:
    text = (
        '{% extends "pilot-eval/site.html" %}{% block before_main %}North Office{% endblock %}'
        "{% block sure %}{{ super() }}Ask us.{% endblock %}"
    )
    own = _draw(released, _folder(tmp_path, site=text))["sites/south-yorkshire.html"]
    assert '<main id="main" tabindex="-1">\nNorth Office' in own
    assert own.index("How sure are you?") < own.index("Ask us.") < own.index("Compared with whom?")
