"""Every fault that can be scripted: what the client sees, and whether the files were stored."""

import gzip
import http.client
import json
import time
from typing import Any

import pytest

from tests.sandbox.wire import body_of, headers_of, image, post, send, sop
from tests.sandboxes import HOST, Sandbox

A, B = "2.25.1", "2.25.2"


@pytest.mark.parametrize("kind", ["503", "429", "401", "403", "400", "404", "413", "500"])
def test_a_scripted_refusal_stores_nothing_and_passes(sandbox: Sandbox, kind: str) -> None:
    sandbox.script({"kind": kind})

    assert send(sandbox, image(1)).status == int(kind)
    assert sandbox.instances() == {}
    assert send(sandbox, image(1)).status == 200


@pytest.mark.parametrize("retry_after", ["5", "Wed, 21 Oct 2065 07:28:00 GMT"])
def test_retry_after_is_sent_as_scripted(sandbox: Sandbox, retry_after: str) -> None:
    sandbox.script({"kind": "429", "retry_after": retry_after})

    assert send(sandbox, image(1)).headers["Retry-After"] == retry_after


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_points_where_it_is_told(sandbox: Sandbox, status: int) -> None:
    sandbox.script({"kind": "redirect", "status": status, "location": "/studies/"})

    answer = send(sandbox, image(1))

    assert (answer.status, answer.headers["Location"]) == (status, "/studies/")
    assert sandbox.instances() == {}


def test_a_fault_lasts_as_often_as_told_and_the_next_follows(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "503", "times": 2}, {"kind": "429"})

    statuses = [send(sandbox, image(1)).status for _ in range(4)]

    assert statuses == [503, 503, 429, 200]


def test_a_fault_without_end_lasts_until_it_is_cleared(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "503", "times": 0})
    statuses = [send(sandbox, image(1)).status for _ in range(3)]

    sandbox.clear_faults()

    assert statuses == [503, 503, 503]
    assert send(sandbox, image(1)).status == 200


def test_a_fault_for_one_instance_spares_the_others(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "400", "times": 0, "only_sop_uid": sop(2)})

    statuses = [send(sandbox, *images).status for images in ([image(1)], [image(2), image(3)], [image(3)])]

    assert statuses == [200, 400, 200]
    assert set(sandbox.instances()) == {sop(1), sop(3)}


def test_slow_delays_the_answer(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "slow", "seconds": 0.3})
    start = time.monotonic()

    answer = send(sandbox, image(1))

    assert answer.status == 200
    assert time.monotonic() - start >= 0.3


def test_slow_can_pause_in_the_middle_of_the_body(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "slow", "seconds": 0.3, "after_bytes": 100})

    answer = send(sandbox, image(1))

    request = sandbox.requests()[-1]
    assert answer.status == 200
    assert request["ended_at"] - request["first_byte_at"] >= 0.3


def test_drip_sends_the_whole_answer_byte_by_byte(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "drip", "seconds": 0.3})
    start = time.monotonic()

    answer = send(sandbox, image(1))

    assert answer.numbers == {A: 1}
    assert time.monotonic() - start >= 0.3


@pytest.mark.parametrize(("kind", "held"), [("drop_before", set()), ("drop_after", {sop(1)})])
def test_a_dropped_connection_gives_no_answer(sandbox: Sandbox, kind: str, held: set[str]) -> None:
    sandbox.script({"kind": kind})

    with pytest.raises(http.client.RemoteDisconnected):
        send(sandbox, image(1))

    assert set(sandbox.instances()) == held
    assert sandbox.requests()[-1]["status"] == 0


def test_a_connection_can_be_dropped_in_the_middle_of_the_body(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "drop_before", "after_bytes": 2_000_000})

    with pytest.raises((http.client.HTTPException, OSError)):
        send(sandbox, image(1), bytes(30_000_000))

    request = sandbox.requests()[-1]
    assert (request["outcome"], request["bytes"]) == ("incomplete", 2_000_000)
    assert sandbox.instances() == {}


def test_silence_ends_without_an_answer_though_all_is_stored(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "silent", "seconds": 0.3})

    with pytest.raises(http.client.RemoteDisconnected):
        send(sandbox, image(1))

    assert set(sandbox.instances()) == {sop(1)}


def test_a_client_that_gives_up_on_silence_frees_the_sandbox(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "silent"})
    connection = http.client.HTTPConnection(HOST, sandbox.port, timeout=0.3)

    connection.request("POST", "/studies", body_of([image(1)]), headers_of(sandbox))
    with pytest.raises(TimeoutError):
        connection.getresponse()
    connection.close()

    assert send(sandbox, image(2)).status == 200
    assert set(sandbox.instances()) == {sop(1), sop(2)}


def test_garbage_is_no_json(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "garbage"})

    answer = send(sandbox, image(1))

    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/json")
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.body)
    assert set(sandbox.instances()) == {sop(1)}


def test_html_is_a_page_with_status_200(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "html"})

    answer = send(sandbox, image(1))

    assert answer.status == 200
    assert b"Sign in" in answer.body


def test_other_json_lacks_every_documented_field(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "other_json"})

    assert send(sandbox, image(1)).json == [{"ok": True}, None, 3]


@pytest.mark.parametrize(
    ("fault", "numbers", "held"),
    [
        ({"kind": "fewer"}, {A: 2, B: 0}, 2),
        ({"kind": "fewer", "fewer_by": 2}, {A: 1, B: 0}, 1),
        ({"kind": "more", "fewer_by": 3}, {A: 5, B: 1}, 3),
        ({"kind": "missing_series"}, {A: 2}, 3),
        ({"kind": "unknown_series"}, {A: 2, B: 1, "2.25.329800735698586629295641978511506172918": 1}, 3),
    ],
)
def test_an_answer_can_differ_from_what_was_sent(
    sandbox: Sandbox, fault: dict[str, Any], numbers: dict[str, int], held: int
) -> None:
    sandbox.script(fault)

    answer = send(sandbox, image(1, A), image(2, A), image(3, B))

    assert answer.numbers == numbers
    assert answer.json["series_instance_uids"] == list(numbers)
    assert len(sandbox.instances()) == held


def test_an_expired_license_is_said_in_a_rich_answer(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "license_expired"})

    answer = send(sandbox, image(1)).json

    assert answer["messages"]["file0"]["license_expired"] is True
    assert answer["message"] == "Success"


def test_the_gzip_bomb_is_small_on_the_wire_and_huge_inside(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "gzip_bomb"})

    answer = send(sandbox, image(1))

    member = answer.body[: len(answer.body) // 64]
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(answer.body) < 2_000_000
    assert len(gzip.decompress(member)) * 64 == 1 << 30


def test_a_refused_token_uses_no_fault_up(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "503"})

    post(sandbox, body_of([image(1)]), Authorization="Token wrong")

    assert len(sandbox.faults()) == 1


@pytest.mark.parametrize("fault", [{"kind": "boom"}, {"kind": "503", "tmes": 2}, "503", {"times": 1}])
def test_a_misspelled_fault_is_refused(sandbox: Sandbox, fault: Any) -> None:
    with pytest.raises(AssertionError, match="fault"):
        sandbox.script(fault)

    assert sandbox.faults() == []
