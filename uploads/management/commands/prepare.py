"""``manage.py prepare``: everything between a new version and its first request."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, cast

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.files.storage import default_storage
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, connection

from uploads.storage import Staging

COLLECTED: Final = "collected.txt"  # in STATIC_ROOT: what lies there was made from these files
DAMAGED: Final = (
    "SQLITE_NOTADB",
    "SQLITE_CORRUPT",
)  # how SQLite calls a file that is none of its own any more


class Command(BaseCommand):
    """Safe to run at every start."""

    help = "Migrate, make what staging needs, collect static files, and make or update the destination."

    def add_arguments(self, parser: CommandParser) -> None:
        """Offer the demo."""
        parser.add_argument(
            "--demo", action="store_true", help="make a demo team and users with random passwords"
        )
        parser.add_argument("--no-static", action="store_true", help="static files are in place already")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        """Run each step."""
        settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
        with a_database_that_can_be_used():
            call_command("migrate", verbosity=0, interactive=False)
            call_command("createcachetable", verbosity=0)
            cast(Staging, default_storage).make_ready()
            if not options["no_static"]:
                collect_static()
            call_command("bootstrap", demo=options["demo"])


@contextmanager
def a_database_that_can_be_used() -> Iterator[None]:
    """Say in a sentence that it can't be opened, or is damaged. Other faults are the program's own."""
    try:
        yield
    except DatabaseError as e:
        name, said = connection.settings_dict["NAME"], " ".join(str(e).split())
        if getattr(e.__cause__, "sqlite_errorname", "").startswith(DAMAGED):
            raise CommandError(
                f"The database {name} is damaged: {said}. "
                "Put a backup in its place, or move it away to begin anew."
            ) from e
        if connection.connection is None:
            raise CommandError(f"The database can't be opened: {said}. See to it, or to DATABASE_URL.") from e
        raise


def collect_static() -> None:
    """Collect static files, unless they are those that were collected before: hashing them takes seconds."""
    kept, found = Path(settings.STATIC_ROOT) / COLLECTED, _fingerprint()
    if kept.exists() and kept.read_text(encoding="ascii") == found:
        return
    kept.unlink(missing_ok=True)
    call_command("collectstatic", verbosity=0, interactive=False)
    kept.write_text(found, encoding="ascii")


def _fingerprint() -> str:
    """A digest over the path and content of every static file, wherever it lies."""
    found = [(path, storage) for finder in get_finders() for path, storage in finder.list([])]
    digest = hashlib.sha256()
    for path, storage in sorted(found, key=itemgetter(0)):
        content = Path(storage.path(path)).read_bytes()
        digest.update(f"{path}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()
