"""The body of a request, held against ``requests_toolbelt.MultipartEncoder``."""

import io
from functools import partial
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.qure.parts import encoder_of, part_of, parts_of
from uploads.qure.body import BODY_OVERHEAD, MultipartBody, Part, PartChanged, encoded_size, part_overhead

BOUNDARY = "0123456789abcdef" * 2

names = st.from_regex(r"[A-Za-z0-9._-]{1,30}", fullmatch=True)
named_contents = st.lists(st.tuples(names, st.binary(max_size=300)), min_size=1, max_size=6)


@given(named_contents, st.lists(st.integers(1, 400), min_size=1, max_size=8))
def test_the_body_is_the_encoders_whatever_the_size_of_the_reads(
    contents: list[tuple[str, bytes]], sizes: list[int]
) -> None:
    parts = [part_of(content, name) for name, content in contents]
    body = MultipartBody(parts, boundary=BOUNDARY)

    pieces: list[bytes] = []
    while piece := body.read(sizes[len(pieces) % len(sizes)]):
        pieces.append(piece)

    assert b"".join(pieces) == encoder_of(parts, BOUNDARY).read()


@given(named_contents)
def test_the_size_is_known_before_a_file_is_opened(contents: list[tuple[str, bytes]]) -> None:
    parts = [part_of(content, name) for name, content in contents]

    size = encoded_size(parts)

    assert size == len(MultipartBody(parts)) == len(MultipartBody(parts).read())
    assert size == BODY_OVERHEAD + sum(part_overhead(name) + len(content) for name, content in contents)


def test_the_length_is_right_for_a_boundary_of_any_length() -> None:
    body = MultipartBody(parts_of(b"one", b"two"), boundary="short")

    assert len(body) == len(body.read())


def test_reads_of_a_given_size_are_full_until_the_last() -> None:
    parts = parts_of(b"a" * 1000, b"b" * 1000)
    body = MultipartBody(parts)

    sizes = [len(body.read(300)) for _ in range(encoded_size(parts) // 300)]

    assert set(sizes) == {300}


def test_at_most_one_file_is_open_at_a_time(tmp_path: Path) -> None:
    opened: list[BinaryIO] = []
    open_counts: list[int] = []

    def open_file(path: Path) -> BinaryIO:
        opened.append(path.open("rb"))
        open_counts.append(sum(not stream.closed for stream in opened))
        return opened[-1]

    parts = []
    for number in range(5):
        path = tmp_path / f"{number}"
        path.write_bytes(b"x" * 100)
        parts.append(Part(f"{number}.dcm", 100, partial(open_file, path)))
    body = MultipartBody(parts)
    assert opened == []

    body.read()

    assert open_counts == [1, 1, 1, 1, 1]
    assert all(stream.closed for stream in opened)


@pytest.mark.parametrize("promised", [0, 9, 11, 1000])
def test_a_part_that_is_not_as_long_as_it_promised_is_named(promised: int) -> None:
    changed = Part("2.dcm", promised, lambda: io.BytesIO(b"0123456789"))
    body = MultipartBody([part_of(b"first"), changed, part_of(b"third")])

    with pytest.raises(PartChanged) as caught:
        body.read()

    assert caught.value.index == 1


def test_a_file_that_gives_its_bytes_in_driblets_is_read_whole() -> None:
    class Driblets(io.RawIOBase):  # a stream has to be a class
        def __init__(self) -> None:
            self.rest = b"0123456789"

        def readinto(self, target: bytearray | memoryview) -> int:  # type: ignore[override]  # narrower
            count = min(3, len(target), len(self.rest))
            target[:count], self.rest = self.rest[:count], self.rest[count:]
            return count

    stream: BinaryIO = Driblets()  # type: ignore[assignment]  # has what a body needs

    whole = MultipartBody([Part("1.dcm", 10, lambda: stream)]).read()

    assert b"\r\n\r\n0123456789\r\n--" in whole


@pytest.mark.parametrize("name", ["", "a b", 'a".dcm', "a\r\nX: y", "Müller.dcm", "dir/a.dcm", "a\0"])
def test_a_name_that_is_not_neutral_is_no_name_of_a_part(name: str) -> None:
    with pytest.raises(ValueError, match="letters, digits"):
        part_of(b"content", name)


def test_a_body_without_parts_is_no_body() -> None:
    with pytest.raises(ValueError, match="at least one"):
        MultipartBody([])


def test_a_body_that_was_read_is_empty() -> None:
    body = MultipartBody(parts_of(b"content"))
    body.read()

    assert body.read() == body.read(10) == b""


def test_each_body_has_a_boundary_of_its_own() -> None:
    boundaries = {MultipartBody(parts_of(b"")).boundary for _ in range(50)}

    assert len(boundaries) == 50
    assert {len(boundary) for boundary in boundaries} == {32}
