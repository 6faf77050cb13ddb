"""The process that draws strangers' images; how it speaks and what limits it has is in ``serving``.

The decoders are C code that is fed whatever came: here they harm nobody.
"""

import base64
import os
import sys
from typing import Final

from uploads.dicom.drawing import draw
from uploads.dicom.serving import serve
from uploads.dicom.source import Source

NICENESS: Final = 10  # checks and requests go first
IDLE_SECONDS: Final = 60.0  # it takes 80 MB, and nobody may want a picture for hours


def answer(source: Source) -> str:
    """The picture in base 64; nothing where there is none."""
    try:
        return base64.b64encode(draw(source)).decode("ascii")
    except Exception:  # each decoder has errors of its own, and each means the same
        return ""


if __name__ == "__main__":
    os.nice(NICENESS)
    serve(answer, sys.argv[1:4], IDLE_SECONDS)
