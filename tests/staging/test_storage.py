"""Staging storage: an object appears whole or not at all, on the disk and in a real S3 server."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.files.base import ContentFile, File

from uploads.bucket import StagingBucket
from uploads.storage import StagingFiles


class FailingContent(ContentFile):  # type: ignore[type-arg]  # bytes
    """A writer that fails after its first chunk."""

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        yield b"first"
        raise RuntimeError("the connection broke")


def objects_in(bucket: StagingBucket) -> set[str]:
    return {item.key for item in bucket.bucket.objects.all()}


def test_an_object_on_the_disk_is_read_back_as_it_was_saved(tmp_path: Path) -> None:
    storage = StagingFiles(location=tmp_path)
    content = os.urandom(3 * 1024 * 1024)

    name = storage.save("job/parcel", ContentFile(content))

    with storage.open(name) as stored:
        assert stored.read() == content
    assert [path.name for path in (tmp_path / "job").iterdir()] == ["parcel"]


def test_a_writer_that_fails_leaves_nothing_on_the_disk(tmp_path: Path) -> None:
    storage = StagingFiles(location=tmp_path)

    with pytest.raises(RuntimeError):
        storage.save("job/parcel", FailingContent(b""))

    assert list((tmp_path / "job").iterdir()) == []


def test_a_full_disk_leaves_nothing_under_the_final_name(tmp_path: Path) -> None:
    storage = StagingFiles(location=tmp_path)
    script = (
        "import resource, signal; import django; django.setup();"
        "from uploads.storage import StagingFiles; from django.core.files.base import ContentFile;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000));"
        f"StagingFiles(location={str(tmp_path)!r}).save('job/parcel', ContentFile(b'x' * 5000))"
    )

    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, check=False)

    assert b"OSError" in ended.stderr
    assert not storage.exists("job/parcel")
    assert list((tmp_path / "job").iterdir()) == []


def test_an_object_in_a_bucket_is_read_back_as_it_was_saved(bucket: StagingBucket) -> None:
    content = os.urandom(9 * 1024 * 1024)

    name = bucket.save("job/parcel", ContentFile(content))

    with bucket.open(name) as stored:
        assert stored.read() == content
    assert bucket.size(name) == len(content)


def test_a_writer_that_fails_leaves_nothing_in_the_bucket(bucket: StagingBucket) -> None:
    with pytest.raises(RuntimeError):
        bucket.save("job/broken", FailingContent(b""))

    assert "job/broken" not in objects_in(bucket)


def test_an_object_that_is_not_in_the_bucket_is_not_found(bucket: StagingBucket) -> None:
    with pytest.raises(FileNotFoundError):
        File(bucket.open("job/none")).read()


def test_saving_again_replaces_nothing(bucket: StagingBucket) -> None:
    first = bucket.save("job/twice", ContentFile(b"first"))

    second = bucket.save("job/twice", ContentFile(b"second"))

    assert first != second
    with bucket.open(first) as stored:
        assert stored.read() == b"first"
