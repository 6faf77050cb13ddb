"""Staged files read back are the bytes that arrived."""

import os

import pytest

from tests.factories import make_file, make_job, make_parcel
from uploads.models import File, Job, extents_of_all, staged_bytes
from uploads.seals import Seal
from uploads.staged import StagedBytesGone, StagedReader

pytestmark = pytest.mark.django_db


def read_back(file: File, prefix: bytes = b"", size: int = -1, seal: str | None = None) -> bytes:
    """All that the reader gives of a file."""
    with StagedReader() as reader:
        stream = reader.open(extents_of_all([file])[file.pk], prefix, seal)
        return b"".join(iter(lambda: stream.read(size) if size > 0 else stream.read(), b""))


def make_sliced(job: Job, content: bytes, *cuts: tuple[int, int]) -> File:
    """A file that arrived in slices: (from, to)."""
    file = make_file(job, size=len(content))
    for start, end in cuts:
        parcel = make_parcel(job, content[start:end], file.number, slice_of=file)
        parcel.layout[0][1] = start
        parcel.save(update_fields=["layout"])
    return file


@pytest.mark.parametrize("size", [-1, 1, 7, 100_000])
def test_a_file_is_read_back_as_it_arrived(size: int) -> None:
    content = os.urandom(3000)
    file = make_file(make_job(), content)

    assert read_back(file, size=size) == content


def test_a_prefix_comes_first() -> None:
    file = make_file(make_job(), b"content")

    assert read_back(file, b"prefix ", size=3) == b"prefix content"


@pytest.mark.parametrize(
    "cuts",
    [
        ((0, 1000), (1000, 3000)),
        ((1000, 3000), (0, 1000)),
        ((0, 2000), (1000, 3000)),
        ((0, 3000), (500, 900)),
        ((0, 1000), (0, 2000), (2000, 3000)),
    ],
)
def test_slices_in_any_order_and_overlap_make_the_whole(cuts: tuple[tuple[int, int], ...]) -> None:
    content = os.urandom(3000)

    file = make_sliced(make_job(), content, *cuts)

    assert read_back(file) == content
    assert staged_bytes(file) == 3000


def test_a_gap_between_slices_ends_what_is_staged() -> None:
    file = make_sliced(make_job(), b"A" * 3000, (0, 1000), (1500, 3000))

    assert staged_bytes(file) == 1000


def test_an_object_that_is_gone_is_said_to_be_gone() -> None:
    file = make_file(make_job(), b"content")
    assert file.parcel is not None
    file.parcel.object_name = "gone"
    file.parcel.save()

    with pytest.raises(StagedBytesGone):
        read_back(file)


def test_an_object_that_is_shorter_than_it_was_is_said_to_be_gone() -> None:
    file = make_file(make_job(), b"content")
    file.size = 100

    with pytest.raises(StagedBytesGone):
        read_back(file)


@pytest.mark.parametrize("size", [-1, 1, 7])
def test_sealed_bytes_are_handed_out_whole(size: int) -> None:
    file = make_file(make_job(), b"content")

    assert read_back(file, b"prefix ", size, Seal(b"prefix content").hexdigest()) == b"prefix content"


@pytest.mark.parametrize("seal", [Seal(b"other").hexdigest(), ""], ids=["of other bytes", "never made"])
def test_bytes_without_their_seal_are_not_handed_out_to_the_end(seal: str) -> None:
    file = make_file(make_job(), b"content")

    with pytest.raises(StagedBytesGone):
        read_back(file, seal=seal)
