"""Small pictures of images, drawn by a child process that can be harmed in our place.

Imports neither pydicom nor a decoder: the parent stays small.
"""

import base64
import binascii
import struct
from typing import BinaryIO, Final

from uploads.dicom.process import MalformedAnswer
from uploads.dicom.reader import Limits, Reader

SECONDS_PER_PICTURE: Final = 30.0
MEMORY_BYTES: Final = 512 * 1024 * 1024
PICTURES_PER_CHILD: Final = 100  # decoders may leak
WIDEST: Final = 256  # pixels
ANSWER_BYTES: Final = 512 * 1024  # the largest RGB picture that can't be compressed, in base 64
# The signature, and the size in the first chunk (PNG, 5.2 and 11.2.2).
PNG_HEAD: Final = struct.Struct(">8s4x4sII")
PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"


class MalformedPicture(MalformedAnswer):
    """What came through the socket is no picture of ours."""


class Drawer:
    """Draws images in a child process; see ``uploads.dicom.reader``."""

    def __init__(
        self, seconds_per_picture: float = SECONDS_PER_PICTURE, memory_bytes: int = MEMORY_BYTES
    ) -> None:
        limits = Limits(seconds_per_picture, memory_bytes, PICTURES_PER_CHILD, ANSWER_BYTES)
        self._reader: Reader[bytes | None] = Reader("uploads.dicom.picture_child", understand, None, limits)

    @property
    def child_pid(self) -> int | None:
        """The process id of the child, when there is one."""
        return self._reader.child_pid

    def draw(self, file: BinaryIO, length: int) -> bytes | None:
        """Answer a PNG of the image in the first ``length`` bytes; None where none can be made.

        ``file`` needs a descriptor. Raises ReaderBroken when no child starts or the disk fails.
        """
        return self._reader.read(file.fileno(), [(0, length)], at_once=1)[0]

    def close(self) -> None:
        """End the child. The drawer may be used again: it starts another."""
        self._reader.close()


def understand(line: bytes) -> bytes | None:
    """Read a line of the child. Raises MalformedPicture: whoever takes the child over draws nothing large."""
    if not line:
        return None
    try:
        png = base64.b64decode(line, validate=True)
        signature, chunk, width, height = PNG_HEAD.unpack_from(png)
    except (binascii.Error, struct.error):
        raise MalformedPicture("the child's answer is no picture") from None
    if (signature, chunk) != (PNG_SIGNATURE, b"IHDR") or not (0 < width <= WIDEST and 0 < height <= WIDEST):
        raise MalformedPicture("the child's answer is no small PNG")
    return png
