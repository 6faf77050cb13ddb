"""The process that sends to Qure dies, or is frozen and wakes up late."""

import pytest

from tests.accidents.endings import assert_delivered
from tests.accidents.sights import has_arrived, outcomes
from tests.clients import Browser
from tests.dicoms import phantom_study
from tests.portals import Portal, wait_until
from uploads.states import Outcome

IMAGE = 512  # pixels: 0.53 MB, so that the eleven images of a batch are more than sockets hold


def test_a_relay_worker_killed_while_qure_receives_a_batch_costs_a_resend(
    portal: Portal, browser: Browser
) -> None:
    portal.qure.script({"kind": "slow", "after_bytes": 100_000, "seconds": 8})
    upload = browser.begin(phantom_study(series=1, instances=24, size=IMAGE))
    browser.send(upload)
    wait_until(lambda: portal.qure.faults() == [])

    portal.kill("relay")
    portal.start("relay")

    assert_delivered(portal, upload)
    assert Outcome.UNKNOWN in outcomes(portal, upload)
    assert wait_until(lambda: [row for row in portal.qure.requests() if row["outcome"] == "incomplete"])


def test_a_relay_worker_killed_between_qures_storing_and_its_answer_costs_a_resend(
    portal: Portal, browser: Browser
) -> None:
    portal.qure.script({"kind": "silent", "seconds": 30})
    upload = browser.begin(phantom_study(series=1, instances=5))
    browser.send(upload)
    wait_until(lambda: has_arrived(portal, upload))

    portal.kill("relay")
    portal.start("relay")

    assert_delivered(portal, upload)
    assert outcomes(portal, upload) == [Outcome.UNKNOWN, Outcome.ACCEPTED]


@pytest.mark.parametrize(
    "other",
    [Outcome.STARTED, Outcome.ACCEPTED],
    ids=["while the other sends", "after the other has delivered"],
)
def test_a_relay_worker_that_wakes_up_after_its_lease_changes_nothing(
    portal: Portal, browser: Browser, other: Outcome
) -> None:
    portal.qure.script({"kind": "slow", "seconds": 10}, {"kind": "slow", "seconds": 3})
    upload = browser.begin(phantom_study(series=1, instances=5))
    browser.send(upload)
    wait_until(lambda: has_arrived(portal, upload))
    portal.freeze("relay")
    assert outcomes(portal, upload) == [Outcome.STARTED]
    portal.start_twin("relay")
    wait_until(lambda: outcomes(portal, upload)[1:] == [other])

    portal.thaw("relay")
    portal.stop("relay")  # it finishes what it was doing first

    assert_delivered(portal, upload)
    assert outcomes(portal, upload) == [Outcome.UNKNOWN, Outcome.ACCEPTED]
