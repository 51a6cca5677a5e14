"""The rows of a large report by columns, so that names and repeated values are written once."""

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

Column = list[Any] | dict[str, list[Any]]
"""Its values in order, or `values`, each once, and `at`, the place among them of each row's."""
Table = dict[str, Column]
"""Columns by name, of rows that follow each other and have the same names."""


def tables_of(rows: Sequence[dict[str, Any]]) -> list[Table]:
    """The rows as tables, in order; a column has whichever form is shorter."""
    found = ([*group] for _, group in groupby(rows, sorted))
    return [{name: _column([row[name] for row in group]) for name in sorted(group[0])} for group in found]


def rows_of(tables: Iterable[Table]) -> Iterator[dict[str, Any]]:
    """The rows that tables were made of, in order.

    Raises:
        ValueError: columns of different lengths.
        KeyError, IndexError, TypeError, AttributeError: something else that `tables_of` never makes.
    """
    for table in tables:
        for values in zip(*map(_values, table.values()), strict=True):
            yield dict(zip(table, values, strict=True))


def tables_text(tables: Iterable[Table]) -> str:
    """The tables as JSON, one line a column."""
    lines = (",\n  ".join(f"{_text(name)}: {_text(column)}" for name, column in table.items()) for table in tables)
    return "[" + ",".join(f"\n {{\n  {each}\n }}" for each in lines) + "]"


def _column(values: list[Any]) -> Column:
    places: dict[str, int] = {}  # by text: 1, 1.0 and true are one key of a dict
    at = [places.setdefault(_text(value), len(places)) for value in values]
    shared = {"values": [json.loads(text) for text in places], "at": at}
    return shared if len(_text(shared)) < len(_text(values)) else values


def _values(column: Column) -> list[Any]:
    return [column["values"][place] for place in column["at"]] if isinstance(column, dict) else column


def _text(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
