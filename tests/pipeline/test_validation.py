"""Each file gets one outcome, with its reason."""

import hashlib
import os

import pytest
from pytest_django.fixtures import Settings

from tests import dicoms
from tests.factories import make_job, make_team
from tests.pipeline.journeys import (
    BY,
    STUDY,
    check_all,
    declare,
    image,
    job_to,
    reasons,
    series_uid,
    sha256_of,
    statuses,
    store,
    upload,
    work_off,
)
from tests.sandboxes import Sandbox
from uploads.forms import Entry
from uploads.models import File, Job, extents_of_all
from uploads.pipeline import manifest
from uploads.reasons import Reason
from uploads.seals import Seal
from uploads.staged import StagedReader
from uploads.states import FileStatus, ParcelStatus

pytestmark = pytest.mark.django_db

# two images of one size, under one name
DARK, BRIGHT = (image(1, pixels=value * 512) for value in (b"\x01", b"\x02"))
DOCUMENTS = [dicoms.report(), dicoms.encapsulated_pdf()]
OUTCOMES = [
    (dicoms.dicom_bytes(), FileStatus.VALID, ""),
    (dicoms.dicom_bytes(syntax=dicoms.IMPLICIT), FileStatus.VALID, ""),
    (dicoms.dicom_bytes(syntax=dicoms.BIG_ENDIAN), FileStatus.VALID, ""),
    (dicoms.dicom_bytes(syntax=dicoms.DEFLATED), FileStatus.VALID, ""),
    (dicoms.encapsulated(), FileStatus.VALID, ""),
    (dicoms.headerless(), FileStatus.VALID, ""),
    (dicoms.report(), FileStatus.VALID, ""),
    (dicoms.encapsulated_pdf(), FileStatus.VALID, ""),
    (b"some text that is no image at all", FileStatus.IGNORED, Reason.NOT_DICOM),
    (dicoms.dicomdir(), FileStatus.IGNORED, Reason.DICOMDIR),
    (dicoms.truncated(), FileStatus.REJECTED, Reason.TRUNCATED_PIXELS),
    (dicoms.dicom_bytes(SeriesInstanceUID=None), FileStatus.REJECTED, Reason.MISSING_UID),
    (dicoms.dicom_bytes(SOPInstanceUID="1.2.826."), FileStatus.REJECTED, Reason.INVALID_UID),
    (dicoms.dicom_bytes(preamble=b"MZ" + bytes(126)), FileStatus.QUARANTINED, Reason.EXECUTABLE_PREAMBLE),
    (dicoms.deflated_bomb(), FileStatus.REJECTED, Reason.TOO_COMPLEX),
]


def checked(*contents: bytes) -> Job:
    """A job whose files were uploaded in one parcel and checked."""
    job = make_job()
    upload(job, [(f"CD/{number}", content) for number, content in enumerate(contents)])
    check_all(job)
    return job


@pytest.mark.parametrize(("content", "status", "reason"), OUTCOMES)
def test_a_file_gets_its_outcome_and_reason(content: bytes, status: FileStatus, reason: str) -> None:
    job = checked(content)

    assert (statuses(job), reasons(job)) == ([status], [reason])


def test_all_outcomes_of_one_parcel_are_those_of_each() -> None:
    uids = [f"{STUDY}.9.{number}" for number in range(3)]
    contents = [image(1), b"no image", dicoms.truncated(SOPInstanceUID=uids[0]), image(2), dicoms.dicomdir()]

    job = checked(*contents)

    assert statuses(job) == [
        FileStatus.VALID,
        FileStatus.IGNORED,
        FileStatus.REJECTED,
        FileStatus.VALID,
        FileStatus.IGNORED,
    ]
    assert job.parcels.get().status == ParcelStatus.CHECKED


@pytest.mark.parametrize("name", ["Thumbs.db", ".DS_Store", "__MACOSX/._IM1"])
def test_the_computers_own_files_are_left_out_by_name(name: str) -> None:
    job = make_job()
    upload(job, [(f"CD/{name}", b"whatever")])

    check_all(job)

    assert reasons(job) == [Reason.SYSTEM_FILE]


