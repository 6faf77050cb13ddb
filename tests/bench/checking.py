"""P4: what checking a file costs beside a bare loop of header reads, and what a second worker brings."""

import io
import os
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import BinaryIO, Final

from pydicom import dcmread

from tests.bench.pairs import compare, timed
from tests.bench.studies import PackedParcel, Study
from tests.bench.table import Line, at_least, at_most
from uploads.dicom.checker import Checker, Span
from uploads.dicom.findings import Outcome

HEAD: Final = 64 * 1024  # bytes; a header is shorter
GOAL: Final = 1.15
PAIR_GOAL: Final = 1.7
AT_ONCE: Final = 25  # files, as the worker asks for: uploads.pipeline.validation
FILES: Final = 3000  # to be checked at least; a smaller study is checked several times

Chunk = tuple[Path, list[Span]]  # files of one parcel


def checking_line(study: Study, pair_count: int) -> Line:
    """The study's largest parcel, checked in the child and read here. Parent and child are counted."""
    parcel = max(study.parcels, key=lambda parcel: len(parcel.files))
    spans = [Span(file.offset, file.size, file.path.name) for file in parcel.files]
    checker = Checker()
    try:
        with parcel.path.open("rb") as stream:
            figure = compare(
                lambda: _check(checker, stream, spans), lambda: _read_heads(stream, spans), pair_count
            )
    finally:
        checker.close()
    return at_most(GOAL, "P4", f"checker / bare loop, CPU, {study.name}", figure.median, str(figure))


def pair_line(study: Study, pair_count: int, is_quick: bool) -> Line:
    """The study's files checked by one worker / by two that share them."""
    repeats = 1 if is_quick else max(1, FILES // len(study.files))
    chunks = [chunk for parcel in study.parcels for chunk in _chunks(parcel)] * repeats
    with ProcessPoolExecutor(1) as one, ProcessPoolExecutor(1) as other:

        @timed
        def alone() -> None:
            one.submit(_check_chunks, chunks).result()

        @timed
        def together() -> None:
            halves = [one.submit(_check_chunks, chunks[::2]), other.submit(_check_chunks, chunks[1::2])]
            for half in halves:
                half.result()

        figure = compare(alone, together, pair_count)
        for worker in (one, other):
            worker.submit(_close).result()
    return at_least(PAIR_GOAL, "P4", f"one worker / two, {study.name}", figure.median, str(figure))


def _chunks(parcel: PackedParcel) -> Iterator[Chunk]:
    spans = [Span(file.offset, file.size, file.path.name) for file in parcel.files]
    for start in range(0, len(spans), AT_ONCE):
        yield parcel.path, spans[start : start + AT_ONCE]


_checker: Final = Checker()  # each worker has its own: whoever is forked starts another child


def _close() -> None:
    _checker.close()


def _check_chunks(chunks: Sequence[Chunk]) -> None:
    for path, spans in chunks:
        with path.open("rb") as stream:
            _checker.check(stream, spans)


def _check(checker: Checker, stream: BinaryIO, spans: Sequence[Span]) -> float:
    start = time.process_time() + _child_seconds(checker)
    findings = checker.check(stream, spans)
    took = time.process_time() + _child_seconds(checker) - start
    assert {finding.outcome for finding in findings} == {Outcome.VALID}
    return took


def _read_heads(stream: BinaryIO, spans: Sequence[Span]) -> float:
    start = time.process_time()
    for span in spans:
        head = os.pread(stream.fileno(), min(HEAD, span.length), span.offset)
        dcmread(io.BytesIO(head), stop_before_pixels=True)
    return time.process_time() - start


def _child_seconds(checker: Checker) -> float:
    """CPU seconds of the child so far, to the nanosecond; it has one thread."""
    if checker.child_pid is None:
        return 0.0
    schedule = Path(f"/proc/{checker.child_pid}/schedstat").read_text(encoding="ascii")
    return int(schedule.split()[0]) / 1e9
