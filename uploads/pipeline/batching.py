"""Valid files into batches; a full batch leaves while the upload goes on.

No batch holds one series UID of two studies: Qure counts by that UID, and nobody could say whose images a
count leaves out.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby
from typing import Final

from django.db import transaction

from uploads import failpoints
from uploads.batches import FILLING, body_bytes, limit_of, make_batch, more_to_come, part_bytes
from uploads.dicom.findings import Use
from uploads.failpoints import Point
from uploads.models import File, Job, Series, take_turn
from uploads.qure.body import BODY_OVERHEAD
from uploads.states import FileStatus

BY: Final = "task:plan_batches"
USES: Final = list(Use)


def plan(job_id: int) -> list[int]:
    """Put the job's valid files into batches; answer the primary keys of the new ones.

    While files are still to come, only full batches are made; the rest waits for them, or for the upload
    to fall silent.
    """
    with transaction.atomic():
        job = take_turn(job_id)
        if job.status not in FILLING:
            return []
        limit = limit_of(job)
        piles = [list(_fill(files, limit)) for files in _apart(_waiting(job))]
        if piles and Job.objects.filter(more_to_come(), pk=job.pk).exists():
            piles = [_full(pile, limit) for pile in piles]
        made = [make_batch(job, files, BY).pk for files in chain.from_iterable(piles)]
        failpoints.reach(Point.PLAN_WRITING)
    failpoints.reach(Point.PLAN_WRITTEN)
    return made


def _waiting(job: Job) -> list[File]:
    """The useful series first, whole: what the AI can't use must not delay what it can."""
    files = File.objects.filter(job=job, status=FileStatus.VALID, batch=None)
    waiting = list(files.only("number", "size", "wrapper", "kind", "use", "series", "job"))
    best: dict[int | None, int] = {}
    for file in waiting:
        best[file.series_id] = min(_rank(file), best.get(file.series_id, len(USES)))
    return sorted(
        waiting,
        key=lambda file: (best[file.series_id], file.series_id or 0, _rank(file), file.number),
    )


def _rank(file: File) -> int:
    """How soon the file should go. What was checked before uses were known is known by its kind."""
    return USES.index(Use(file.use or file.kind or Use.OTHER))


def _apart(files: Sequence[File]) -> Iterable[list[File]]:
    """The files in their order, but what has the series UID of another study in a pile of its own."""
    rows = Series.objects.filter(pk__in={file.series_id for file in files})
    uids = dict(rows.values_list("pk", "series_uid"))
    piles: dict[int, list[File]] = defaultdict(list)
    times: Counter[str] = Counter()
    for series_id, group in groupby(files, key=lambda file: file.series_id):
        uid = uids.get(series_id, "")
        piles[times[uid]].extend(group)
        times[uid] += 1
    return piles.values()


def _full(batches: list[list[File]], limit: int) -> list[list[File]]:
    """All but the last, unless that is full too."""
    return batches if body_bytes(batches[-1]) >= limit else batches[:-1]


def _fill(files: Sequence[File], limit: int) -> Iterator[list[File]]:
    """Yield full batches and, last, what remains. A series that fits into one batch is not torn."""
    batch: list[File] = []
    size = BODY_OVERHEAD
    for _, group in groupby(files, key=lambda file: file.series_id):
        series = list(group)
        whole = sum(part_bytes(file) for file in series)
        if batch and size + whole > limit >= BODY_OVERHEAD + whole:
            yield batch
            batch, size = [], BODY_OVERHEAD
        for file in series:
            if batch and size + part_bytes(file) > limit:
                yield batch
                batch, size = [], BODY_OVERHEAD
            batch.append(file)
            size += part_bytes(file)
    if batch:
        yield batch
