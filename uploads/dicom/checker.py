"""Checks files: one finding each, by a child process that can be harmed in our place.

Imports no pydicom: the parent stays small.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import BinaryIO, Final

from uploads.dicom.findings import Finding, Outcome, from_json
from uploads.dicom.names import is_system_name
from uploads.dicom.reader import Limits, Reader
from uploads.reasons import Reason

SECONDS_PER_FILE: Final = 10.0
FILES_PER_CHILD: Final = 5_000
MEMORY_BYTES: Final = 512 * 1024 * 1024
FINDING_BYTES: Final = 64 * 1024
ANSWERS_AT_ONCE: Final = 16

SYSTEM_FILE: Final = Finding(Outcome.IGNORED, Reason.SYSTEM_FILE)
TOO_COMPLEX: Final = Finding(Outcome.REJECTED, Reason.TOO_COMPLEX)


@dataclass(frozen=True)
class Span:
    """A file within an open file: ``length`` bytes from ``offset``.

    ``name`` is the path that it had: a hint that stays here, neither sent to the child nor logged.
    """

    offset: int
    length: int
    name: str = ""


class Checker:
    """Checks files in a child process; see ``uploads.dicom.reader``."""

    def __init__(
        self,
        seconds_per_file: float = SECONDS_PER_FILE,
        files_per_child: int = FILES_PER_CHILD,
        memory_bytes: int = MEMORY_BYTES,
    ) -> None:
        limits = Limits(seconds_per_file, memory_bytes, files_per_child, FINDING_BYTES)
        self._reader = Reader("uploads.dicom.child", from_json, TOO_COMPLEX, limits)

    @property
    def child_pid(self) -> int | None:
        """The process id of the child, when there is one."""
        return self._reader.child_pid

    def check(self, file: BinaryIO, spans: Sequence[Span]) -> list[Finding]:
        """Answer one finding for each span, in order.

        ``file`` needs a descriptor; its position does not matter and stays. A file that takes too long,
        or that takes its child down three times, is TOO_COMPLEX. Raises ReaderBroken when no child starts or
        the disk fails.
        """
        asked = [(span.offset, span.length) for span in spans if not is_system_name(span.name)]
        answers = iter(self._reader.read(file.fileno(), asked, ANSWERS_AT_ONCE))
        return [SYSTEM_FILE if is_system_name(span.name) else next(answers) for span in spans]

    def close(self) -> None:
        """End the child. The checker may be used again: it starts another."""
        self._reader.close()
