"""How much more may come in: the staging disk, what a team has under way, what waits in all.

What was announced but is not here yet holds its place for an hour after the last arrival: an upload that
nobody goes on with must not keep others out until it is given up.
"""

import errno
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, cast

from django.conf import settings
from django.core.files.storage import default_storage
from django.db.models import F, Q, QuerySet, Sum
from django.utils.timezone import now

from uploads.models import File, Job, Parcel, Team
from uploads.states import FileStatus, JobStatus, ParcelStatus
from uploads.storage import Staging

NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
HELD: Final = timedelta(hours=1)
MOVING: Final = (JobStatus.UPLOADING, JobStatus.PROCESSING)
HERE: Final = (FileStatus.RECEIVED, FileStatus.VALID, FileStatus.SENT)  # and not at Qure yet
STAGED: Final = (ParcelStatus.STORED, ParcelStatus.CHECKING, ParcelStatus.CHECKED)
NOT_TAKEN: Final = tuple(
    status for status in FileStatus if status not in (FileStatus.DECLARED, FileStatus.ACCEPTED)
)
# Of what is accepted as a whole, or cancelled, everything goes as soon as the disk gets short.
LIVES: Final = Q(job__status__in=(*MOVING, JobStatus.ATTENTION), job__purged_at=None)


class NoRoom(Exception):
    """What is announced can't be taken now. What is here already is finished."""


class StorageFull(NoRoom):
    """There is no room for the bytes."""


class TeamFull(NoRoom):
    """The team has as much under way as it may have."""


class TooMuchWaits(NoRoom):
    """So many files wait that more would only wait longer."""


@dataclass(frozen=True)
class Free:
    """The room on the staging disk, asked for before a transaction begins: a disk may be slow to answer."""

    bytes: int | None  # None: not known, as of a bucket

    @classmethod
    def now(cls) -> "Free":
        """Ask the storage."""
        return cls(cast(Staging, default_storage).free_bytes())

    @property
    def is_short(self) -> bool:
        """Whether it is time to remove what nobody needs any more."""
        return self.bytes is not None and self.bytes < 2 * settings.UPLOAD_FREE_BYTES_FLOOR

    def holds(self, size: int) -> bool:
        """Whether so many bytes fit and leave free what is to be kept free."""
        return self.bytes is None or self.bytes - size >= settings.UPLOAD_FREE_BYTES_FLOOR


def require_room(team: Team, size: int, count: int, free: Free) -> None:
    """Raise :class:`NoRoom` unless the team may announce ``count`` more files of ``size`` bytes in all."""
    if waiting_files() + count > settings.UPLOAD_WAITING_MAX_FILES:
        raise TooMuchWaits
    Team.objects.filter(pk=team.pk).update(quota_bytes=F("quota_bytes"))  # one after the other
    quota = quota_of(team)
    if quota and under_way(team) + size > quota:
        raise TeamFull
    if not free.holds(announced() + size):
        raise StorageFull


def quota_of(team: Team) -> int:
    """Bytes that the team may have under way; 0 for any number."""
    return settings.UPLOAD_TEAM_MAX_BYTES if team.quota_bytes is None else team.quota_bytes


def under_way(team: Team) -> int:
    """Bytes that the team has announced or brought, and that Qure has not taken yet.

    What nobody can send counts too while its upload goes on or needs attention: it fills the disk.
    """
    return announced(team) + _brought(team)


def announced(team: Team | None = None) -> int:
    """Bytes that were announced, by a team or in all, and are still expected."""
    coming = _coming().filter(job__team=team) if team else _coming()
    slices = Parcel.objects.filter(slice_of__in=coming)
    return max(0, _sum(coming) - _sum(slices))


def waiting_files() -> int:
    """Files that are expected, or here and not at Qure yet."""
    return _coming().count() + _here().count()


def _coming() -> QuerySet[File]:
    uploading = Job.objects.filter(status=JobStatus.UPLOADING, last_arrival_at__gt=now() - HELD)
    return File.objects.filter(job__in=uploading, status=FileStatus.DECLARED)


def _here() -> QuerySet[File]:
    return File.objects.filter(job__status__in=MOVING, status__in=HERE)


def _brought(team: Team) -> int:
    """Bytes that lie here for what Qure has not taken, be it on its way, held back or junk."""
    brought = File.objects.filter(LIVES, status__in=NOT_TAKEN, job__team=team)
    slices = Parcel.objects.filter(LIVES, job__team=team, status__in=STAGED, slice_of__isnull=False)
    not_taken = slices.exclude(slice_of__status=FileStatus.ACCEPTED)
    return _sum(brought.filter(parcel__status__in=STAGED)) + _sum(not_taken)


def _sum(rows: QuerySet[File] | QuerySet[Parcel]) -> int:
    return int(rows.aggregate(total=Sum("size", default=0))["total"])
