"""pydicom's own test files: each has one outcome, and what is read agrees with pydicom's reading."""

import warnings
from pathlib import Path
from typing import Final

import pydicom
import pytest
from pydicom import dcmread
from pydicom._uid_dict import UID_dictionary

from uploads.dicom.findings import Finding, Kind, Outcome
from uploads.dicom.inspect import inspect
from uploads.dicom.kinds import kind_of
from uploads.dicom.source import BytesSource
from uploads.reasons import Reason

DATA: Final = Path(pydicom.__file__).parent / "data"
FILES: Final = sorted(
    path for path in DATA.rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"}
)


def look(path: Path) -> Finding:
    return inspect(BytesSource(path.read_bytes()))


def test_there_are_enough_files_to_mean_something() -> None:
    assert len(FILES) > 150


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_file_has_one_outcome_and_a_reason_unless_it_is_valid(path: Path) -> None:
    finding = look(path)

    assert (finding.outcome is Outcome.VALID) == (finding.reason is None)
    assert finding.identity or finding.outcome is not Outcome.VALID


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_the_identity_is_what_pydicom_reads(path: Path) -> None:
    identity = look(path).identity
    if identity is None:
        return

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = dcmread(path, force=True, stop_before_pixels=True)
        read = (
            ds.StudyInstanceUID,
            ds.SeriesInstanceUID,
            ds.SOPInstanceUID,
            ds.SOPClassUID,
            ds.get("Modality") or "",
            ds.get("SeriesDescription", "") or "",
            (ds.get("StudyDate") or "").replace(".", ""),
        )

    assert read == (
        identity.study_uid,
        identity.series_uid,
        identity.sop_uid,
        identity.sop_class_uid,
        identity.modality,
        identity.series_description,
        identity.study_date,
    )


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_is_not_valid_is_not_a_file_that_pydicom_reads_as_a_whole_image(path: Path) -> None:
    if look(path).outcome is Outcome.VALID:
        return

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ds = dcmread(path)
        except Exception:  # pydicom can't read it either
            return
        uids = [ds.get(name) for name in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")]

    if all(uids) and "PixelData" in ds:
        assert len(ds.PixelData) < 2 * ds.Rows * ds.Columns


@pytest.mark.parametrize(
    ("name", "outcome", "reason"),
    [
        ("MR_truncated.dcm", Outcome.REJECTED, Reason.TRUNCATED_PIXELS),
        ("rtplan_truncated.dcm", Outcome.REJECTED, Reason.UNREADABLE_HEADER),
        ("meta_missing_tsyntax.dcm", Outcome.REJECTED, Reason.MISSING_UID),
        ("dicomdirtests/DICOMDIR", Outcome.IGNORED, Reason.DICOMDIR),
        ("dicomdirtests/DICOMDIR-bigEnd", Outcome.IGNORED, Reason.DICOMDIR),
        ("README.txt", Outcome.IGNORED, Reason.NOT_DICOM),
        ("zipMR.gz", Outcome.IGNORED, Reason.NOT_DICOM),
        ("CT_small.dcm", Outcome.VALID, None),
        ("MR_small_padded.dcm", Outcome.VALID, None),
        ("image_dfl.dcm", Outcome.VALID, None),
        ("SC_ybr_full_422_uncompressed.dcm", Outcome.VALID, None),
        ("JPEG2000-embedded-sequence-delimiter.dcm", Outcome.VALID, None),
        ("ExplVR_BigEndNoMeta.dcm", Outcome.VALID, None),
        ("rtstruct.dcm", Outcome.VALID, None),
    ],
)
def test_known_files_have_their_outcomes(name: str, outcome: Outcome, reason: Reason | None) -> None:
    finding = look(DATA / "test_files" / name)

    assert (finding.outcome, finding.reason) == (outcome, reason)


def test_every_image_storage_class_of_the_standard_is_an_image_or_a_secondary_capture() -> None:
    storage = {
        uid: name
        for uid, (name, kind, *_) in UID_dictionary.items()
        if kind == "SOP Class"
        and uid.startswith("1.2.840.10008.5.1.4.1.1.")
        and name.endswith("Image Storage")
    }

    others = {name for uid, name in storage.items() if kind_of(uid) not in {Kind.IMAGE, Kind.SECONDARY}}

    assert others == {
        "Enhanced RT Image Storage",
        "Enhanced Continuous RT Image Storage",
        "DICOS CT Image Storage",
        "Eddy Current Image Storage",
        "Eddy Current Multi-frame Image Storage",
    }
