"""P11: parcels into an S3 server, beside boto3 by itself, and beside django-storages with a file each."""

import tempfile
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import boto3
from django.core.files.base import File
from storages.backends.s3 import S3Storage

from tests.bench.pairs import compare, timed
from tests.bench.studies import Study
from tests.bench.table import Line, at_least
from tests.parts.s3 import BUCKET, KEY, SECRET, running_bucket
from uploads.bucket import StagingBucket

GOAL: Final = 0.95
SINGLY_GOAL: Final = 5.0
REGION: Final = "us-east-1"
PARCELS: Final = 4  # of a study at most; the store is slow


def object_store_lines(studies: Sequence[Study], folder: Path, pair_count: int) -> Iterator[Line]:
    """Each study's largest parcels into SeaweedFS, which lies in the folder."""
    folder.mkdir()
    with running_bucket(folder) as endpoint, _spools_in(folder):
        options = {"bucket_name": BUCKET, "endpoint_url": endpoint, "region_name": REGION}
        keys = {"access_key": KEY, "secret_key": SECRET}
        staging, plain = StagingBucket(**options, **keys), S3Storage(**options, **keys)
        client = boto3.client(
            "s3",
            endpoint_url=endpoint,
            aws_access_key_id=KEY,
            aws_secret_access_key=SECRET,
            region_name=REGION,
        )
        for study in studies:
            parcels = sorted(study.parcels, key=lambda parcel: -parcel.size)[:PARCELS]
            paths = [parcel.path for parcel in parcels]
            figure = compare(partial(_put, client, paths), partial(_save, staging, paths), pair_count)
            what = f"boto3 put_object / staging, {study.name}"
            yield at_least(GOAL, "P11", what, figure.median, str(figure))
            if study.name == "MR":
                files = [file.path for file in parcels[0].files]
                singly = partial(_save, plain, files)
                ratio = compare(singly, partial(_save, staging, paths[:1]), pair_count)
                what = f"S3Storage.save a file / staging, {study.name}"
                yield at_least(SINGLY_GOAL, "P11", what, ratio.median, str(ratio))


@contextmanager
def _spools_in(folder: Path) -> Iterator[None]:
    """Let temporary files lie there, not on a disk."""
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


@timed
def _put(client: Any, paths: Sequence[Path]) -> None:  # Any: boto3 is untyped
    for path in paths:
        with path.open("rb") as stream:
            client.put_object(Bucket=BUCKET, Key=uuid.uuid4().hex, Body=stream)


@timed
def _save(storage: S3Storage, paths: Sequence[Path]) -> None:
    for path in paths:
        with path.open("rb") as stream:
            storage.save(uuid.uuid4().hex, File(stream))
