"""Record-level hospital data: from episodes to emergency admissions of care home residents.

Every step is written once, in narwhals, and runs lazily on a polars LazyFrame (the default,
streaming), a DuckDB relation or a Spark DataFrame, so that it can go where the records may not
leave. Read top to bottom: :mod:`~evaluation.records.layouts` (which column is what),
:mod:`~evaluation.records.cleaning` (what is odd in HES),
:mod:`~evaluation.records.spells`, :mod:`~evaluation.records.residents`,
:mod:`~evaluation.records.places`; :mod:`~evaluation.records.query`, which puts them in order,
:mod:`~evaluation.records.by_person`, which runs it in little memory on polars, and
:mod:`~evaluation.records.build`, from records to panel.
"""

from __future__ import annotations