def test_what_a_file_is_gets_noted() -> None:
    job = checked(image(1, SeriesDescription="Head", Modality="CT", StudyDate="20240229"))

    file = job.files.select_related("series").get()
    assert file.series is not None
    assert (file.series.study_uid, file.series.series_uid) == (STUDY, series_uid(1))
    assert (file.series.modality, file.series.description, file.series.study_date) == (
        "CT",
        "Head",
        "20240229",
    )
    assert (file.sop_uid, file.sop_class_uid) == (f"{STUDY}.1.1", dicoms.CT_IMAGE)
    assert (file.transfer_syntax_uid, file.kind) == (dicoms.EXPLICIT, "image")


def test_the_digest_is_of_the_bytes_that_arrived() -> None:
    content = image(1)

    job = checked(content)

    file = job.files.get()
    assert (file.sha256, file.wire_sha256) == (sha256_of(content), sha256_of(content))
    assert file.wire_seal == Seal(content).hexdigest()
    assert file.wrapper is None


def test_a_headerless_file_is_wrapped_and_both_digests_are_kept() -> None:
    content = dicoms.headerless()

    file = checked(content).files.get()

    sent = bytes(file.wrapper or b"") + content
    assert (file.sha256, file.wire_sha256) == (sha256_of(content), sha256_of(sent))
    assert file.wire_seal == Seal(sent).hexdigest()
    assert sent[128:132] == b"DICM"
    assert file.reason_sentence == Reason.WRAPPED.sentence


def test_of_a_headerless_file_the_wrapped_bytes_are_sent(sandbox: Sandbox) -> None:
    content = dicoms.headerless()
    job = job_to(sandbox)
    upload(job, [("CD/IM1", content)])

    work_off()

    file = job.files.get()
    assert file.status == FileStatus.ACCEPTED
    assert sandbox.instances() == {file.sop_uid: file.wire_sha256}
    assert sandbox.bytes_of(file.wire_sha256).endswith(content)


def test_a_headerless_file_that_came_in_slices_is_wrapped_too() -> None:
    content = dicoms.headerless()
    job = make_job()
    declare(job, [("CD/1", content)])
    store(job, ("0.0", content[:300]), of=content)
    store(job, ("0.300", content[300:]), of=content)

    check_all(job)

    file = job.files.get()
    assert (file.status, file.sha256) == (FileStatus.VALID, sha256_of(content))
    sent = bytes(file.wrapper or b"") + content
    assert (file.wire_sha256, file.wire_seal) == (sha256_of(sent), Seal(sent).hexdigest())


def test_a_sliced_file_is_checked_as_a_whole() -> None:
    content = image(1, rows=64, columns=64)
    job = make_job()
    declare(job, [("CD/1", content)])
    for start in range(0, len(content), 1000):
        store(job, (f"0.{start}", content[start : start + 1000]), of=content)
        check_all(job)

    file = job.files.get()

    assert (file.status, file.sha256) == (FileStatus.VALID, sha256_of(content))
    with StagedReader() as reader:
        assert reader.open(extents_of_all([file])[file.pk]).read() == content
    assert set(job.parcels.values_list("status", flat=True)) == {ParcelStatus.CHECKED}


def test_slices_that_do_not_make_the_file_they_say_they_are_of_are_never_sent_and_wanted_again(
    sandbox: Sandbox,
) -> None:
    job = job_to(sandbox)
    declare(job, [("CD/1", DARK)])
    store(job, ("0.0", DARK[:-300]), of=DARK)
    store(job, (f"0.{len(DARK) - 300}", BRIGHT[-300:]), of=DARK)

    work_off()

    assert (statuses(job), reasons(job)) == ([FileStatus.MISSING], [Reason.STAGED_BYTES_LOST])
    assert sandbox.instances() == {}
    (line,) = manifest.declare(job.pk, [Entry("CD/1", len(DARK))], True, BY, anew=True)
    assert line.is_wanted


