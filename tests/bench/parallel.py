"""P7: batches that are sent several at a time beside one at a time, to a receiver that answers late.

In a process of its own with a database: what a batch costs in claims and verdicts is part of it.
"""

import json
import os
import pickle
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from django.core.management import call_command
from pydicom import dcmread

from tests.bench.drain import LATE_SECONDS, Drain
from tests.bench.pairs import Figure, compare, timed
from tests.bench.portal import PROJECT
from tests.bench.relaying import TOKEN, Place, batches_of, staged_in
from tests.bench.studies import PackedParcel, Study
from tests.bench.table import Line, at_least
from tests.factories import make_batch, make_destination, make_job, make_series, make_team
from uploads.models import Batch, File, Job, Parcel, Series, Team
from uploads.pipeline import relay
from uploads.states import BatchStatus, FileStatus

GOAL: Final = 2.7
LANES: Final = 4  # of the relay worker: portal.processes
CHILD: Final = "import django; django.setup(); from tests.bench.parallel import main; main()"


def parallel_line(study: Study, folder: Path, drain: Drain, pair_count: int) -> Line:
    """One batch after the other / four at a time."""
    folder.mkdir()
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.bench.settings", "TMPDIR": str(folder)}
    (folder / "study").write_bytes(pickle.dumps(study))
    command = [sys.executable, "-c", CHILD, str(folder / "study"), drain.late_url, str(pair_count)]
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    figure = Figure(*json.loads(done.stdout))
    what = f"one at a time / {LANES}, {LATE_SECONDS * 1000:.0f} ms delay, {study.name}"
    return at_least(GOAL, "P7", what, figure.median, str(figure))


def main() -> None:
    """Measure, and print what was found."""
    name, url, pair_count = sys.argv[1:]
    study: Study = pickle.loads(Path(name).read_bytes())
    call_command("migrate", verbosity=0)
    team = make_team(destination=make_destination(base_url=url, token=TOKEN))
    series = {file.number: _series_of(file.path) for file in study.files}
    with staged_in(study.parcels[0].path.parent), ThreadPoolExecutor(LANES) as lanes:

        def send(at_once: int) -> float:
            batches = _stage(study, team, series)
            took = _send(lanes, len(batches), at_once)
            assert not Batch.objects.exclude(status=BatchStatus.ACCEPTED).exists()
            return took

        figure = compare(partial(send, 1), partial(send, LANES), int(pair_count))
    sys.stdout.write(json.dumps([figure.median, figure.least, figure.greatest]))


@timed
def _send(lanes: ThreadPoolExecutor, count: int, at_once: int) -> None:
    for start in range(0, count, at_once):
        sent = [
            lanes.submit(relay.send_next, stat_only=False) for _ in range(start, min(start + at_once, count))
        ]
        assert all(one.result() for one in sent)


def _series_of(path: Path) -> str:
    return str(dcmread(path, stop_before_pixels=True).SeriesInstanceUID)


def _stage(study: Study, team: Team, series_uids: dict[int, str]) -> list[Batch]:
    """A new job whose batches are due."""
    job = make_job(team)
    series = {uid: make_series(job, series_uid=uid) for uid in sorted(set(series_uids.values()))}
    parcels = {parcel.path: _parcel(job, parcel) for parcel in study.parcels}
    batches = []
    for places in batches_of(study):
        rows = [_file(job, place, parcels, series[series_uids[place[1].number]]) for place in places]
        batches.append(make_batch(job, *File.objects.bulk_create(rows)))
    return batches


def _parcel(job: Job, parcel: PackedParcel) -> Parcel:
    layout = [[file.number, 0, file.offset, file.size, "", file.seal] for file in parcel.files]
    return Parcel.objects.create(
        job=job,
        key=uuid.uuid4(),
        object_name=parcel.path.name,
        size=parcel.size,
        digest=parcel.digest,
        layout=layout,
    )


def _file(job: Job, place: Place, parcels: dict[Path, Parcel], series: Series) -> File:
    parcel, file = place
    return File(
        job=job,
        number=file.number,
        path=file.path.name,
        path_digest=f"{file.number:064d}",
        size=file.size,
        status=FileStatus.VALID,
        parcel=parcels[parcel.path],
        series=series,
        sop_uid=f"1.2.3.{file.number}",
        wire_seal=file.seal,
    )
