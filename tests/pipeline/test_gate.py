"""The identity gate: nothing leaves of a patient whom nobody has confirmed; what is held back is decided."""

from typing import Any, Final

import pytest

from tests.factories import PHANTOM, make_team
from tests.pipeline.journeys import (
    BY,
    Contents,
    check_all,
    image,
    job_to,
    reasons,
    statuses,
    upload,
    work_off,
)
from tests.sandboxes import Sandbox
from uploads import concerns, tasks
from uploads.dicom.patients import match_key
from uploads.models import File, Job, Patient, Series, Source, StateChange
from uploads.pipeline import closing, validation
from uploads.reasons import Reason
from uploads.states import FileStatus, JobStatus, PatientStatus, SeriesStatus

pytestmark = pytest.mark.django_db

OTHER: Final[dict[str, Any]] = {
    "PatientID": "P2",
    "PatientName": "ROE^RICHARD",
    "PatientBirthDate": "19700101",
}  # Any: as dicom_bytes takes them
OTHERS_KEY: Final = match_key("P2", "19700101", "")


def own(*numbers: int, **overrides: Any) -> list[tuple[str, bytes]]:  # Any: as dicom_bytes takes them
    """Images of the confirmed patient."""
    return [(f"CD/A/{number}", image(number, **overrides)) for number in numbers]


def others(*numbers: int, **overrides: Any) -> list[tuple[str, bytes]]:  # Any: as dicom_bytes takes them
    """Images of another patient, in the same series."""
    return [(f"CD/B/{number}", image(number, **OTHER, **overrides)) for number in numbers]


def checked(sandbox: Sandbox, contents: Contents, is_last: bool = True) -> Job:
    """A job whose uploader has confirmed the phantom, checked as far as it is here."""
    job = job_to(sandbox)
    upload(job, contents, is_last)
    check_all(job)
    return job


def other_patient(job: Job) -> Patient:
    return job.patients.get(match_key=OTHERS_KEY)


