"""The way of a request's body onto the disk, as fast as it comes and in flat memory."""

import time
from dataclasses import dataclass
from io import BufferedIOBase
from typing import BinaryIO

from uploads.sandbox.faults import Fault
from uploads.sandbox.multipart import READ_BYTES


@dataclass(frozen=True)
class Spooled:
    """What came of a body: how much, when its first byte came, and whether that was all of it."""

    size: int
    first_byte_at: float | None
    is_whole: bool


def spool(stream: BufferedIOBase, length: int, target: BinaryIO, fault: Fault | None) -> Spooled:
    """Write up to ``length`` bytes to ``target``; a scripted fault may stop or pause it on the way."""
    pause_at = fault.after_bytes if fault and 0 <= fault.after_bytes < length else length
    buffer = memoryview(bytearray(READ_BYTES))
    size, first_byte_at = _pump(stream, pause_at, target, buffer)
    if fault and pause_at < length and size == pause_at:
        if fault.kind == "drop_before":
            return Spooled(size, first_byte_at, is_whole=False)
        if fault.kind == "slow":
            time.sleep(fault.seconds)
    more, later = _pump(stream, length - size, target, buffer) if size == pause_at else (0, None)
    target.flush()
    return Spooled(size + more, first_byte_at or later, is_whole=size + more == length)


def _pump(
    stream: BufferedIOBase, length: int, target: BinaryIO, buffer: memoryview
) -> tuple[int, float | None]:
    """Move ``length`` bytes or what comes of them; a connection that is cut or stays silent ends it."""
    size = 0
    first_byte_at = None
    while size < length:
        try:
            count = stream.readinto1(buffer[: length - size])
        except OSError:  # reset, or no byte within the connection's timeout
            break
        if not count:
            break
        first_byte_at = first_byte_at or time.time()
        target.write(buffer[:count])
        size += count
    return size, first_byte_at
