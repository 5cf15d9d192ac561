"""No folder of the machine that ran a study leaves with it."""

from __future__ import annotations

import pytest

from evaluation.disclosure.paths import without_folders


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("/srv/secret/outcomes.csv", "outcomes.csv"),
        ("/outcomes.csv", "outcomes.csv"),
        ("~/nurses/outcomes.csv", "outcomes.csv"),
        (r"C:\Users\nurse\outcomes.csv", "outcomes.csv"),
        (r"\\server\share\outcomes.csv", "outcomes.csv"),
        ('files = ["/srv/my data/a.csv", "b.csv"]', 'files = ["a.csv", "b.csv"]'),
        ("files = ['/srv/a.csv']", "files = ['a.csv']"),
        ("read from /srv/secret/a.csv, row 3", "read from a.csv, row 3"),
        ("data/outcomes.csv", "data/outcomes.csv"),
        ("beds and/or chairs, 2023/24", "beds and/or chairs, 2023/24"),
        ("https://example.org/a/b.csv", "https://example.org/a/b.csv"),
        ("", ""),
    ],
)
def test_absolute_paths_are_cut_to_the_name_and_nothing_else_is(text: str, left: str) -> None:
    assert without_folders(text) == left
