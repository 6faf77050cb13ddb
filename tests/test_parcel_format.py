"""A parcel is read as it streams by: its layout learned, its digest checked."""

import hashlib
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.parcels import digest_of, tar_of
from uploads.parcel_format import ArrivingParcel, BadParcel, DigestMismatch, Member
from uploads.seals import Seal


def read(body: bytes, digest: str, chunk_size: int = 1000) -> ArrivingParcel:
    """Read a parcel to its end."""
    arriving = ArrivingParcel(io.BytesIO(body), len(body), digest)
    assert b"".join(arriving.chunks(chunk_size)) == body
    return arriving


@given(contents=st.lists(st.binary(max_size=2000), min_size=1, max_size=8), chunk_size=st.integers(1, 3000))
def test_every_member_is_found_where_it_lies(contents: list[bytes], chunk_size: int) -> None:
    members = [(str(number), content) for number, content in enumerate(contents)]
    body = tar_of(members)

    arriving = read(body, digest_of(members), chunk_size)

    found = [body[member.offset : member.offset + member.length] for member in arriving.members]
    assert found == contents
    assert [member.number for member in arriving.members] == list(range(len(contents)))


def test_a_slice_says_where_in_its_file_it_begins() -> None:
    members = [("17.33554432", b"slice")]

    arriving = read(tar_of(members), digest_of(members))

    assert arriving.members == [
        Member(17, 33554432, 512, 5, hashlib.sha256(b"slice").hexdigest(), Seal(b"slice").hexdigest())
    ]


def test_a_parcel_with_a_flipped_byte_is_not_handed_on_to_its_end() -> None:
    members = [("1", b"A" * 3000)]
    body = tar_of(members).replace(b"AAA", b"AAB", 1)
    arriving = ArrivingParcel(io.BytesIO(body), len(body), digest_of(members))

    with pytest.raises(DigestMismatch):
        list(arriving.chunks())


def test_a_parcel_that_ends_early_is_a_mismatch() -> None:
    members = [("1", b"A" * 3000)]
    body = tar_of(members)
    arriving = ArrivingParcel(io.BytesIO(body[:2000]), len(body), digest_of(members))

    with pytest.raises(DigestMismatch):
        list(arriving.chunks())


@pytest.mark.parametrize("name", ["../etc/passwd", "IM0001", "-1", "1.", "1.2.3", "", "\u0661"])
def test_a_member_that_is_not_a_number_is_refused(name: str) -> None:
    members = [(name, b"content")]
    arriving = ArrivingParcel(io.BytesIO(tar_of(members)), len(tar_of(members)), digest_of(members))

    with pytest.raises(BadParcel):
        list(arriving.chunks())


@pytest.mark.parametrize("body", [b"", b"\0" * 1024, b"x" * 1024, b"\0" * 10])
def test_what_is_no_tar_or_holds_nothing_is_refused(body: bytes) -> None:
    arriving = ArrivingParcel(io.BytesIO(body), len(body), digest_of([]))

    with pytest.raises(BadParcel):
        list(arriving.chunks())


def test_a_link_is_refused() -> None:
    header = bytearray(tar_of([("1", b"")])[:512])
    header[156:157] = b"2"
    body = bytes(header) + b"\0" * 1024
    arriving = ArrivingParcel(io.BytesIO(body), len(body), digest_of([("1", b"")]))

    with pytest.raises(BadParcel):
        list(arriving.chunks())


@given(body=st.binary(min_size=1, max_size=4096))
def test_no_random_bytes_pass(body: bytes) -> None:
    arriving = ArrivingParcel(io.BytesIO(body), len(body), "0" * 64)

    with pytest.raises((BadParcel, DigestMismatch)):
        list(arriving.chunks())
