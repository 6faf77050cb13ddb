"""Damaged DICOM, in the child process that reads it for the portal."""

import io
import tempfile
from pathlib import Path
from typing import Final

import pydicom

from tests.bench.processes import peak_megabytes
from tests.dicoms import BIG_ENDIAN, DEFLATED, EXPLICIT, IMPLICIT, dicom_bytes
from tests.fuzz.conftest import Count
from tests.fuzz.mutating import Mutator
from tests.fuzz.watch import Watch
from uploads.dicom.checker import MEMORY_BYTES, Checker, Span
from uploads.dicom.findings import Outcome

LARGEST: Final = 100_000  # bytes of a sound file
AT_ONCE: Final = 50  # files, as a task checks them


def sound_files() -> list[bytes]:
    """pydicom's own test files that are small, and ours."""
    folder = Path(pydicom.__file__).parent / "data"
    shipped = [
        path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix not in (".py", ".pyc")
    ]
    small = [path.read_bytes() for path in shipped if path.stat().st_size < LARGEST]
    ours = [dicom_bytes(syntax=syntax) for syntax in (IMPLICIT, EXPLICIT, BIG_ENDIAN, DEFLATED)]
    assert len(small) > 100
    return [*small, *ours * 10]


def test_damaged_files_each_have_an_outcome_and_harm_nobody(times: Count, seed: int) -> None:
    mutator, watch = Mutator(seed, sound_files()), Watch(times(50_000))
    checker = Checker()

    for _ in watch.rounds(AT_ONCE):
        mutants = [mutator.mutant() for _ in range(AT_ONCE)]
        with tempfile.TemporaryFile() as parcel, watch.no_longer_than(10):
            offsets = [(parcel.seek(0, io.SEEK_END), parcel.write(mutant)) for mutant in mutants]
            parcel.flush()
            findings = checker.check(parcel, [Span(offset, length) for offset, length in offsets])
        assert len(findings) == AT_ONCE
        assert all((finding.outcome is Outcome.VALID) == (finding.reason is None) for finding in findings)
        assert checker.child_pid is None or peak_megabytes(checker.child_pid) * 1e6 < MEMORY_BYTES
    checker.close()
