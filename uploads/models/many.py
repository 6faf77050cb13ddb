"""Changes of many rows at once, outside anybody's turn."""

from typing import Any

from django.db.models import QuerySet


def update_each(rows: QuerySet[Any], **values: Any) -> None:  # Any: each model in turn, column values
    """Update rows one by one, in the order of their keys.

    One UPDATE locks its rows in the order in which PostgreSQL finds them, and so might stand against a
    transaction that holds one of them and waits for another.
    """
    for pk in list(rows.order_by("pk").values_list("pk", flat=True)):
        rows.filter(pk=pk).update(**values)
