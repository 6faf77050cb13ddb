"""How much more may come in, and what counts against it."""

from datetime import timedelta

import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from tests.factories import make_file, make_job, make_parcel, make_team
from tests.pipeline.journeys import BY, image, job_to, upload, work_off
from tests.sandboxes import Sandbox
from uploads import room
from uploads.models import File, Job, Parcel, Team
from uploads.pipeline import closing
from uploads.room import Free, StorageFull, TeamFull, TooMuchWaits
from uploads.states import FileStatus, JobStatus, ParcelStatus

pytestmark = pytest.mark.django_db
ANY = Free(None)
SIZE = 100  # bytes of a file here


def file_of(team: Team, file_status: FileStatus, job_status: JobStatus = JobStatus.UPLOADING) -> Job:
    """A job with one file, whose bytes are here unless they are waited for."""
    job = make_job(team, status=job_status)
    content = None if file_status == FileStatus.DECLARED else b"x" * SIZE
    make_file(job, content, status=file_status, size=SIZE)
    return job


@pytest.mark.parametrize(
    ("job_status", "file_status", "counts", "waits"),
    [
        (JobStatus.UPLOADING, FileStatus.DECLARED, True, True),
        (JobStatus.UPLOADING, FileStatus.RECEIVED, True, True),
        (JobStatus.UPLOADING, FileStatus.VALID, True, True),
        (JobStatus.PROCESSING, FileStatus.VALID, True, True),
        (JobStatus.PROCESSING, FileStatus.SENT, True, True),
        (JobStatus.UPLOADING, FileStatus.IGNORED, True, False),
        (JobStatus.UPLOADING, FileStatus.REJECTED, True, False),
        (JobStatus.UPLOADING, FileStatus.QUARANTINED, True, False),
        (JobStatus.ATTENTION, FileStatus.REJECTED, True, False),
        (JobStatus.ATTENTION, FileStatus.QUARANTINED, True, False),
        (JobStatus.ATTENTION, FileStatus.REFUSED, True, False),
        (JobStatus.ATTENTION, FileStatus.SENT, True, False),
        (JobStatus.ATTENTION, FileStatus.VALID, True, False),
        (JobStatus.UPLOADING, FileStatus.ACCEPTED, False, False),
        (JobStatus.ATTENTION, FileStatus.ACCEPTED, False, False),
        (JobStatus.ACCEPTED, FileStatus.ACCEPTED, False, False),
        (JobStatus.ACCEPTED, FileStatus.DUPLICATE, False, False),
        (JobStatus.CANCELLED, FileStatus.CANCELLED, False, False),
    ],
)
def test_what_is_announced_or_here_and_not_at_qure_yet_counts(
    job_status: JobStatus, file_status: FileStatus, counts: bool, waits: bool
) -> None:
    team = make_team()
    file_of(team, file_status, job_status)

    assert room.under_way(team) == SIZE * counts
    assert room.waiting_files() == waits


@pytest.mark.parametrize("job_status", [JobStatus.UPLOADING, JobStatus.ATTENTION])
def test_what_came_together_with_something_held_back_does_not_count(job_status: JobStatus) -> None:
    team = make_team()
    job = file_of(team, FileStatus.ACCEPTED, job_status)
    make_file(job, parcel=job.parcels.get(), status=FileStatus.QUARANTINED, size=1)

    assert room.under_way(team) == 1


def test_what_is_removed_counts_no_more() -> None:
    team = make_team()
    file_of(team, FileStatus.REJECTED, JobStatus.ATTENTION)
    Parcel.objects.update(status=ParcelStatus.PURGED)

    assert room.under_way(team) == 0


@pytest.mark.parametrize("minutes", [0, 61], ids=["it goes on", "nobody goes on with it"])
def test_slices_of_a_file_that_is_not_here_yet_count(minutes: int) -> None:
    team = make_team()
    job = file_of(team, FileStatus.DECLARED)
    make_parcel(job, b"x" * 60, 0, slice_of=job.files.get())
    Job.objects.update(last_arrival_at=now() - timedelta(minutes=minutes))

    assert room.under_way(team) == (60 if minutes else SIZE)


def test_a_team_that_decides_about_nothing_keeps_out_nobody_but_itself(
    sandbox: Sandbox, settings: Settings
) -> None:
    job = job_to(sandbox)
    upload(job, [(f"CD/o{number}", image(number, PatientID="OTHER")) for number in range(3)])
    upload(make_job(job.team), [(f"CD/x{number}", b"junk" * 1000) for number in range(3)])
    work_off()
    brought = sum(File.objects.values_list("size", flat=True))
    settings.UPLOAD_TEAM_MAX_BYTES = brought

    assert room.under_way(job.team) == brought
    assert not is_room(job.team, 1)
    assert is_room(make_team(), 1)


