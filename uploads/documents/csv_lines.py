"""Tables for spreadsheets: streamed, in English, readable as UTF-8, and without a cell that runs."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Final

from django.utils.translation import override

from uploads.languages import ENGLISH

# A spreadsheet takes a cell that begins with one of these for a formula (OWASP: CSV injection).
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # noqa: RUF001  # full-width forms
BYTE_ORDER_MARK: Final = "\ufeff"  # without it a spreadsheet does not read UTF-8
LINES_AT_ONCE: Final = 500


def csv_lines(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """The table with its head, some hundred lines at a time."""
    buffer = io.StringIO(BYTE_ORDER_MARK)
    buffer.seek(0, io.SEEK_END)
    writer = csv.DictWriter(buffer, columns, restval="")
    writer.writeheader()
    remaining = iter(rows)
    while chunk := _in_english(remaining):
        writer.writerows(chunk)
        yield _taken(buffer)
    yield _taken(buffer)


def _in_english(rows: Iterator[Mapping[str, object]]) -> list[dict[str, object]]:
    """The next lines. Programs read tables: their columns and words follow nobody's language."""
    with override(ENGLISH):
        return [
            {column: safe_cell(value) for column, value in row.items()} for row in islice(rows, LINES_AT_ONCE)
        ]


def safe_cell(value: object) -> object:
    """A value that a spreadsheet shows and does not run."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
