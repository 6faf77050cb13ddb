"""Parcels as the browser makes them, built with the standard library."""

import hashlib
import io
import tarfile
from collections.abc import Sequence

Members = Sequence[tuple[str, bytes]]


def tar_of(members: Members) -> bytes:
    """A POSIX TAR of the members: (name, content)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in members:
            header = tarfile.TarInfo(name)
            header.size = len(content)
            archive.addfile(header, io.BytesIO(content))
    return out.getvalue()


def digest_of(members: Members) -> str:
    """The parcel's digest: SHA-256 over its members' SHA-256 digests."""
    digests = b"".join(hashlib.sha256(content).digest() for _, content in members)
    return hashlib.sha256(digests).hexdigest()
