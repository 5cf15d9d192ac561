"""`pilot-eval sources`: what can be read, and how it must look."""

from __future__ import annotations

import json

import click

from evaluation.cli.options import as_json
from evaluation.errors import UsageError
from evaluation.sources import SOURCES, describe

__all__ = ["command"]


@click.command(
    name="sources",
    epilog="""\b
Examples:
  pilot-eval sources
  pilot-eval sources acute_discharge_sitrep
""",
)
@click.argument("key", required=False)
@as_json
def command(key: str | None, *, as_json: bool) -> None:
    """Say what can be read; with KEY, how that source must look."""
    if key is not None and key not in SOURCES:
        raise UsageError(f"{key!r} is not a source", allowed=", ".join(SOURCES))
    if as_json:
        chosen = SOURCES.values() if key is None else (SOURCES[key],)
        listed = [{"key": s.key, "title": s.title, "description": describe(s)} for s in chosen]
        click.echo(json.dumps(listed, indent=2, ensure_ascii=False))
    elif key is None:
        for source in SOURCES.values():
            click.echo(f"{source.key:<24}{source.title}")
        click.echo("\nMore on one: pilot-eval sources KEY")
    else:
        click.echo(describe(SOURCES[key]))
