"""A process dies at each named point; what comes after it finds nothing lost and nothing doubled."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django.fixtures import Settings

from tests.crashes.databases import database_in
from tests.crashes.journeys import (
    FAULTS,
    Traveller,
    all_is_over,
    digests_of_good,
    go,
    make_traveller,
    staged,
    work_on,
)
from tests.crashes.processes import dies_at
from tests.sandboxes import Sandbox
from tests.verification.jobs import violations
from uploads import tasks
from uploads.failpoints import Point, listening
from uploads.verification import CHECKS_OF_THE_RECEIVER


@pytest.fixture
def traveller(
    tmp_path: Path,
    settings: Settings,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    transactional_db: None,
) -> Iterator[Traveller]:
    """A person whose uploads are about to begin, in a database that outlives a process."""
    settings.WEBHOOK_ALLOWED_HOSTS = []  # a call that is made ends before it leaves
    monkeypatch.setattr(tasks.silence, "until", math.inf)  # every hint is lost
    with database_in(tmp_path / "portal.sqlite3"):
        traveller = make_traveller(sandbox)
        sandbox.script(*FAULTS)
        yield traveller


def wrong_now(sandbox: Sandbox) -> list[str]:
    """Every violation of an invariant."""
    received = {(row["sop_uid"], row["sha256"]): row["received"] for row in sandbox.rows()}
    return [*violations(), *(sentence for check in CHECKS_OF_THE_RECEIVER for sentence in check(received))]


def test_the_journey_comes_by_every_point(traveller: Traveller, monkeypatch: pytest.MonkeyPatch) -> None:
    reached: list[Point] = []
    monkeypatch.setattr(listening, "to", reached.append)

    go(traveller)

    assert set(Point) - set(reached) == set()


@pytest.mark.parametrize("point", Point, ids=lambda point: point.name)
def test_what_a_killed_process_leaves_behind_recovers_and_goes_all_the_way(
    point: Point, traveller: Traveller, sandbox: Sandbox
) -> None:
    was_killed = dies_at(point, lambda: go(traveller))
    sandbox.clear_faults()

    work_on()
    wrong_after_recovery = wrong_now(sandbox)
    go(traveller)

    assert was_killed
    assert wrong_after_recovery == []
    assert wrong_now(sandbox) == []
    assert set(sandbox.instances().values()) == digests_of_good()
    assert all_is_over(traveller)
    assert staged() == []
