"""A process that dies or freezes in the middle of a transaction, where the database is a server."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.parts.postgres import running_postgres
from tests.portals import state_of, wait_until

IDLE_SECONDS = 2
LOCK = 4711
# A worker that is stopped between two statements, as by a machine that sleeps or a line that is cut.
WORKER = f"""
import os, signal, django
django.setup()
from django.db import connection, transaction
with transaction.atomic(), connection.cursor() as cursor:
    cursor.execute("SELECT pg_advisory_xact_lock({LOCK})")
    os.kill(os.getpid(), signal.SIGSTOP)
"""


@pytest.fixture
def database() -> Iterator[str]:
    """The URL of a server's database."""
    with tempfile.TemporaryDirectory(prefix="portal-postgres-") as folder:
        Path(folder).chmod(0o755)
        with running_postgres(Path(folder)) as url:
            yield url


@pytest.fixture
def frozen_worker(database: str) -> Iterator[int]:
    """A process that holds a lock and stands still."""
    settings = {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "TESTS_ON_PARTS": "1",
        "DATABASE_URL": database,
        "DATABASE_IDLE_SECONDS": str(IDLE_SECONDS),
    }
    worker = subprocess.Popen([sys.executable, "-c", WORKER], env={**os.environ, **settings})
    try:
        wait_until(lambda: state_of(worker.pid) in "TZ")
        yield worker.pid
    finally:
        worker.kill()
        worker.wait()


def test_a_worker_that_freezes_in_a_transaction_keeps_nobody_waiting_for_its_locks_for_good(
    database: str, frozen_worker: int
) -> None:
    with psycopg.connect(database, autocommit=True) as other:
        other.execute("SET statement_timeout = '30s'")
        other.execute(f"SELECT pg_advisory_lock({LOCK})")

    assert state_of(frozen_worker) == "T"
