"""Where the bytes of a file lie: a list of extents in parcels."""

from collections import defaultdict
from collections.abc import Sequence

from uploads.models.jobs import File, Parcel

Extent = tuple[Parcel, int, int]  # parcel, offset in it, length; bytes


def extents_of_all(files: Sequence[File]) -> dict[int, list[Extent]]:
    """Where the bytes of each file lie, by the file's primary key, in the file's order."""
    parcels = Parcel.objects.in_bulk({file.parcel_id for file in files if file.parcel_id})
    rows = {parcel_id: {row[0]: row for row in parcel.layout} for parcel_id, parcel in parcels.items()}
    extents = {}
    for file in files:
        if file.parcel_id is None:
            extents[file.pk] = _extents_of_slices(file)
        else:
            offset = rows[file.parcel_id][file.number][2]
            extents[file.pk] = [(parcels[file.parcel_id], offset, file.size)]
    return extents


def _extents_of_slices(file: File) -> list[Extent]:
    """Only slices of one content are joined: of that of which most is here."""
    contents = defaultdict(list)
    for parcel in file.slices.order_by("pk"):
        contents[parcel.cut_from].append(parcel)
    return max((_joined(slices) for slices in contents.values()), key=_length, default=[])


def _joined(slices: Sequence[Parcel]) -> list[Extent]:
    """Slices may overlap, when an upload was resumed with other sizes; each byte is taken once.

    The list ends at the first gap.
    """
    parcels = {parcel.pk: parcel for parcel in slices}
    pieces = sorted(
        (file_offset, -length, offset, parcel.pk)
        for parcel in slices
        for _, file_offset, offset, length, *_ in parcel.layout
    )
    extents = []
    position = 0
    for file_offset, negative_length, offset, parcel_id in pieces:
        skipped = position - file_offset
        length = -negative_length - skipped
        if skipped < 0:
            break
        if length > 0:
            extents.append((parcels[parcel_id], offset + skipped, length))
            position += length
    return extents


def staged_bytes(file: File) -> int:
    """How many of the file's bytes are staged without a gap."""
    return _length(extents_of_all([file])[file.pk])


def _length(extents: Sequence[Extent]) -> int:
    return sum(length for _, _, length in extents)
