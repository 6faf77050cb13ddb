"""How much more may come in, and what counts against it."""

from datetime import timedelta

import pytest
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from tests.factories import make_file, make_job, make_parcel, make_team
from uploads import room
from uploads.models import Job, Team
from uploads.room import Free, StorageFull, TeamFull, TooMuchWaits
from uploads.states import FileStatus, JobStatus

pytestmark = pytest.mark.django_db
ANY = Free(None)
SIZE = 100  # bytes of a file here


def file_of(team: Team, file_status: FileStatus, job_status: JobStatus = JobStatus.UPLOADING) -> Job:
    """A job with one file."""
    job = make_job(team, status=job_status)
    make_file(job, status=file_status, size=SIZE)
    return job


@pytest.mark.parametrize(
    ("job_status", "file_status", "counts"),
    [
        (JobStatus.UPLOADING, FileStatus.DECLARED, True),
        (JobStatus.UPLOADING, FileStatus.RECEIVED, True),
        (JobStatus.UPLOADING, FileStatus.VALID, True),
        (JobStatus.PROCESSING, FileStatus.VALID, True),
        (JobStatus.PROCESSING, FileStatus.SENT, True),
        (JobStatus.UPLOADING, FileStatus.IGNORED, False),
        (JobStatus.UPLOADING, FileStatus.REJECTED, False),
        (JobStatus.UPLOADING, FileStatus.ACCEPTED, False),
        (JobStatus.ACCEPTED, FileStatus.ACCEPTED, False),
        (JobStatus.ATTENTION, FileStatus.SENT, False),
        (JobStatus.CANCELLED, FileStatus.CANCELLED, False),
    ],
)
def test_what_is_announced_or_here_and_not_at_qure_yet_counts(
    job_status: JobStatus, file_status: FileStatus, counts: bool
) -> None:
    team = make_team()
    file_of(team, file_status, job_status)

    assert room.under_way(team) == SIZE * counts
    assert room.waiting_files() == counts


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
