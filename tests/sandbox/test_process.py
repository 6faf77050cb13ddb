"""The sandbox as a process and its inspection: start, end, log, page, and who may look."""

import http.client
import os
import signal
import subprocess
import sys
import time
from email.message import Message
from pathlib import Path

import pytest

from tests.sandbox.wire import image, send, sop
from tests.sandboxes import HOST, PROJECT, Launch, Sandbox
from uploads.sandbox.control import is_allowed
from uploads.sandbox.options import parse
from uploads.sandbox.state import open_sandbox


def get(sandbox: Sandbox, path: str, method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection(HOST, sandbox.port, timeout=30)
    try:
        connection.request(method, path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "SANDBOX_TOKEN"}
    command = [sys.executable, "-m", "uploads.sandbox", *arguments]
    return subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, check=False)


def lines_after(sandbox: Sandbox, start: str) -> list[str]:
    """Read the log's new lines; a request's line is written after its answer is sent, so wait for one."""
    end = time.monotonic() + 10
    while sandbox.log() == start and time.monotonic() < end:
        time.sleep(0.01)
    return sandbox.log().removeprefix(start).splitlines()


def test_sigterm_and_sigint_end_the_process_cleanly(launch: Launch) -> None:
    sandbox = launch()
    assert sandbox.stop() == 0
    sandbox.restart()

    os.kill(sandbox.pid, signal.SIGINT)

    assert sandbox._process is not None
    assert sandbox._process.wait(10) == 0
    assert "Traceback" not in sandbox.log()


def test_a_port_in_use_is_a_plain_sentence(sandbox: Sandbox, tmp_path: Path) -> None:
    ended = run("--port", str(sandbox.port), "--data", str(tmp_path), "--token", "t")

    assert ended.returncode == 1
    assert ended.stderr == "The sandbox cannot start: Address already in use.\n"


def test_a_missing_token_is_a_plain_sentence(tmp_path: Path) -> None:
    ended = run("--data", str(tmp_path))

    assert ended.returncode == 2
    assert "no token: give --token, --token-file" in ended.stderr


def test_the_token_may_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("from-a-file\n")

    options = parse(["--data", str(tmp_path), "--token-file", str(secret)])

    assert options.token == "from-a-file"


def test_the_help_names_faults_and_options() -> None:
    ended = run("--help")

    assert ended.returncode == 0
    assert "--counts" in ended.stdout
    assert "/_sandbox/faults" in ended.stdout


def test_the_log_has_one_line_a_request_without_names_or_uids(launch: Launch) -> None:
    sandbox = launch()
    start = sandbox.log()

    send(sandbox, image(1), image(2))

    lines = lines_after(sandbox, start)
    assert len(lines) == 1
    assert lines[0].startswith("studies 200 ")
    assert " 2 parts " in lines[0]
    assert not any(word in lines[0] for word in (sop(1), "2.25", ".dcm"))


def test_the_page_shows_what_is_held_without_a_script(sandbox: Sandbox) -> None:
    send(sandbox, image(1, "2.25.<b>"), image(2))
    sandbox.script({"kind": "503"})

    status, page = get(sandbox, "/_sandbox/")

    assert status == 200
    assert "Holds <strong>2</strong> instances in 2 series" in page
    assert "Scripted faults that wait: 1" in page
    assert "2.25.&lt;b&gt;" in page
    assert 'http-equiv="refresh"' in page
    assert "<script" not in page


def test_the_page_can_stand_still(sandbox: Sandbox) -> None:
    _, page = get(sandbox, "/_sandbox/?still")

    assert 'http-equiv="refresh"' not in page


def test_only_held_digests_are_served(sandbox: Sandbox) -> None:
    assert get(sandbox, "/_sandbox/instances/" + "0" * 64)[0] == 404
    assert get(sandbox, "/_sandbox/instances/..%2fledger.sqlite3")[0] == 404
    assert get(sandbox, "/_sandbox/instances/../ledger.sqlite3")[0] == 404


def test_reading_studies_is_not_allowed(sandbox: Sandbox) -> None:
    assert get(sandbox, "/studies")[0] == 405


def test_only_the_machine_itself_may_look_inside_unless_it_is_open(tmp_path: Path) -> None:
    arguments = ["--data", str(tmp_path), "--token", "t"]
    closed = open_sandbox(parse(arguments))
    opened = open_sandbox(parse([*arguments, "--open"]))

    headers = Message()
    headers["Host"] = "localhost:9010"

    allowed = [is_allowed(peer, headers, closed) for peer in ("127.0.0.1", "::1", "10.0.0.7", "fe80::1%eth0")]

    assert allowed == [True, True, False, False]
    assert is_allowed("10.0.0.7", headers, opened)
    closed.ledger.close()
    opened.ledger.close()


@pytest.mark.parametrize(("name", "value"), [("Origin", "http://elsewhere.test"), ("Host", "elsewhere.test")])
def test_a_web_page_of_elsewhere_may_not_look_inside(sandbox: Sandbox, name: str, value: str) -> None:
    connection = http.client.HTTPConnection(HOST, sandbox.port, timeout=30)
    connection.request("POST", "/_sandbox/token", b'{"token": "stolen"}', {name: value})

    status = connection.getresponse().status

    connection.close()
    assert status == 403
    assert send(sandbox, image(1)).status == 200


def test_what_is_forgotten_is_gone(sandbox: Sandbox) -> None:
    send(sandbox, image(1))
    digest = sandbox.instances()[sop(1)]

    sandbox.forget()

    assert sandbox.instances() == {}
    assert sandbox.requests() == []
    assert get(sandbox, f"/_sandbox/instances/{digest}")[0] == 404
