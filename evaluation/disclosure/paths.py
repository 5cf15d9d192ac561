"""Names of files without the folders of the machine that they were read on."""

from __future__ import annotations

import re

import polars as pl

from evaluation.manifest import Manifest
from evaluation.study import Study

__all__ = ["plain_ledger", "plain_manifest", "plain_study", "without_folders"]

# How an absolute path starts: at a root, a home folder, a drive or a server.
_ROOT = r"(?:~[/\\]|[A-Za-z]:[/\\]|[/\\])"
_QUOTED = re.compile(rf"""(["']){_ROOT}(?:[^"'\n]*[/\\])?([^"'/\\\n]+)\1""")
_BARE = re.compile(
    rf"""(?:(?<=^)|(?<=[\s"'(=:])){_ROOT}(?:[^\s"'/\\]+[/\\]+)+([^\s"'/\\]+)""", re.M
)
_WHOLE = re.compile(rf"{_ROOT}.*")


def without_folders(text: str) -> str:
    """Return ``text`` with every absolute path in it cut to the file's own name."""
    if _WHOLE.fullmatch(text):
        return re.split(r"[/\\]", text.rstrip("/\\"))[-1]
    return _BARE.sub(r"\1", _QUOTED.sub(r"\1\2\1", text))


def plain_study(study: Study) -> Study:
    """Return the study without absolute paths: in its text, its own path, its outcomes' files."""
    outcomes = tuple(
        outcome.model_copy(update={"files": tuple(without_folders(f) for f in outcome.files)})
        for outcome in study.outcomes
    )
    return study.model_copy(
        update={
            "outcomes": outcomes,
            "path": type(study.path)(study.path.name),
            "text": without_folders(study.text),
        }
    )


def plain_manifest(manifest: Manifest) -> Manifest:
    """Return the manifest without absolute paths."""
    values = manifest.to_json()
    inputs = [{**item, "path": without_folders(item["path"])} for item in values["inputs"]]
    return Manifest.from_json(
        {
            **values,
            "inputs": inputs,
            "study_path": re.split(r"[/\\]", manifest.study_path)[-1],
            "study_text": without_folders(manifest.study_text),
        }
    )


def plain_ledger(ledger: pl.DataFrame) -> pl.DataFrame:
    """Return the ledger without absolute paths."""
    texts = [name for name in ledger.columns if ledger.schema[name] == pl.String]
    return ledger.with_columns(pl.col(texts).map_elements(without_folders, return_dtype=pl.String))
