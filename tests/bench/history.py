"""The history of a team with many uploads: how long its pages take, in a process of its own.

The reader is in two teams, a large and a small one, which is harder for a database than one. SQLite lies in
memory (``TMPDIR``); ``BENCH_DATABASE_URL`` names another database, which must be empty.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import localdate, now

from tests.bench.portal import PROJECT
from tests.bench.table import Line, at_most
from tests.factories import make_team, make_user
from uploads.models import File, Job, Patient, Series, Team
from uploads.states import FileStatus, JobStatus

GOAL: Final = 200  # milliseconds
JOBS: Final = 100_000
QUICK_JOBS: Final = 60
SERIES_A_JOB: Final = 3
FILES_A_SERIES: Final = 7
UPLOADERS: Final = 40
AT_ONCE: Final = 5000  # rows
TIMES: Final = 5
QUICK_TIMES: Final = 1
CHILD: Final = "import django; django.setup(); from tests.bench.history import main; main()"
NAMES: Final = ("DOE^JANE", "ROE^JOHN", "MÜLLER^JÖRG", "NGUYEN^VAN", "SMITH^ANN", "山田^太郎", "O'BRIEN^PAT")
# The state of every so-manyth upload; of the rest Qure has accepted everything.
STATES: Final = {7: JobStatus.ATTENTION, 31: JobStatus.CANCELLED, 3001: JobStatus.UPLOADING}

Request = Callable[[], object]
Measured = tuple[float, float, int]  # milliseconds, those of this process's CPU, queries


def history_lines(folder: Path, is_quick: bool) -> list[Line]:
    """Fill a database with uploads, look at the history in every way, and tell how long each took."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.bench.settings", "TMPDIR": str(folder)}
    sizes = (QUICK_JOBS, QUICK_TIMES) if is_quick else (JOBS, TIMES)
    command = [sys.executable, "-c", CHILD, *map(str, sizes)]
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    found: dict[str, Measured] = json.loads(done.stdout)
    return [
        at_most(GOAL, "history", f"{what}, ms", wall, f"{wall:.0f} ({processor:.0f} CPU, {queries} queries)")
        for what, (wall, processor, queries) in found.items()
    ]


def main() -> None:
    """Fill, look, and print what was found."""
    job_count, times = map(int, sys.argv[1:])
    call_command("migrate", verbosity=0)
    reader = _fill(job_count)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    client = Client(headers={"Host": urlsplit(settings.PUBLIC_URL).netloc})
    client.force_login(reader)
    found = {what: _measured(request, times) for what, request in _requests(client)}
    sys.stdout.write(json.dumps(found))


def _fill(job_count: int) -> User:
    teams = [make_team(name="Radiology"), make_team(name="Emergency")]
    people = [make_user(*teams, username=f"clinician{number}") for number in range(UPLOADERS)]
    for start in range(0, job_count, AT_ONCE):
        numbers = range(start, min(start + AT_ONCE, job_count))
        jobs = Job.objects.bulk_create(_job(number, teams, people) for number in numbers)
        Patient.objects.bulk_create(_patient(job, number) for job, number in zip(jobs, numbers, strict=True))
        Series.objects.bulk_create(
            _series(job, number, place)
            for job, number in zip(jobs, numbers, strict=True)
            for place in range(SERIES_A_JOB)
        )
    _fill_files()
    return people[0]


def _job(number: int, teams: list[Team], people: list[User]) -> Job:
    status = next((status for step, status in STATES.items() if number % step == step - 1), None)
    return Job(
        team=teams[number % 5 == 4],
        created_by=people[number * 7 % UPLOADERS],
        created_at=now() - timedelta(minutes=13 * number),
        last_arrival_at=now() - timedelta(minutes=13 * number),
        status=status or JobStatus.ACCEPTED,
        file_count=SERIES_A_JOB * FILES_A_SERIES + number % 90,
        is_stat=number % 25 == 0,
        note=f"ward {number % 300}, second look" if number % 4 == 0 else "",
    )


def _patient(job: Job, number: int) -> Patient:
    text = f"P{number:07d}"
    return Patient(
        job=job, patient_id=text, name=f"{NAMES[number % len(NAMES)]}{number % 1000}", match_key=text
    )


def _series(job: Job, number: int, place: int) -> Series:
    return Series(
        job=job,
        study_uid=f"1.2.826.0.1.3680043.8.498.{number}",
        series_uid=f"1.2.826.0.1.3680043.8.498.{number}.{place}",
        modality=("CT", "CT", "SR")[place] if number % 3 else "DX",
        accession_number=f"A{number:07d}",
    )


