"""What the sandbox makes of a body's parts: strict about their form, kind to what is no DICOM."""

from pathlib import Path

import pytest

from tests.sandbox.wire import body_of, image, join, part, post, send, sop
from tests.sandboxes import Launch, Sandbox

GOOD = part(image(1))
DISPOSITION = b'Content-Disposition: form-data; name="a"; filename="a"\r\n'
DICOM = b"Content-Type: application/dicom\r\n"


@pytest.mark.parametrize(
    ("malformed", "sentence"),
    [
        (DICOM + b"\r\nx\r\n", "Content-Disposition or Content-Type is missing"),
        (DISPOSITION + b"\r\nx\r\n", "Content-Disposition or Content-Type is missing"),
        (DISPOSITION + b"Content-Type: text/plain\r\n\r\nx\r\n", "not application/dicom"),
        (b'Content-Disposition: attachment; filename="a"\r\n' + DICOM + b"\r\nx\r\n", "not form-data"),
        (b'Content-Disposition: form-data; name="a"\r\n' + DICOM + b"\r\nx\r\n", "no filename"),
        (b'Content-Disposition: form-data; filename="a"\r\n' + DICOM + b"\r\nx\r\n", "no name"),
        (b'Content-Disposition: form-data; name="a"b"; filename="a"\r\n' + DICOM + b"\r\nx\r\n", "cannot be"),
        (DISPOSITION + DISPOSITION + DICOM + b"\r\nx\r\n", "stands twice"),
        (DISPOSITION + b"Content-Type : application/dicom\r\n\r\nx\r\n", "line cannot be read"),
        (DISPOSITION + b"X: a\nb\r\n" + DICOM + b"\r\nx\r\n", "line cannot be read"),
        (DISPOSITION + b"X: a\x00b\r\n" + DICOM + b"\r\nx\r\n", "line cannot be read"),
        (DISPOSITION + b" folded\r\n" + DICOM + b"\r\nx\r\n", "line cannot be read"),
        (DISPOSITION + b"X: \xff\r\n" + DICOM + b"\r\nx\r\n", "not UTF-8"),
        (DISPOSITION + DICOM + b"x\r\n", "do not end"),
        (b"\r\nx\r\n", "cannot be read"),
    ],
)
def test_a_malformed_part_refuses_the_request_and_says_what(
    sandbox: Sandbox, malformed: bytes, sentence: str
) -> None:
    answer = post(sandbox, join([GOOD, malformed]))

    assert answer.status == 400
    assert "Part 2" in answer.json["message"]
    assert sentence in answer.json["message"]
    assert sandbox.instances() == {}


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"no boundary at all", "does not hold its boundary"),
        (join([GOOD]).replace(b"--\r\n", b""), "without its closing boundary"),
        (join([GOOD, GOOD]), "same name"),
        (join([GOOD]).replace(b"a1b2c3\r\n", b"a1b2c3 and more\r\n"), "not followed by a line break"),
    ],
)
def test_a_malformed_body_is_refused(sandbox: Sandbox, body: bytes, sentence: str) -> None:
    answer = post(sandbox, body)

    assert answer.status == 400
    assert sentence in answer.json["message"]
    assert sandbox.instances() == {}


def test_what_surrounds_the_parts_is_ignored(sandbox: Sandbox) -> None:
    answer = post(sandbox, b"preamble\r\n" + join([GOOD]) + b"epilogue")

    assert answer.status == 200
    assert set(sandbox.instances()) == {sop(1)}


@pytest.mark.parametrize("boundary", ["x", "0" * 70, "'()+_,-./:=?", "with space"])
def test_every_allowed_boundary_splits(sandbox: Sandbox, boundary: str) -> None:
    content_type = f'multipart/related; type=application/dicom; boundary="{boundary}"'

    answer = post(sandbox, body_of([image(1), image(2)], boundary), Content_Type=content_type)

    assert answer.status == 200
    assert set(sandbox.instances()) == {sop(1), sop(2)}


@pytest.mark.parametrize("contents", [[], [b""], [b"text"], [b"%PDF-1.7", bytes(200)]])
def test_a_request_without_dicom_gets_the_documented_answer(sandbox: Sandbox, contents: list[bytes]) -> None:
    answer = send(sandbox, *contents)

    assert answer.status == 400
    assert answer.json == {"message": "No DICOM files were uploaded!"}


def test_an_empty_body_gets_the_documented_answer(sandbox: Sandbox) -> None:
    answer = post(sandbox, b"")

    assert answer.status == 400
    assert answer.json == {"message": "No DICOM files were uploaded!"}


def test_the_good_files_are_kept_beside_bad_ones(sandbox: Sandbox) -> None:
    answer = send(sandbox, b"text", image(1), image(2, ""), image(3), b"")

    assert answer.numbers == {"2.25.1": 2}
    assert set(sandbox.instances()) == {sop(1), sop(3)}


def test_a_stricter_sandbox_refuses_all_for_one_bad_part(launch: Launch) -> None:
    sandbox = launch(bad_part="refuse")

    answer = send(sandbox, b"text", image(1))

    assert answer.status == 400
    assert sandbox.instances() == {}


def test_a_listed_instance_refuses_each_request_that_holds_it(launch: Launch, tmp_path: Path) -> None:
    listed = tmp_path / "refused"
    listed.write_text(f"2.25.9\n{sop(2)}\n")
    sandbox = launch(refuse_sop_file=listed)

    assert send(sandbox, image(1), image(2)).status == 400
    assert send(sandbox, image(2)).status == 400
    assert send(sandbox, image(1), image(3)).status == 200
    assert set(sandbox.instances()) == {sop(1), sop(3)}


def test_a_boundary_that_straddles_two_reads_is_found(sandbox: Sandbox) -> None:
    mebibyte = 1 << 20
    first = part(bytes(mebibyte), "first")
    shortest = len(join([first])) - len("\r\n--a1b2c3--\r\n") - mebibyte

    for surplus in range(-2, 14):
        filler = part(bytes(mebibyte - shortest - surplus), "first")
        answer = post(sandbox, join([filler, part(image(1), "second")]))
        assert answer.status == 200, surplus

    assert sandbox.rows()[0]["received"] == 16
