"""A database that outlives the processes that work with it."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from django.db import connections


@contextmanager
def database_in(path: Path) -> Iterator[None]:
    """Work with a copy of the test database that lies in a file; a server's is there for all as it is."""
    original = connections["default"]
    if original.vendor != "sqlite":
        yield
        return
    original.ensure_connection()
    with closing(sqlite3.connect(path)) as copy:
        original.connection.backup(copy)
    connections["default"] = original.copy()
    connections["default"].settings_dict["NAME"] = str(path)
    try:
        yield
    finally:
        connections["default"].close()
        connections["default"] = original
