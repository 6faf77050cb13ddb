"""Archives of the plain form: what is in them, and what they can't do to the server."""

import hashlib
import io
import struct
import zipfile
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from uploads import unpacking
from uploads.posted import PostedFile
from uploads.reasons import Reason
from uploads.unpacking import Unpacked, unpack

LARGEST = 1_000_000
Files = Sequence[tuple[str, bytes]]


def zipped(files: Files, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return out.getvalue()


def unpacked(*files: tuple[str, bytes], largest: int = LARGEST) -> tuple[Unpacked, io.BytesIO]:
    """Unpack what was posted; answer what was found, and the spool."""
    spool = io.BytesIO()
    parts = []
    for name, content in files:
        digest = hashlib.sha256(content).hexdigest()
        parts.append(PostedFile(name, spool.tell(), len(content), digest, ""))
        spool.write(content)
    return unpack(parts, spool, largest), spool


def contents(found: Unpacked, spool: io.BytesIO) -> dict[str, bytes]:
    data = spool.getvalue()
    return {part.name: data[part.offset : part.offset + part.length] for part in found.files}


def named(found: Unpacked) -> dict[str, Reason]:
    return {line.path: line.reason for line in found.left_out}


def with_flags(archive: bytes, offset: tuple[int, int], value: int) -> bytes:
    """The archive with a 16-bit field of its first member changed, in both of its headers."""
    changed = bytearray(archive)
    for mark, at in zip((b"PK\x03\x04", b"PK\x01\x02"), offset, strict=True):
        struct.pack_into("<H", changed, changed.index(mark) + at, value)
    return bytes(changed)


FLAGS, METHOD = (6, 8), (8, 10)


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_members_take_the_place_of_their_archive_byte_for_byte(method: int) -> None:
    files = [("CD/IM1", b"one" * 100_000), ("CD/\u00c4/IM2", b"two"), ("EMPTY", b"")]
    archive = zipped([("CD/", b""), *files], method)

    found, spool = unpacked(("before", b"b"), ("CD.ZIP", archive), ("after", b"a"))

    assert contents(found, spool) == {
        "before": b"b",
        **{f"CD.ZIP/{name}": content for name, content in files},
        "after": b"a",
    }
    assert found.left_out == []


def test_each_member_has_its_digest() -> None:
    found, _ = unpacked(("CD.zip", zipped([("IM1", b"one")])))

    assert found.files[0].sha256 == hashlib.sha256(b"one").hexdigest()


def test_what_is_only_called_an_archive_is_a_file() -> None:
    found, spool = unpacked(("CD.zip", b"no archive"), ("IM1", zipped([("IM2", b"x")])))

    assert list(contents(found, spool)) == ["CD.zip", "IM1"]


@pytest.mark.parametrize(
    ("archive", "path", "reason"),
    [
        (with_flags(zipped([("IM1", b"x")]), FLAGS, 1), "CD.zip/IM1", Reason.ARCHIVE_ENCRYPTED),
        (with_flags(zipped([("IM1", b"x")]), METHOD, 9), "CD.zip/IM1", Reason.ARCHIVE_UNSUPPORTED),
        (zipped([("IM1", b"x")], zipfile.ZIP_LZMA), "CD.zip/IM1", Reason.ARCHIVE_UNSUPPORTED),
        (zipped([("IN.ZIP", zipped([]))]), "CD.zip/IN.ZIP", Reason.ARCHIVE_NESTED),
        (zipped([("IM1", bytes(LARGEST + 1))]), "CD.zip/IM1", Reason.TOO_LARGE),
        (zipped([("IM1", b"text" * 99)]).replace(b"text", b"tent"), "CD.zip/IM1", None),
        (zipped([("IM1", b"x" * 99)])[:-5], "CD.zip", Reason.ARCHIVE_DAMAGED),
        (b"PK" + bytes(500), "CD.zip", Reason.ARCHIVE_DAMAGED),
    ],
    ids=["password", "deflate64", "lzma", "nested", "too large", "sound", "cut", "rubbish"],
)
def test_what_cannot_be_had_is_named(archive: bytes, path: str, reason: Reason | None) -> None:
    found, _ = unpacked(("CD.zip", archive), ("IM9", b"x"))

    assert named(found) == ({path: reason} if reason else {})
    assert found.files[-1].name == "IM9"


def test_a_member_with_other_bytes_than_its_checksum_is_damaged_and_the_others_are_not() -> None:
    archive = zipped([("IM1", b"text" * 99), ("IM2", b"x")], zipfile.ZIP_STORED)

    found, _ = unpacked(("CD.zip", archive.replace(b"text", b"tent", 1)))

    assert named(found) == {"CD.zip/IM1": Reason.ARCHIVE_DAMAGED}
    assert [part.name for part in found.files] == ["CD.zip/IM2"]


def test_a_bomb_is_stopped_when_it_has_grown_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpacking, "MOST_BYTES", 1_500_000)
    bomb = zipped([(f"IM{number}", bytes(LARGEST)) for number in range(100)])

    found, spool = unpacked(("BOMB.zip", bomb))

    assert named(found) == {"BOMB.zip": Reason.ARCHIVE_TOO_LARGE}
    assert len(spool.getvalue()) < 3 * LARGEST


@pytest.mark.parametrize(("limit", "value"), [("MOST_MEMBERS", 4), ("MOST_AT_ONCE", 200)])
def test_an_archive_of_too_many_members_is_not_opened(
    monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(unpacking, limit, value)

    found, _ = unpacked(("CD.zip", zipped([(f"IM{number}", b"x") for number in range(5)])))

    assert named(found) == {"CD.zip": Reason.ARCHIVE_TOO_MANY}
    assert found.files == []


def test_names_are_words_and_never_paths() -> None:
    found, _ = unpacked(("CD.zip", zipped([("../../etc/passwd", b"x"), ("C:\\a", b"y")])))

    assert [part.name for part in found.files] == ["CD.zip/../../etc/passwd", "CD.zip/C:\\a"]


SOUND = zipped([("IM1", b"one" * 50), ("IM2", bytes(300))])


@given(st.lists(st.tuples(st.integers(0, len(SOUND) - 1), st.integers(0, 255)), min_size=1, max_size=8))
def test_whatever_is_changed_in_an_archive_the_files_beside_it_are_there(
    changes: list[tuple[int, int]],
) -> None:
    archive = bytearray(SOUND)
    for place, value in changes:
        archive[place] = value

    found, spool = unpacked(("CD.zip", bytes(archive)), ("IM9", b"nine"))

    assert contents(found, spool)["IM9"] == b"nine"
