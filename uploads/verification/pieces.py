"""Reading many rows a piece at a time."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final, TypeVar

from django.db.models import QuerySet

Violations = Iterator[str]
Row = TypeVar("Row")
PIECE: Final = 500  # rows


def keys(rows: QuerySet[Any]) -> Iterator[int]:  # Any: each model in turn
    """The primary keys of rows, in their order."""
    return rows.order_by("pk").values_list("pk", flat=True).iterator(PIECE)


def pieces(rows: Iterable[Row], size: int = PIECE) -> Iterator[list[Row]]:
    """Lists of at most ``size`` rows."""
    rest = iter(rows)
    while piece := list(islice(rest, size)):
        yield piece
