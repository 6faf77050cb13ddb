"""``manage.py verify``: do the invariants hold?"""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import urlopen

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import Error

from uploads.storage import STORAGE_TROUBLE
from uploads.verification import CHECKS, CHECKS_OF_THE_RECEIVER
from uploads.verification.receiver import Instance

NOT_KNOWN: Final = 2  # exit status: not all could be asked


class Command(BaseCommand):
    """Ask the database and the storage; with ``--sandbox`` ask the receivers too.

    Exits 1 on a violation, 2 if not all could be asked.
    """

    help = "Check what must hold after any accident."

    def add_arguments(self, parser: CommandParser) -> None:
        """The receivers, where they are our sandboxes."""
        parser.add_argument(
            "--sandbox",
            action="append",
            default=[],
            help="base URL of a sandbox; those that are named have received everything",
        )

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        """Print each violation; fail if there is one, and differently if not all could be asked."""
        violations: list[str] = []
        try:
            passed = _check_all(violations, options["sandbox"])
            trouble = ""
        except STORAGE_TROUBLE:
            trouble = "The staging storage can't be read now"
        except Error:
            trouble = "The database can't be asked now"
        for sentence in violations:
            self.stdout.write(sentence)
        if trouble:
            raise CommandError(f"{trouble}: verify again when it can.", returncode=NOT_KNOWN)
        if violations:
            raise CommandError(f"{len(violations)} violations")
        self.stdout.write(f"{passed} checks passed")


def _check_all(violations: list[str], sandboxes: Sequence[str]) -> int:
    """Add what is wrong, as far as all can be asked; answer how many checks there were."""
    for check in CHECKS:
        violations.extend(check())
    if not sandboxes:
        return len(CHECKS)
    received = sum((_received(url) for url in sandboxes), Counter())
    for check_receiver in CHECKS_OF_THE_RECEIVER:
        violations.extend(check_receiver(received))
    return len(CHECKS) + len(CHECKS_OF_THE_RECEIVER)


def _received(base_url: str) -> Counter[Instance]:
    """How often each instance came to the sandbox, by SOP instance UID and SHA-256."""
    parts = urlsplit(base_url)
    if parts.scheme != "http" or parts.hostname not in ("127.0.0.1", "localhost"):
        raise CommandError("The sandbox is asked on this machine only.")
    url = f"{base_url.rstrip('/')}/_sandbox/instances"
    try:
        with urlopen(url) as answer:  # noqa: S310  # checked above
            return Counter({(row["sop_uid"], row["sha256"]): row["received"] for row in json.load(answer)})
    except OSError:
        raise CommandError("The sandbox does not answer.") from None
