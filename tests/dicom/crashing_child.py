"""A reader's child whose decoder crashes, as C code does."""

import os
import signal
import sys

from uploads.dicom.serving import serve
from uploads.dicom.source import Source


def crash(source: Source) -> str:
    """Die, unless there is nothing to read."""
    if source.size:
        os.kill(os.getpid(), signal.SIGSEGV)
    return ""


if __name__ == "__main__":
    serve(crash, sys.argv[1:4], idle_seconds=None)
