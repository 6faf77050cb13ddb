"""Whether staged bytes are still those that arrived: BLAKE3, as safe as SHA-256 and five times as fast.

The receipt's digests are SHA-256, which everybody can compute; see docs/decisions/0016-seals.md.
"""

import hashlib

from blake3 import blake3


class Seal:
    """A digest in the making."""

    def __init__(self, data: bytes = b"") -> None:
        self._digest = blake3(data)

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Add the next bytes."""
        self._digest.update(data)

    def hexdigest(self) -> str:
        """The seal of all bytes so far, as 64 hexadecimal digits."""
        return self._digest.hexdigest()


class Digests:
    """SHA-256 and seal of the same bytes, in one pass."""

    def __init__(self, data: bytes = b"") -> None:
        self._sha256 = hashlib.sha256(data)
        self._seal = Seal(data)

    def update(self, data: bytes | bytearray | memoryview) -> None:
        """Add the next bytes."""
        self._sha256.update(data)
        self._seal.update(data)

    def hexdigests(self) -> tuple[str, str]:
        """SHA-256 and seal of all bytes so far, each as 64 hexadecimal digits."""
        return self._sha256.hexdigest(), self._seal.hexdigest()
