"""The sample study goes through the portal's own door, once, and its fate is one line."""

import io
import json
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from tests.sandboxes import Sandbox
from uploads.models import ApiToken, Job
from uploads.pipeline import closing

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def demo(settings: Settings, live_server: LiveServer, sandbox: Sandbox) -> None:
    """A portal with the demo, and a sandbox as Qure."""
    settings.PUBLIC_URL = live_server.url
    settings.QURE_BASE_URL, settings.QURE_TOKEN = sandbox.base_url, sandbox.token
    call_command("bootstrap", demo=True)


def send(seconds: float = 60) -> str:
    out = io.StringIO()
    call_command("send_sample", seconds=seconds, stdout=out)
    return out.getvalue()


def test_the_sample_is_sent_and_qures_receipt_is_a_line(sandbox: Sandbox) -> None:
    line = send()

    assert line == "sample study: 2 series, 40 instances accepted by Qure\n"
    assert len(sandbox.rows()) == 40


def test_a_sample_that_was_sent_is_not_sent_again(sandbox: Sandbox) -> None:
    send()

    line = send()

    assert "40 instances" in line
    assert (Job.objects.count(), len(sandbox.requests())) == (1, 1)


def test_a_sample_of_which_nothing_was_accepted_fails_with_a_sentence(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "503", "times": 0})
    with pytest.raises(CommandError):
        send(seconds=0.2)
    closing.cancel(Job.objects.get().pk, "test")

    with pytest.raises(CommandError, match="The sample study rests as: Cancelled"):
        send()


def test_a_sample_that_takes_too_long_is_a_sentence(sandbox: Sandbox) -> None:
    sandbox.script({"kind": "503", "times": 0})

    with pytest.raises(CommandError, match="still on its way"):
        send(seconds=0.2)


def test_a_token_that_the_portal_does_not_take_is_a_sentence() -> None:
    ApiToken.objects.all().delete()

    with pytest.raises(CommandError, match="The portal did not take the sample study"):
        send()


def test_without_credentials_there_is_a_sentence(data_folder: Path) -> None:
    (data_folder / "demo-credentials.json").unlink()

    with pytest.raises(CommandError, match="bootstrap --demo"):
        send()


def test_a_portal_that_does_not_run_is_a_sentence(data_folder: Path) -> None:
    path = data_folder / "demo-credentials.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "url": "http://127.0.0.1:9"}))

    with pytest.raises(CommandError, match="The portal did not take the sample study"):
        send()
