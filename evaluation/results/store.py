"""A run on disk: written whole or not at all, and read back."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import polars as pl

from evaluation.errors import SourceError, UsageError
from evaluation.manifest import Manifest
from evaluation.results import tables
from evaluation.results.result import Result
from evaluation.study import parse_study

__all__ = [
    "load",
    "load_manifest",
    "load_tables",
    "note",
    "replaced",
    "staged",
    "write",
    "write_note",
    "write_table",
]

_RESTRICTED = "restricted"
_MANIFEST = "manifest.json"
# mkdtemp makes folders that only their owner may enter; a run is shared as its parent is.
_FOLDER_MODE = 0o755

_SCHEMAS = {
    "estimates": tables.ESTIMATE_SCHEMA,
    "event_study": tables.EVENT_STUDY_SCHEMA,
    "checks": tables.CHECK_SCHEMA,
    "ledger": tables.LEDGER_SCHEMA,
}


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """Yield a temporary folder that takes the place of the run ``out`` when the block ends well.

    Raises
    ------
    UsageError
        When ``out`` is a file, or a folder that holds something other than a run.
    """
    _refuse_to_overwrite(out)
    with replaced(out) as folder:
        yield folder


@contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """Yield a temporary folder that takes the place of ``folder`` when the block ends well.

    A block that raises leaves what stood there before. A process that is killed between the two
    renames leaves the former folder beside it under ``.<name>.before``; the next call puts it back.
    """
    folder = folder.resolve()
    former = folder.with_name(f".{folder.name}.before")
    _put_back(former, folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(mkdtemp(prefix=f".{folder.name}.", suffix=".partial", dir=folder.parent))
    fresh.chmod(_FOLDER_MODE)
    try:
        yield fresh
        if folder.exists():
            folder.rename(former)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        _put_back(former, folder)
        shutil.rmtree(former, ignore_errors=True)


def _put_back(former: Path, folder: Path) -> None:
    if former.exists() and not folder.exists():
        former.rename(folder)


def _refuse_to_overwrite(out: Path) -> None:
    if not out.exists():
        return
    is_run = (out / _RESTRICTED / _MANIFEST).is_file()
    if not out.is_dir() or (any(out.iterdir()) and not is_run):
        raise UsageError(
            "is there already and is not the result of a run, so it is not overwritten",
            place=str(out),
            allowed="a folder that is empty, absent, or holds an earlier run",
            remedy="Name another folder with --out.",
        )


def write(result: Result, folder: Path) -> None:
    """Write the tables of ``restricted/`` below ``folder``."""
    restricted = folder / _RESTRICTED
    restricted.mkdir(parents=True)
    for name, table in tables.result_tables(result).items():
        if name in _SCHEMAS:
            table.write_csv(restricted / f"{name}.csv")
        else:
            table.write_parquet(restricted / f"{name}.parquet")
    text = json.dumps(result.manifest.to_json(), indent=2, ensure_ascii=False, sort_keys=True)
    (restricted / _MANIFEST).write_text(text + "\n", encoding="utf-8")


def write_table(table: pl.DataFrame, folder: Path, name: str) -> None:
    """Write one more table to ``restricted/`` of a run, in one step: ``name`` without its ending.

    It is not part of what a rerun compares.
    """
    text = table.write_csv()
    _put(folder / _RESTRICTED / f"{name}.csv", text)


def write_note(values: Mapping[str, str], folder: Path, name: str) -> None:
    """Write a few texts as ``restricted/<name>.json`` of a run, in one step."""
    text = json.dumps(dict(values), indent=2, ensure_ascii=False, sort_keys=True)
    _put(folder / _RESTRICTED / f"{name}.json", f"{text}\n")


def note(folder: Path, name: str) -> dict[str, str]:
    """Return what :func:`write_note` wrote; nothing where that is absent or damaged."""
    try:
        found = json.loads((folder / _RESTRICTED / f"{name}.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return {str(k): str(v) for k, v in found.items()} if isinstance(found, dict) else {}


def _put(path: Path, text: str) -> None:
    """Write a file beside its place and move it there, so that it is whole or not at all."""
    fresh = path.with_name(f".{path.name}.partial")
    fresh.write_text(text, encoding="utf-8", newline="\n")
    fresh.replace(path)


def load_tables(folder: Path) -> dict[str, pl.DataFrame]:
    """Read the tables of a stored run, by name, just as they were written.

    Raises
    ------
    SourceError
        When a file of the run is absent or damaged.
    """
    restricted = folder / _RESTRICTED
    found = {name: _read(restricted / f"{name}.csv", kind) for name, kind in _SCHEMAS.items()}
    return {**found, "panel": _read_panel(restricted / "panel.parquet")}


def load_manifest(folder: Path) -> Manifest:
    """Read what a stored run was made from.

    Raises
    ------
    UsageError
        When ``folder`` holds no run.
    SourceError
        When the manifest is damaged.
    """
    return _read_manifest(folder / _RESTRICTED / _MANIFEST)


def load(folder: Path) -> Result:
    """Read a stored run.

    Raises
    ------
    UsageError
        When ``folder`` holds no run.
    SourceError
        When a file of the run is absent or damaged.
    """
    stored = load_manifest(folder)
    study = parse_study(stored.study_text, stored.study_file)
    level = study.analysis.level
    found = load_tables(folder)
    return Result(
        study=study,
        estimates=tables.estimates_from(found["estimates"], level=level),
        event_study=tables.estimates_from(found["event_study"], level=level),
        checks=tables.checks_from(found["checks"]),
        panel=found["panel"],
        ledger=found["ledger"],
        manifest=stored,
    )


def _read_manifest(path: Path) -> Manifest:
    if not path.is_file():
        raise UsageError(
            "there is no run here: restricted/manifest.json is absent",
            place=str(path.parent.parent),
            remedy="Name the folder that `pilot-eval estimate --out` wrote.",
        )
    try:
        return Manifest.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(path, error) from error


def _read(path: Path, schema: dict[str, type[pl.DataType]]) -> pl.DataFrame:
    try:
        return pl.read_csv(path, schema=schema)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _damaged(path, error) from error


def _read_panel(path: Path) -> pl.DataFrame:
    try:
        return pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> SourceError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return SourceError(
        f"cannot be read as part of a stored run ({reason})",
        place=str(path),
        remedy="Run `pilot-eval estimate` again.",
    )
