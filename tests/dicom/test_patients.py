"""Whose a file is: the browser's rule, on the same cases; and what the header says of the patient."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from tests import dicoms
from uploads.dicom.findings import Finding, Flag, Identity, Outcome, Use
from uploads.dicom.inspect import inspect
from uploads.dicom.patients import match_key, patient_key
from uploads.dicom.source import BytesSource

TABLE: Final = Path(__file__).parent.parent / "identity_cases.json"
CASES: Final[list[dict[str, Any]]] = json.loads(TABLE.read_text(encoding="utf-8"))  # Any: texts and a bool


def key_of(patient: dict[str, str]) -> str:
    return patient_key(patient["id"], patient["birthDate"], patient["name"])


def look(content: bytes) -> Finding:
    return inspect(BytesSource(content))


def identity(**overrides: Any) -> Identity:  # Any: as dicom_bytes takes them
    found = look(dicoms.dicom_bytes(**overrides)).identity
    assert found
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: json.dumps(case, ensure_ascii=True)[:120])
def test_the_same_patient_has_the_same_key_and_another_has_not(case: dict[str, Any]) -> None:
    assert (key_of(case["a"]) == key_of(case["b"])) is case["same"]


def test_the_digest_says_nothing_of_the_patient_and_takes_any_text() -> None:
    digest = match_key("P1\ud800", "19700101", "DOE^JANE")

    assert len(digest) == 64
    assert digest == match_key("P1\ud800", "19700101", "ROE^RICHARD")


def test_the_header_says_who_the_patient_is() -> None:
    found = identity(PatientID=" P1 ", PatientName="DOE^JANE", PatientBirthDate="1970.01.01", PatientSex="F")

    assert (found.patient_id, found.patient_name) == ("P1", "DOE^JANE")
    assert (found.birth_date, found.sex) == ("19700101", "F")
    assert found.match_key == match_key("P1", "19700101", "")


def test_ids_that_differ_only_beyond_what_is_shown_are_two_patients() -> None:
    one, other = (identity(PatientID="9" * 64 + end) for end in ("1", "2"))

    assert one.patient_id == other.patient_id
    assert one.match_key != other.match_key


def test_the_header_says_what_a_search_looks_for() -> None:
    found = identity(
        AccessionNumber="A1", SeriesNumber="3", BodyPartExamined="HEAD", StudyDescription="CT head"
    )

    assert (found.accession_number, found.series_number) == ("A1", "3")
    assert (found.body_part, found.study_description) == ("HEAD", "CT head")


@pytest.mark.parametrize(
    ("character_set", "name"),
    [
        ("ISO_IR 100", "MÜLLER^EVA"),
        ("ISO_IR 192", "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
        ("GB18030", "Wang^XiaoDong=王^小东"),
    ],
)
def test_a_name_is_decoded_by_the_files_character_set(character_set: Any, name: str) -> None:
    finding = look(dicoms.dicom_bytes(SpecificCharacterSet=character_set, PatientName=name))

    assert finding.identity
    assert (finding.identity.patient_name, finding.flags) == (name, ())


@pytest.mark.parametrize(
    ("raw", "shown"),
    [(b"PHANTOM^M\xc3\x84X", "PHANTOM^MÄX"), (b"PHANTOM^M\xc4XX", "PHANTOM^MÄXX")],
    ids=["UTF-8", "Latin-1"],
)
def test_a_name_without_its_character_set_is_guessed_and_flagged(raw: bytes, shown: str) -> None:
    content = dicoms.dicom_bytes(SpecificCharacterSet=None, PatientName="PHANTOM^MAXX")

    finding = look(content.replace(b"PHANTOM^MAXX", raw))

    assert finding.identity
    assert (finding.outcome, finding.flags) == (Outcome.VALID, (Flag.UNDECODABLE_TEXT,))
    assert finding.identity.patient_name == shown


def test_a_name_that_its_character_set_lacks_is_flagged() -> None:
    content = dicoms.dicom_bytes(SpecificCharacterSet="ISO_IR 192", PatientName="PHANTOM^MAXX")

    finding = look(content.replace(b"PHANTOM^MAXX", b"PHANTOM^M\xc4XX"))

    assert finding.flags == (Flag.UNDECODABLE_TEXT,)


def test_controls_do_not_get_into_what_is_shown() -> None:
    found = identity(SpecificCharacterSet="ISO_IR 192", PatientName="DOE\u202e^JA\x07NE", PatientID="P\x001")

    assert (found.patient_name, found.patient_id) == ("DOE^JANE", "P1")


@pytest.mark.parametrize(
    ("content", "use"),
    [
        (dicoms.dicom_bytes(BodyPartExamined="HEAD"), Use.HEAD_CT),
        (dicoms.dicom_bytes(SeriesDescription="Schädel nativ"), Use.HEAD_CT),
        (dicoms.dicom_bytes(BodyPartExamined="HEAD", SeriesDescription="Head and neck"), Use.IMAGE),
        (dicoms.dicom_bytes(BodyPartExamined="CHEST"), Use.IMAGE),
        (dicoms.dicom_bytes(BodyPartExamined="HEAD", ImageType="ORIGINAL\\PRIMARY\\LOCALIZER"), Use.SCOUT),
        (dicoms.dicom_bytes(BodyPartExamined="HEAD", SeriesDescription="Topogram"), Use.SCOUT),
        (dicoms.dicom_bytes(BodyPartExamined="CHEST", Modality="DX"), Use.CHEST_XRAY),
        (dicoms.dicom_bytes(BodyPartExamined="KNEE", Modality="DX"), Use.IMAGE),
        (dicoms.dicom_bytes(SOPClassUID=dicoms.SECONDARY_CAPTURE), Use.SECONDARY),
        (dicoms.dicom_bytes(SeriesDescription="Dose report"), Use.SECONDARY),
        (dicoms.report(), Use.REPORT),
        (dicoms.encapsulated_pdf(), Use.DOCUMENT),
    ],
)
def test_what_an_image_is_good_for(content: bytes, use: Use) -> None:
    found = look(content).identity

    assert found
    assert found.use is use
