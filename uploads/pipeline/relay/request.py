"""The request itself: staged files in, an answer or a fault out."""

import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from hashlib import sha256
from typing import BinaryIO, Final

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection

from uploads import failpoints
from uploads.failpoints import Point
from uploads.models import Destination, Extent, File, Parcel, extents_of_all
from uploads.pipeline.relay.lease import Claim, renew
from uploads.pipeline.relay.persisting import DATABASE_TROUBLE
from uploads.qure.account import Account
from uploads.qure.answers import Answer
from uploads.qure.body import Part, PartChanged, encoded_size
from uploads.qure.client import Client
from uploads.staged import StagedBytesGone, StagedReader
from uploads.storage import STORAGE_TROUBLE

RENEWALS_A_LEASE: Final = 4

logger: Final = logging.getLogger(__name__)


class StagedFilesLost(Exception):
    """Files of the batch can't be read from staging any more, or are not as long as they were."""

    def __init__(self, file_ids: frozenset[int]) -> None:
        super().__init__(f"The staged bytes of {len(file_ids)} files are gone.")
        self.file_ids = file_ids


class StagingUnavailable(Exception):
    """The storage can't be read now. That says nothing of the files."""


def deliver(claimed: Claim) -> Answer:
    """Send the batch and read the answer.

    Raises ``QureFault``, :class:`StagedFilesLost`, :class:`StagingUnavailable` and, when another worker took
    over, ``LeaseLost``. The client raises its own faults for the line: an ``OSError`` here is the storage's.
    """
    extents = extents_of_all(claimed.files)
    try:
        return _send(claimed, extents)
    except _Broken as e:
        raise StagedFilesLost(_lost_with(claimed.files[e.index], extents)) from None
    except STORAGE_TROUBLE as e:
        raise StagingUnavailable from e


class _Broken(Exception):
    """The file with this index could not be read to its end."""

    def __init__(self, index: int) -> None:
        super().__init__(index)
        self.index = index


def _send(claimed: Claim, extents: dict[int, list[Extent]]) -> Answer:
    index = 0

    def open_file(place: int, file: File) -> BinaryIO:
        nonlocal index
        index = place
        where, prefix = extents[file.pk], bytes(file.wrapper or b"")
        if file.wire_seal:
            return reader.open(where, prefix, file.wire_seal)
        return reader.open(where, prefix, file.wire_sha256, sha256)  # it was checked before there were seals

    with StagedReader() as reader, Client(account_of(claimed.destination)) as client:
        parts = [
            Part(file.wire_name, file.wire_size, partial(open_file, place, file))
            for place, file in enumerate(claimed.files)
        ]
        try:
            return client.send(parts, on_progress=_keep_lease(claimed, encoded_size(parts)))
        except (PartChanged, StagedBytesGone):
            raise _Broken(index) from None


def _lost_with(broken: File, extents: dict[int, list[Extent]]) -> frozenset[int]:
    """The file and all whose bytes are gone too: a parcel that vanished takes hundreds with it."""
    parcels = {parcel.pk: parcel for pieces in extents.values() for parcel, _, _ in pieces}
    try:
        sizes = {parcel_id: _staged_size(parcel) for parcel_id, parcel in parcels.items()}
    except STORAGE_TROUBLE as e:
        raise StagingUnavailable from e
    lost = {file_id for file_id, pieces in extents.items() if not _is_held(pieces, sizes)}
    return frozenset(lost | {broken.pk})


def _staged_size(parcel: Parcel) -> int:
    try:
        return default_storage.size(parcel.object_name)
    except FileNotFoundError:
        return 0


def _is_held(pieces: Sequence[Extent], sizes: dict[int, int]) -> bool:
    return all(sizes[parcel.pk] >= offset + length for parcel, offset, length in pieces)


def account_of(destination: Destination) -> Account:
    """What the client needs to know of a destination."""
    return Account(
        base_url=destination.base_url,
        token=destination.token,
        source=destination.source,
        scheme=destination.scheme,
        stall_timeout=settings.RELAY_STALL_SECONDS,
        answer_timeout=settings.RELAY_ANSWER_SECONDS,
        ca_bundle=settings.QURE_CA_BUNDLE or None,
    )


def _keep_lease(claimed: Claim, body_bytes: int) -> Callable[[int], None]:
    interval = settings.RELAY_LEASE_SECONDS / RENEWALS_A_LEASE
    last_renewal = time.monotonic()

    def on_progress(sent_bytes: int) -> None:
        nonlocal last_renewal
        failpoints.reach(Point.RELAY_BYTES_LEFT)
        if sent_bytes >= body_bytes:
            failpoints.reach(Point.RELAY_BODY_SENT)
            _renew(claimed, settings.RELAY_ANSWER_SECONDS)
        elif time.monotonic() - last_renewal > interval:
            _renew(claimed)
            last_renewal = time.monotonic()

    return on_progress


def _renew(claimed: Claim, extra_seconds: float = 0) -> None:
    """Keep the batch. A database that fails just now ends no request: the token tells whose the batch is."""
    try:
        renew(claimed, extra_seconds)
    except DATABASE_TROUBLE:
        logger.warning("batch %s: the lease can't be renewed now", claimed.batch.pk)
        connection.close_if_unusable_or_obsolete()