def _fill_files() -> None:
    """Files of every series, by the database itself: there are millions."""
    required = [field for field in File._meta.concrete_fields if not field.null and not field.primary_key]
    values = {str(field.column): "''" for field in required} | {
        "job_id": "series.job_id",
        "series_id": "series.id",
        "patient_id": "patient.id",
        "number": f"series.id * {FILES_A_SERIES} + numbers.number",
        "path_digest": "CAST(series.id AS varchar) || '-' || CAST(numbers.number AS varchar)",
        "sop_uid": "series.series_uid || '.' || CAST(numbers.number AS varchar)",
        "size": "500000",
        "status": f"'{FileStatus.ACCEPTED}'",
        "is_left_out": "%s",
    }
    numbers = " UNION ALL ".join(f"SELECT {number} AS number" for number in range(FILES_A_SERIES))
    columns = ", ".join(f'"{column}"' for column in values)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO uploads_file ({columns}) SELECT {', '.join(values.values())} "
            "FROM uploads_series series JOIN uploads_patient patient ON patient.job_id = series.job_id "
            f"CROSS JOIN ({numbers}) numbers",
            [False],
        )


def _requests(client: Client) -> Iterator[tuple[str, Request]]:
    """Every way to look at the history, by its name."""
    address = reverse("job-list")

    def page(**values: Any) -> Request:  # Any: what an address takes
        return lambda: _whole(client.get(address, values))

    def searched(text: str, **values: object) -> Request:
        fields = {"search": text, **values}
        return lambda: _whole(client.post(reverse("job-search"), fields, follow=True))

    jobs = Job.objects.order_by("-created_at")
    middle = jobs[jobs.count() // 2]
    series = middle.series.order_by("pk")[0]
    since, until = localdate() - timedelta(days=90), localdate() - timedelta(days=60)
    yield "first page", page()
    for status in (JobStatus.ATTENTION, JobStatus.UPLOADING, JobStatus.ACCEPTED):
        yield f"state {status.value}", page(status=status)
    yield "a month", page(since=since, until=until)
    yield "modality DX", page(modality="DX")
    yield "modality SR", page(modality="SR")
    yield "uploader", page(uploader=middle.created_by_id)
    yield "STAT", page(stat=1)
    yield "state, modality, STAT", page(status=JobStatus.ATTENTION, modality="CT", stat=1)
    for sort in ("date", "status", "-status", "by", "-by", "files", "-files"):
        yield f"order {sort}", page(sort=sort)
    yield "page 1,000", page(page=1000)
    yield "page 1,000, order by", page(page=1000, sort="by")
    yield "page 1,000, order files", page(page=1000, sort="files")
    for what, text in {
        "part of a patient's name": "müller5",
        "two parts of names": "roe john",
        "a name that nobody has": "nobody-has-it",
        "patient ID": middle.patients.get().patient_id,
        "accession number": series.accession_number,
        "study UID": series.study_uid,
        "instance UID": f"{series.series_uid}.3",
        "uploader": "clinician7",
        "note": "ward 17",
        "reference": str(middle.key),
    }.items():
        yield f"search {what}", searched(text)
    yield "search a name, state, order", searched("doe", status="attention", sort="by")
    yield "CSV, first piece", lambda: next(iter(client.get(reverse("job-list-csv"))))
    keys = [("job", str(key)) for key in jobs.values_list("key", flat=True)[:50]]
    yield "live rows", lambda: _whole(client.get(reverse("job-list-rows"), {"job": [key for _, key in keys]}))
    yield "live unfinished", lambda: _whole(client.get(reverse("unfinished-jobs")))
    yield "an upload's page", lambda: _whole(client.get(reverse("job", args=[middle.key])))
    yield "an upload's live part", lambda: _whole(client.get(reverse("job-progress", args=[middle.key])))


def _whole(response: Any) -> None:  # Any: Django's test response
    assert response.status_code == 200, response.content


def _measured(request: Request, times: int) -> Measured:
    """The median of some requests after a first."""
    with CaptureQueriesContext(connection) as captured:
        request()
        queries = len(captured)
    walls, processors = zip(*(_timed(request) for _ in range(times)), strict=True)
    return statistics.median(walls), statistics.median(processors), queries


def _timed(request: Request) -> tuple[float, float]:
    wall, processor = time.perf_counter(), time.process_time()
    request()
    return (time.perf_counter() - wall) * 1000, (time.process_time() - processor) * 1000
