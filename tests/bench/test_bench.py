"""The benchmarks run and print their lines; how fast anything is, no test says."""

import os
import subprocess
import sys

import pytest

from tests.bench.portal import PROJECT

STUDIES = ("CT", "DX", "MR")
ROLES = ("web", "checks", "relay", "stat", "beat", "reader", "valkey", "supervisor", "guard")
TAKING_IN = [
    *(f"P1 {floor} / intake, {study}" for floor in ("bare WSGI", "sealed and synced") for study in STUDIES),
    *(f"P2 CPU of intake, {study}, s a gigabyte" for study in ("CT", "MR")),
    "P2 one file a request / intake, MR",
]
CHECKING = [
    *(f"P4 checker / bare loop, CPU, {study}" for study in ("CT", "MR")),
    *(f"P4 one worker / two, {study}" for study in ("CT", "MR")),
    "P7 one at a time / 4, 100 ms delay, CT",
]
STORING = [
    *(f"P11 boto3 put_object / staging, {study}" for study in STUDIES),
    "P11 S3Storage.save a file / staging, MR",
]
RELAYING = [
    *(f"P5 curl -T / relay, {way}, {study}" for way in ("http", "TLS") for study in STUDIES),
    *(f"P6 sample script / relay, {way}, {study}" for way in ("http", "TLS") for study in STUDIES),
    *(f"P6 encoder at 1 MiB / body, no line, {study}" for study in STUDIES),
    *(f"P5 memory over base, {what}, MB" for what in ("100 MB", "1 GB", "10,000 files")),
    "P5 open files while 10,000 are sent",
]
JOURNEYS = [
    *(f"P8 whole way / upload alone, {study}" for study in STUDIES),
    *(f"P8 tail after the upload, {study}, s" for study in STUDIES),
    *(f"P8 pace, {study}, MB/s" for study in STUDIES),
    *(f"P9 end to end / its CPU on {os.cpu_count()} cores, {study}" for study in STUDIES),
    "P3 Orthanc",  # or that it is not installed
    "P10 Orthanc",
    *(f"RAM {role}, the largest process, MB" for role in ROLES),
]
PAGES = [
    "P12 the page / the line, 40 files of 20 KB",
    "P12 the line, one plain request, Mbit/s",
    "P12 drop to review, 40 files of 20 KB, s",
    "P12 longest task while bytes move, ms",
    "P12 the tab, 0.0 GB, MB",
]


HISTORY = [f"history {what}, ms" for what in ("first page", "order files", "search patient ID", "live rows")]


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        ("P1,P2,P3,P8,P9,P10,P12", [*TAKING_IN, *JOURNEYS, *PAGES]),
        ("P4,P7,P11", [*CHECKING, *STORING]),
        ("P5,P6", RELAYING),
        ("history", HISTORY),
    ],
)
def test_a_quick_run_prints_each_figure(targets: str, expected: list[str]) -> None:
    command = [sys.executable, "-m", "tests.bench", "--quick", "--pairs", "1", "--only", targets]

    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    printed = [" ".join(line.split()) for line in done.stdout.splitlines()]
    missing = [start for start in expected if not any(line.startswith(start) for line in printed)]
    assert missing == []
