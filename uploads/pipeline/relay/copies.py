"""Of equal files one is sent; when its bytes are lost, a copy whose bytes are here is sent in its place."""

from collections.abc import Collection

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from uploads.batches import FILLING
from uploads.models import File, Parcel
from uploads.pipeline.relay.lease import BY
from uploads.reasons import Reason
from uploads.states import FileStatus, ParcelStatus


def let_copies_stand_in(file_ids: Collection[int]) -> None:
    """Let the files whose bytes are lost change places with copies, where there are any.

    Call it within the job's turn. A copy that is lost as well is found when it is sent, and changes places
    in its turn: never with a file that was lost before, which has no bytes to its name any more.
    """
    copies = {copy.duplicate_of_id: copy for copy in _copies_of(file_ids).order_by("-number")}
    for copy in copies.values():
        _change_places(copy)


def _copies_of(file_ids: Collection[int]) -> QuerySet[File]:
    kept = Parcel.objects.exclude(status=ParcelStatus.PURGED)
    is_here = Exists(kept.filter(Q(pk=OuterRef("parcel")) | Q(slice_of=OuterRef("pk"))))
    return File.objects.filter(
        is_here,
        status=FileStatus.DUPLICATE,
        duplicate_of__in=file_ids,
        duplicate_of__status=FileStatus.VALID,
        wire_sha256=F("duplicate_of__wire_sha256"),
        job__status__in=FILLING,
    ).select_related("duplicate_of")


def _change_places(copy: File) -> None:
    lost = copy.duplicate_of
    assert lost is not None  # noqa: S101  # it was chosen for it
    nowhere = {"parcel": None, "batch": None}
    lost.advance(FileStatus.DUPLICATE, BY, reason=Reason.DUPLICATE, duplicate_of=copy, **nowhere)
    copy.advance(FileStatus.VALID, BY, reason="", duplicate_of=None)
    Parcel.objects.filter(slice_of=lost).update(slice_of=None)
    File.objects.filter(duplicate_of=lost).update(duplicate_of=copy)
