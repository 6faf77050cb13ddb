"""Many new rows that differ in a few columns, by one prepared statement: bulk_create costs much more."""

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, models


def insert_like(
    example: models.Model,
    names: Sequence[str],
    rows: Iterable[tuple[Any, ...]],  # Any: column values
) -> None:
    """Insert rows like the example, which is not saved, but for the columns that are named."""
    values = {
        field.column: field.get_db_prep_save(field.pre_save(example, add=True), connection)
        for field in example._meta.concrete_fields
        if not field.primary_key and field.column not in names
    }
    columns = ", ".join(f'"{name}"' for name in (*values, *names))
    places = ", ".join(["%s"] * (len(values) + len(names)))
    sql = f"INSERT INTO {example._meta.db_table} ({columns}) VALUES ({places})"  # noqa: S608  # constants
    shared = tuple(values.values())
    with connection.cursor() as cursor:
        cursor.executemany(sql, [(*shared, *row) for row in rows])
