"""A whole run with a patient and secrets that can be recognized: none of them gets where it has no business.

An eventful run: faults of Qure, damaged files, odd files, a wrong password, a bad token, and exceptions whose
texts hold the patient's data, on a page and in a worker. Then all that was written down is read.
"""

import json
from collections.abc import Iterator
from typing import Any, Final

import pytest

from tests.ops.canary import Run, command_lines, live_through, overheard, wal
from tests.portals import running_portal

pytestmark = pytest.mark.timeout(600)  # the run belongs to whichever test comes first

SETTINGS: Final = {"LOG_LEVEL": "DEBUG", "LOG_FORMAT": "json", "RELAY_FIRST_WAIT_SECONDS": "0.1"}
TASKS: Final = {"check_parcel", "plan_batches", "send_batch", "close_job"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Run]:
    """One eventful run."""
    with running_portal(tmp_path_factory.mktemp("canary"), **SETTINGS) as portal:
        with overheard(portal) as broker:
            canaries = live_through(portal)
        yield Run(
            canaries=canaries,
            logs=portal.log() + portal.qure.log(),
            broker=broker,
            names="\n".join(str(path) for path in (portal.folder / "staging").rglob("*")),
            command_lines=command_lines(portal),
            database=(portal.folder / "portal.sqlite3").read_bytes() + wal(portal).read_bytes(),
            at_qure=b"".join(portal.qure.bytes_of(row["sha256"]) for row in portal.qure.rows()),
        )


def log_lines(run: Run) -> list[dict[str, Any]]:  # Any: what the lines hold
    """The structured lines of the logs."""
    lines = [line for line in run.logs.splitlines() if line.startswith("{")]
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize("place", ["logs", "broker", "object names", "command lines"])
def test_no_patient_and_no_secret_is_written_where_it_has_no_business(run: Run, place: str) -> None:
    text = run.places()[place].casefold()

    assert text
    assert [name for name, canary in run.canaries.items() if canary.casefold() in text] == []


@pytest.mark.parametrize("name", ["name", "id", "birth date", "study", "series", "instance", "description"])
def test_the_patient_did_go_to_qure(run: Run, name: str) -> None:
    assert run.canaries[name].encode() in run.at_qure


@pytest.mark.parametrize("name", ["study", "series", "instance", "description", "folder", "file"])
def test_the_patient_is_in_the_database(run: Run, name: str) -> None:
    assert run.canaries[name].encode() in run.database


@pytest.mark.parametrize("name", ["Qure's token", "API token", "password", "bad API token", "wrong password"])
def test_no_secret_is_in_the_database_as_it_is(run: Run, name: str) -> None:
    assert run.canaries[name].encode() not in run.database


@pytest.mark.parametrize("exception", ["SuspiciousFileOperation", "ValueError"])
def test_an_exception_is_logged_with_its_kind_and_place_but_without_its_words(
    run: Run, exception: str
) -> None:
    found = [line for line in log_lines(run) if line.get("exception") == exception]

    assert found
    assert all(line["raised_at"] for line in found)


def test_tasks_are_told_numbers_only(run: Run) -> None:
    bodies = [json.loads(text) for text in run.broker if text.startswith("[[")]

    assert len(bodies) > 10
    assert [
        body[:2] for body in bodies if not (len(body[0]) == 1 and type(body[0][0]) is int and body[1] == {})
    ] == []


def test_a_requests_id_follows_into_its_tasks(run: Run) -> None:
    lines = log_lines(run)
    requested = {line["request_id"] for line in lines if "/parcels/" in str(line.get("request"))}
    worked = {line.get("request_id") for line in lines if str(line.get("event")).startswith("task_")}

    assert requested
    assert requested <= worked