def again(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def test_another_patients_file_is_held_back_and_the_confirmed_ones_go(sandbox: Sandbox) -> None:
    job = checked(sandbox, [*own(1), *others(2)])

    work_off()

    assert statuses(job) == [FileStatus.ACCEPTED, FileStatus.QUARANTINED]
    assert reasons(job) == ["", Reason.UNCONFIRMED_PATIENT]
    assert len(sandbox.requests()) == 1
    assert again(job).status == JobStatus.ATTENTION


def test_a_job_that_confirms_nobody_sends_nothing(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    Job.objects.update(confirmed={})
    upload(job, own(1, 2))

    work_off()

    assert statuses(job) == [FileStatus.QUARANTINED] * 2
    assert sandbox.requests() == []
    assert again(job).status == JobStatus.ATTENTION


def test_a_script_vouches_for_its_patients(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    Job.objects.update(confirmed={}, source=Source.SCRIPT)
    upload(job, [*own(1), *others(2)])

    work_off()

    assert statuses(job) == [FileStatus.ACCEPTED] * 2
    confirmed = StateChange.objects.filter(kind="patient", to_status=PatientStatus.CONFIRMED)
    assert set(confirmed.values_list("by", flat=True)) == {"script"}


def test_the_bytes_say_who_the_patient_is(sandbox: Sandbox) -> None:
    job = checked(sandbox, others(1))

    patient = other_patient(job)

    assert (patient.patient_id, patient.name) == ("P2", "ROE^RICHARD")
    assert (patient.birth_date, patient.status) == ("19700101", PatientStatus.UNCONFIRMED)
    assert File.objects.get().patient == patient


def test_the_trail_says_who_confirmed_whom(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    Job.objects.update(confirmed={PHANTOM: "user:7"})
    upload(job, own(1))

    check_all(job)

    changes = StateChange.objects.filter(kind="patient").values_list("from_status", "to_status", "by")
    assert list(changes) == [
        ("", PatientStatus.UNCONFIRMED, "task:check_parcel"),
        (PatientStatus.UNCONFIRMED, PatientStatus.CONFIRMED, "user:7"),
    ]


def test_a_patient_is_confirmed_while_the_parcel_is_in_hand(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    upload(job, others(1))
    (parcel,) = job.parcels.select_related("job__team")
    tasks.confirm_patients(job.pk, [OTHERS_KEY], BY)

    validation.check(parcel)

    assert statuses(job) == [FileStatus.VALID]


def test_what_is_sent_after_all_completes_the_job(sandbox: Sandbox) -> None:
    job = checked(sandbox, [*own(1), *others(2)])
    work_off()
    assert Series.objects.get().status == SeriesStatus.COMPLETE

    is_decided = tasks.decide_patient(other_patient(job), True, BY)
    work_off()

    assert is_decided
    assert statuses(job) == [FileStatus.ACCEPTED] * 2
    assert reasons(job) == ["", ""]
    assert (again(job).status, Series.objects.get().status) == (JobStatus.ACCEPTED, SeriesStatus.COMPLETE)


def test_a_series_is_complete_no_more_while_more_of_it_is_on_its_way(sandbox: Sandbox) -> None:
    job = checked(sandbox, [*own(1), *others(2)])
    work_off()

    tasks.decide_patient(other_patient(job), True, BY)

    assert Series.objects.get().status == SeriesStatus.OPEN


def test_what_is_not_to_be_sent_is_named_and_the_job_is_done(sandbox: Sandbox) -> None:
    job = checked(sandbox, [*own(1), *others(2)])
    work_off()

    is_decided = tasks.decide_patient(other_patient(job), False, BY)
    work_off()

    assert is_decided
    assert statuses(job) == [FileStatus.ACCEPTED, FileStatus.CANCELLED]
    assert reasons(job) == ["", Reason.DECLINED]
    assert (again(job).status, Series.objects.get().status) == (JobStatus.ACCEPTED, SeriesStatus.COMPLETE)
    assert len(sandbox.requests()) == 1


def test_a_job_of_which_nothing_is_to_be_sent_is_cancelled(sandbox: Sandbox) -> None:
    job = checked(sandbox, others(1))
    work_off()

    tasks.decide_patient(other_patient(job), False, BY)
    work_off()

    assert again(job).status == JobStatus.CANCELLED


def test_a_series_that_was_declined_in_part_before_it_left_is_complete(sandbox: Sandbox) -> None:
    job = checked(sandbox, [*own(1), *others(2)])
    tasks.decide_patient(other_patient(job), False, BY)

    work_off()

    assert (again(job).status, Series.objects.get().status) == (JobStatus.ACCEPTED, SeriesStatus.COMPLETE)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("second", [True, False])
def test_a_decision_is_taken_once(first: bool, second: bool, sandbox: Sandbox) -> None:
    job = checked(sandbox, others(1))
    patient = other_patient(job)
    tasks.decide_patient(patient, first, BY)
    before = statuses(job)

    assert not tasks.decide_patient(patient, second, BY)
    assert statuses(job) == before


def test_nothing_is_decided_about_a_cancelled_job(sandbox: Sandbox) -> None:
    job = checked(sandbox, others(1))
    closing.cancel(job.pk, BY)

    assert not tasks.decide_patient(other_patient(job), True, BY)
    assert statuses(job) == [FileStatus.CANCELLED]


def test_what_comes_later_of_a_declined_patient_is_not_sent_either(sandbox: Sandbox) -> None:
    job = checked(sandbox, others(1), is_last=False)
    tasks.decide_patient(other_patient(job), False, BY)

    upload(job, others(2))
    tasks.confirm_patients(job.pk, [OTHERS_KEY], BY)
    work_off()

    assert statuses(job) == [FileStatus.CANCELLED] * 2
    assert reasons(job) == [Reason.DECLINED] * 2
    assert sandbox.requests() == []


def test_what_comes_later_of_a_patient_who_was_let_through_goes_at_once(sandbox: Sandbox) -> None:
    job = checked(sandbox, others(1), is_last=False)
    tasks.decide_patient(other_patient(job), True, BY)

    upload(job, others(2))
    check_all(job)

    assert statuses(job)[1] == FileStatus.VALID


def test_confirming_later_releases_what_is_held(sandbox: Sandbox) -> None:
    job = checked(sandbox, [*own(1), *others(2)])
    work_off()

    tasks.confirm_patients(job.pk, [PHANTOM, OTHERS_KEY], BY)
    work_off()

    assert statuses(job) == [FileStatus.ACCEPTED] * 2


def test_the_same_bytes_of_a_held_file_are_a_duplicate_and_go_once(sandbox: Sandbox) -> None:
    twin = ("CD/again", image(1, **OTHER))
    job = checked(sandbox, [*others(1), twin])
    assert statuses(job) == [FileStatus.QUARANTINED, FileStatus.DUPLICATE]

    tasks.decide_patient(other_patient(job), True, BY)
    work_off()

    assert statuses(job) == [FileStatus.ACCEPTED, FileStatus.DUPLICATE]
    assert again(job).status == JobStatus.ACCEPTED


@pytest.mark.parametrize("at_once", [True, False], ids=["in one parcel", "in two"])
def test_an_image_number_that_a_held_file_has_is_taken(at_once: bool, sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    if at_once:
        upload(job, [*others(1), *own(1)])
    else:
        upload(job, others(1), is_last=False)
        check_all(job)
        upload(job, own(1))
    check_all(job)

    assert reasons(job) == [Reason.UNCONFIRMED_PATIENT, Reason.CONFLICT]


def test_a_held_file_that_conflicts_stays_held_when_its_patient_is_confirmed(sandbox: Sandbox) -> None:
    job = checked(sandbox, [*own(1), *others(1), *others(2)])

    tasks.decide_patient(other_patient(job), True, BY)

    assert statuses(job) == [FileStatus.VALID, FileStatus.QUARANTINED, FileStatus.VALID]
    assert reasons(job)[1] == Reason.CONFLICT


def test_declining_a_patient_ends_all_that_is_held_of_them(sandbox: Sandbox) -> None:
    job = checked(sandbox, [*own(1), *others(1), *others(2)])

    tasks.decide_patient(other_patient(job), False, BY)

    assert statuses(job) == [FileStatus.VALID, FileStatus.CANCELLED, FileStatus.CANCELLED]


def test_a_conflict_is_not_sent_when_somebody_says_so(sandbox: Sandbox) -> None:
    job = checked(sandbox, [*own(1), ("CD/C", image(1, WindowWidth=7))])
    work_off()
    assert again(job).status == JobStatus.ATTENTION

    count = tasks.decide_conflicts(job.pk, False, BY)
    work_off()

    assert count == 1
    assert statuses(job) == [FileStatus.ACCEPTED, FileStatus.CANCELLED]
    assert again(job).status == JobStatus.ACCEPTED


def test_a_conflict_can_go_only_when_nothing_else_has_its_number(sandbox: Sandbox) -> None:
    job = checked(sandbox, [*others(1), *own(1)])
    before = tasks.decide_conflicts(job.pk, True, BY)
    tasks.decide_patient(other_patient(job), False, BY)

    after = tasks.decide_conflicts(job.pk, True, BY)
    work_off()

    assert (before, after) == (0, 1)
    assert statuses(job) == [FileStatus.CANCELLED, FileStatus.ACCEPTED]


def test_of_several_conflicts_with_one_number_one_goes(sandbox: Sandbox) -> None:
    twins = [(f"CD/C{width}", image(1, WindowWidth=width)) for width in (7, 8)]
    job = checked(sandbox, [*others(1), *twins])
    tasks.decide_patient(other_patient(job), False, BY)

    assert tasks.decide_conflicts(job.pk, True, BY) == 1
    assert statuses(job) == [FileStatus.CANCELLED, FileStatus.VALID, FileStatus.QUARANTINED]


def test_a_conflict_of_an_unconfirmed_patient_does_not_go(sandbox: Sandbox) -> None:
    job = checked(sandbox, [*own(1), *others(1)])
    File.objects.filter(number=0).update(status=FileStatus.REJECTED, reason=Reason.NOT_CHECKED)

    assert tasks.decide_conflicts(job.pk, True, BY) == 0


def test_a_refused_file_is_not_sent_again_while_a_held_one_has_its_number(sandbox: Sandbox) -> None:
    job = checked(sandbox, [*own(1), *own(3)])
    sandbox.script({"kind": "400", "times": 2, "only_sop_uid": "2.25.7000.1.1"})
    work_off()
    assert statuses(job)[0] == FileStatus.REFUSED
    Job.objects.update(status=JobStatus.UPLOADING)
    upload(job, others(1))
    check_all(job)
    assert statuses(job)[2] == FileStatus.QUARANTINED

    tasks.resend_series(Series.objects.get(), BY)

    assert statuses(job)[0] == FileStatus.REFUSED


def test_a_script_is_not_told_that_a_held_file_is_known(sandbox: Sandbox) -> None:
    job = checked(sandbox, others(1))
    file = File.objects.get()

    assert concerns.known_by_digest(job.team, [file.sha256]) == {}
    assert concerns.known_by_digest(make_team(), [file.sha256]) == {}


def test_facts_for_a_search_are_kept_with_the_series(sandbox: Sandbox) -> None:
    facts = {
        "AccessionNumber": "A1",
        "SeriesNumber": "3",
        "BodyPartExamined": "HEAD",
        "StudyDescription": "CT head",
    }

    checked(sandbox, own(1, **facts))

    series = Series.objects.get()
    assert (series.accession_number, series.series_number) == ("A1", 3)
    assert (series.body_part, series.study_description) == ("HEAD", "CT head")


@pytest.mark.parametrize("number", [b"  ", b"x", b"3.5", b"9999999999"])
def test_a_series_number_that_is_none_is_left_out(number: bytes, sandbox: Sandbox) -> None:
    content = image(1, SeriesNumber="1111111111").replace(b"1111111111", number.ljust(10))

    job = checked(sandbox, [("CD/1", content)])

    assert statuses(job) == [FileStatus.VALID]
    assert Series.objects.get().series_number is None
