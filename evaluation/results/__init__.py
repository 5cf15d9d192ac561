"""The result of a run: its type, its store on disk, and its comparison with a rerun."""

from evaluation.results.comparison import Comparison, compare
from evaluation.results.result import Result
from evaluation.results.store import (
    load,
    load_manifest,
    load_tables,
    note,
    replaced,
    staged,
    write,
    write_note,
    write_table,
)
from evaluation.results.tables import result_tables

__all__ = [
    "Comparison",
    "Result",
    "compare",
    "load",
    "load_manifest",
    "load_tables",
    "note",
    "replaced",
    "result_tables",
    "staged",
    "write",
    "write_note",
    "write_table",
]