def test_an_upload_that_is_gone_on_with_another_disc_sends_that_discs_file_unmixed(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    cut = len(DARK) - 300
    declare(job, [("CD/1", DARK)])
    store(job, ("0.0", DARK[:cut]), of=DARK)

    declare(job, [("CD/1", BRIGHT)])
    store(job, ("0.0", BRIGHT[:cut]), of=BRIGHT)
    store(job, (f"0.{cut}", BRIGHT[cut:]), of=BRIGHT)
    work_off()

    file = job.files.get()
    assert file.status == FileStatus.ACCEPTED
    assert sandbox.bytes_of(file.wire_sha256) == BRIGHT


def test_the_same_bytes_again_are_a_duplicate() -> None:
    job = checked(image(1), image(1))

    first, second = job.files.order_by("number")
    assert (first.status, second.status) == (FileStatus.VALID, FileStatus.DUPLICATE)
    assert (second.duplicate_of_id, second.reason) == (first.pk, Reason.DUPLICATE)


def test_the_same_bytes_in_a_later_parcel_are_a_duplicate() -> None:
    job = make_job()
    upload(job, [("CD/1", image(1))], is_last=False)
    check_all(job)
    upload(job, [("CD/again/1", image(1))])

    check_all(job)

    assert statuses(job) == [FileStatus.VALID, FileStatus.DUPLICATE]


def test_the_same_instance_with_other_bytes_is_held_back() -> None:
    job = checked(image(1), image(1, PatientName="PHANTOM^OTHER"))

    assert statuses(job) == [FileStatus.VALID, FileStatus.QUARANTINED]
    assert reasons(job) == ["", Reason.CONFLICT]


def test_an_instance_uid_that_two_series_use_is_kept_in_both() -> None:
    job = checked(image(1, series=1), image(1, series=2, SOPInstanceUID=f"{STUDY}.1.1"))

    assert statuses(job) == [FileStatus.VALID] * 2
    assert job.series.count() == 2


def test_a_series_uid_that_two_studies_use_is_two_series() -> None:
    job = checked(image(1), image(1, StudyInstanceUID="2.25.7001"))

    assert statuses(job) == [FileStatus.VALID] * 2
    assert job.series.count() == 2


@pytest.mark.parametrize("content", DOCUMENTS)
def test_a_team_may_leave_documents_out(content: bytes) -> None:
    job = make_job(make_team(sends_documents=False))
    upload(job, [("CD/1", content), ("CD/2", image(1))])

    check_all(job)

    assert statuses(job) == [FileStatus.IGNORED, FileStatus.VALID]
    assert reasons(job) == [Reason.NOT_AN_IMAGE, ""]


def test_a_parcel_is_checked_once() -> None:
    job = checked(image(1))
    changes = job.changes.count()

    check_all(job)

    assert job.changes.count() == changes


def test_files_of_a_cancelled_job_get_no_verdict() -> None:
    job = make_job()
    upload(job, [("CD/1", image(1))])
    File.objects.filter(job=job).update(status=FileStatus.CANCELLED)

    check_all(job)

    assert statuses(job) == [FileStatus.CANCELLED]
    assert job.parcels.get().status == ParcelStatus.CHECKED


def test_more_files_than_are_checked_at_once_are_all_checked() -> None:
    job = checked(*[image(number) for number in range(60)])

    assert statuses(job) == [FileStatus.VALID] * 60
    assert job.changes.filter(kind="file", to_status=FileStatus.VALID).count() == 1


def test_verdicts_are_written_before_the_lease_runs_out(settings: Settings) -> None:
    settings.CHECK_LEASE_SECONDS = 1e-6
    job = checked(*[image(number) for number in range(60)])

    assert statuses(job) == [FileStatus.VALID] * 60
    assert job.changes.filter(kind="file", to_status=FileStatus.VALID).count() == 3
    assert job.parcels.get().status == ParcelStatus.CHECKED


def test_the_digest_of_a_parcel_is_over_its_members() -> None:
    contents = [os.urandom(100), os.urandom(200)]

    parcel = checked(*contents).parcels.get()

    digests = b"".join(hashlib.sha256(content).digest() for content in contents)
    assert parcel.digest == hashlib.sha256(digests).hexdigest()