def test_what_is_cancelled_makes_room(sandbox: Sandbox) -> None:
    job = job_to(sandbox)
    upload(job, [("CD/o", image(1, PatientID="OTHER"))])
    work_off()
    before = room.under_way(job.team)

    closing.cancel(job.pk, BY)

    assert before > 0
    assert room.under_way(job.team) == 0


def test_another_teams_files_do_not_count(settings: Settings) -> None:
    file_of(make_team(), FileStatus.VALID)

    assert room.under_way(make_team()) == 0


def test_what_nobody_goes_on_with_holds_no_place_for_long() -> None:
    team = make_team()
    job = file_of(team, FileStatus.DECLARED)
    Job.objects.filter(pk=job.pk).update(last_arrival_at=now() - timedelta(minutes=61))

    assert (room.under_way(team), room.announced(), room.waiting_files()) == (0, 0, 0)


def test_slices_that_are_here_are_not_counted_twice() -> None:
    team = make_team()
    job = file_of(team, FileStatus.DECLARED)
    make_parcel(job, b"x" * 60, 0, slice_of=job.files.get())

    assert room.announced() == SIZE - 60


@pytest.mark.parametrize(("size", "fits"), [(SIZE, True), (SIZE + 1, False)])
def test_a_team_may_have_so_much_under_way_and_no_more(size: int, fits: bool, settings: Settings) -> None:
    settings.UPLOAD_TEAM_MAX_BYTES = 2 * SIZE
    team = make_team()
    file_of(team, FileStatus.VALID)

    assert is_room(team, size) == fits


@pytest.mark.parametrize(("quota", "fits"), [(None, False), (0, True), (1, False), (10 * SIZE, True)])
def test_a_team_may_have_a_limit_of_its_own(quota: int | None, fits: bool, settings: Settings) -> None:
    settings.UPLOAD_TEAM_MAX_BYTES = SIZE
    team = make_team(quota_bytes=quota)
    file_of(team, FileStatus.VALID)

    assert is_room(team, SIZE) == fits


def test_what_is_delivered_makes_room_while_its_upload_goes_on(settings: Settings) -> None:
    settings.UPLOAD_TEAM_MAX_BYTES = SIZE
    team = make_team()
    job = file_of(team, FileStatus.SENT)
    before = is_room(team, SIZE)
    job.files.update(status=FileStatus.ACCEPTED)

    assert (before, is_room(team, SIZE)) == (False, True)


@pytest.mark.parametrize(("free", "fits"), [(2 * SIZE + 50, True), (2 * SIZE + 49, False)])
def test_the_disk_must_hold_what_all_have_announced(free: int, fits: bool, settings: Settings) -> None:
    settings.UPLOAD_FREE_BYTES_FLOOR = 50
    file_of(make_team(), FileStatus.DECLARED)

    assert is_room(make_team(), SIZE, Free(free)) == fits


@pytest.mark.parametrize(("most", "fits"), [(3, True), (2, False)])
def test_no_more_files_may_wait_than_the_portal_is_made_for(
    most: int, fits: bool, settings: Settings
) -> None:
    settings.UPLOAD_WAITING_MAX_FILES = most
    file_of(make_team(), FileStatus.VALID)
    file_of(make_team(), FileStatus.DECLARED)

    assert is_room(make_team(), SIZE) == fits


@pytest.mark.parametrize(
    ("setting", "value", "free", "kind"),
    [
        ("UPLOAD_WAITING_MAX_FILES", 0, ANY, TooMuchWaits),
        ("UPLOAD_TEAM_MAX_BYTES", 1, ANY, TeamFull),
        ("UPLOAD_FREE_BYTES_FLOOR", 1, Free(0), StorageFull),
    ],
)
def test_what_is_full_is_named(
    setting: str, value: int, free: Free, kind: type[Exception], settings: Settings
) -> None:
    setattr(settings, setting, value)

    with pytest.raises(kind):
        room.require_room(make_team(), SIZE, 1, free)


def is_room(team: Team, size: int, free: Free = ANY) -> bool:
    """Whether one more file of the size may be announced."""
    try:
        room.require_room(team, size, 1, free)
    except room.NoRoom:
        return False
    return True
