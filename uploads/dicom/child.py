"""The process that checks strangers' files; how it speaks and what limits it has is in ``serving``."""

import sys

from uploads.dicom.findings import to_json
from uploads.dicom.inspect import inspect
from uploads.dicom.serving import serve

if __name__ == "__main__":
    serve(lambda source: to_json(inspect(source)), sys.argv[1:4])
