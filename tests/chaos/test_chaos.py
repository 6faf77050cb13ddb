"""The short form of a chaos run. Longer ones: ``python -m tests.chaos --help``."""

import os
from pathlib import Path

import pytest

from tests.chaos.plans import Plan
from tests.chaos.runs import run
from tests.parts.__main__ import ON_PARTS

# Kills and files; on PostgreSQL and S3 fewer: every row and every byte takes longer there.
ON_DISK, ELSEWHERE = (300, 1500), (60, 400)
SEED = 4
PAUSE = 0.05  # seconds between two faults
TEST_SECONDS = 1800  # on a machine that is busy with something else


@pytest.mark.timeout(TEST_SECONDS)
def test_many_kills_lose_nothing_and_no_page_says_what_is_not_so(tmp_path: Path) -> None:
    kills, files = ELSEWHERE if ON_PARTS in os.environ else ON_DISK

    report = run(tmp_path, Plan(kills, files, SEED, pause=PAUSE))

    assert report.is_good, str(report)
    assert report.files == files
