"""``manage.py send_sample``: one generated study through the whole path, and what Qure said to it."""

import io
import json
import time
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from uploads.dicom.phantom import phantom_study
from uploads.models import File, Job, Source, token_digest
from uploads.qure.account import Account
from uploads.qure.body import Part
from uploads.qure.client import Client
from uploads.qure.errors import QureFault
from uploads.states import FileStatus

SERIES: Final = 2
INSTANCES: Final = 20
EDGE: Final = 256  # pixels


class Command(BaseCommand):
    """Post a phantom to the portal's own scripts' door, once, and wait until Qure has accepted it."""

    help = "Send the sample study, unless it was sent before, and wait for Qure's receipt."

    def add_arguments(self, parser: CommandParser) -> None:
        """Where the token is, and how long to wait."""
        parser.add_argument("--credentials", type=Path, default=settings.DATA_DIR / "demo-credentials.json")
        parser.add_argument("--seconds", type=float, default=60)

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        """Send, wait, and print one line."""
        credentials = _read(options["credentials"])
        token = credentials["api_token"]
        if not _sample(token).exists():
            _post(credentials["url"], token)
        job = _wait(token, options["seconds"])
        accepted = File.objects.filter(job=job, status=FileStatus.ACCEPTED)
        series = accepted.values("series").distinct().count()
        self.stdout.write(f"sample study: {series} series, {accepted.count()} instances accepted by Qure")
        if not accepted.exists():
            raise CommandError(f"The sample study rests as: {job.get_status_display()}.")


def _read(path: Path) -> dict[str, Any]:  # Any: decoded JSON
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise CommandError(f"There is no {path}: run `manage.py bootstrap --demo` first.") from None


def _sample(token: str) -> Any:  # Any: a queryset
    """The first upload of the demo's script."""
    sender = {"created_by__api_tokens__digest": token_digest(token), "source": Source.SCRIPT}
    return Job.objects.filter(**sender).order_by("pk")


def _post(url: str, token: str) -> None:
    contents = [file.content for file in phantom_study(SERIES, INSTANCES, EDGE, EDGE)]
    parts = [
        Part(f"{number:06d}.dcm", len(content), partial(_reader, content))
        for number, content in enumerate(contents)
    ]
    try:
        with Client(Account(base_url=url, token=token)) as client:
            client.send(parts)
    except QureFault as e:
        raise CommandError(f"The portal did not take the sample study: {e}") from None


def _reader(content: bytes) -> BinaryIO:
    return io.BytesIO(content)


def _wait(token: str, seconds: float) -> Job:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        job = _sample(token).first()
        if job is not None and job.is_at_rest:
            return job  # type: ignore[no-any-return]  # a Job
        time.sleep(0.1)
    raise CommandError("The sample study is still on its way; see its page.")
