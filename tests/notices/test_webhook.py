"""A team's webhook, with a real receiver: signed calls, no redirect, patience, a secret that stays one."""

import hashlib
import hmac
import json
import logging
import socket
import threading
import time
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils.timezone import now
from pytest_django.fixtures import Settings

from tests.factories import make_series
from tests.notices.receiver import Receiver
from tests.notices.told import held_job, make_mailed_team, make_webhook, resting_job
from uploads import tasks
from uploads.checks import allowed_webhook_url
from uploads.hooks import sender
from uploads.models import Delivery, DeliveryAttempt, Job, Webhook
from uploads.pipeline import calling
from uploads.states import JobStatus

pytestmark = pytest.mark.django_db


def call_due() -> None:
    """What the sweep does."""
    for task, row_id in tasks.due_work():
        if task.name == tasks.call_webhook.name:
            task(row_id)


def hooked_job(receiver: Receiver, status: JobStatus = JobStatus.ACCEPTED) -> Job:
    """A job of a team with a webhook, come to rest."""
    team = make_mailed_team()
    make_webhook(team, receiver.url)
    return resting_job(status, team)


def body_of(receiver: Receiver) -> Any:  # Any: decoded JSON
    """The event that came."""
    ((_, _, body),) = receiver.calls
    return json.loads(body)


def make_all_due() -> None:
    Delivery.objects.update(due_at=now())


@pytest.mark.parametrize(
    ("status", "event"),
    [(JobStatus.ACCEPTED, "job.accepted"), (JobStatus.ATTENTION, "job.attention")],
)
def test_the_end_of_an_upload_is_an_event(receiver: Receiver, status: JobStatus, event: str) -> None:
    job = hooked_job(receiver, status)
    call_due()

    body = body_of(receiver)
    assert (body["event"], body["job"]["key"], body["job"]["status"]) == (event, str(job.key), status)
    assert body["job"]["files"] == 1


def test_a_decision_to_take_is_an_event(receiver: Receiver) -> None:
    team = make_mailed_team()
    make_webhook(team, receiver.url)
    held_job(team)
    call_due()

    body = body_of(receiver)
    assert (body["event"], body["job"]["held"]) == ("job.decision", 1)


def test_an_event_names_no_patient(receiver: Receiver) -> None:
    team = make_mailed_team()
    make_webhook(team, receiver.url)
    job = held_job(team)
    series = make_series(job)
    call_due()

    text = json.dumps(body_of(receiver))
    assert [word for word in ("DOE", "IM1", series.study_uid, team.name) if word in text] == []


def test_a_call_is_signed_over_its_time_and_its_body(receiver: Receiver) -> None:
    hooked_job(receiver)
    before = int(time.time())
    call_due()

    ((path, headers, body),) = receiver.calls
    signed = dict(part.split("=", 1) for part in headers["Portal-Signature"].split(","))
    secret = Webhook.objects.get().secret
    code = hmac.new(secret.encode(), f"{signed['t']}.".encode() + body, hashlib.sha256).hexdigest()
    assert path == "/hook"
    assert signed["v1"] == code
    assert before <= int(signed["t"]) <= time.time()
    assert headers["Portal-Delivery"] == str(Delivery.objects.get().key)


def test_an_event_that_was_taken_is_not_sent_again(receiver: Receiver) -> None:
    job = hooked_job(receiver)
    for _ in range(2):
        tasks.close_job(job.pk)
        call_due()

    assert len(receiver.calls) == 1
    assert Delivery.objects.get().delivered_at is not None


def test_an_error_is_tried_again_with_the_same_event(receiver: Receiver) -> None:
    receiver.statuses = [500, 204]
    hooked_job(receiver)
    call_due()
    make_all_due()
    call_due()

    assert receiver.calls[0][2] == receiver.calls[1][2]
    assert list(DeliveryAttempt.objects.values_list("http_status", flat=True)) == [500, 204]
    assert Delivery.objects.get().due_at is None


def test_waits_grow(receiver: Receiver) -> None:
    receiver.statuses = [500]
    hooked_job(receiver)
    waits = []
    for _ in range(3):
        make_all_due()
        call_due()
        due_at = Delivery.objects.get().due_at
        assert due_at is not None
        waits.append((due_at - now()).total_seconds())

    assert waits[0] > 10
    assert waits[2] > 1.5 * waits[0]


def test_a_redirect_is_not_followed(receiver: Receiver) -> None:
    receiver.statuses = [307]
    hooked_job(receiver)
    call_due()

    assert [path for path, _, _ in receiver.calls] == ["/hook"]
    assert DeliveryAttempt.objects.get().detail == "A redirect; it is not followed."
    assert Delivery.objects.get().delivered_at is None


def test_a_receiver_that_is_away_costs_time_only(receiver: Receiver) -> None:
    team = make_mailed_team()
    hook = make_webhook(team, "http://127.0.0.1:1/hook")
    resting_job(team=team)
    call_due()
    Webhook.objects.filter(pk=hook.pk).update(url=receiver.url)
    make_all_due()
    call_due()

    details = list(DeliveryAttempt.objects.values_list("detail", flat=True))
    assert details == ["No answer came (ConnectionRefusedError).", ""]
    assert len(receiver.calls) == 1


def test_an_answer_that_drips_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time, the whole answer does not."""
    monkeypatch.setattr(sender, "WHOLE_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=drip, args=[server], daemon=True).start()

        with pytest.raises(sender.HookUnreachable):
            sender.post(f"http://127.0.0.1:{server.getsockname()[1]}/", b"{}", {})


def drip(server: socket.socket) -> None:
    """Answer one call, a byte at a time, until it is cut."""
    line, _ = server.accept()
    with line, suppress(OSError):
        for byte in b"HTTP/1.1 200 OK\r\n\r\n":
            time.sleep(0.2)
            line.sendall(bytes([byte]))


def test_after_days_it_is_given_up(receiver: Receiver) -> None:
    receiver.statuses = [500]
    hooked_job(receiver)
    Delivery.objects.update(created_at=now() - calling.GIVE_UP - timedelta(hours=1))
    call_due()

    delivery = Delivery.objects.get()
    assert (delivery.due_at, delivery.delivered_at) == (None, None)


def test_a_host_that_is_not_allowed_any_more_is_not_called(receiver: Receiver, settings: Settings) -> None:
    hooked_job(receiver)
    settings.WEBHOOK_ALLOWED_HOSTS = []
    call_due()

    assert receiver.calls == []
    assert "not allowed" in DeliveryAttempt.objects.get().detail


def test_a_webhook_that_is_switched_off_is_not_called(receiver: Receiver) -> None:
    hooked_job(receiver)
    Webhook.objects.update(is_active=False)
    call_due()

    assert receiver.calls == []


def test_another_teams_upload_is_no_event(receiver: Receiver) -> None:
    make_webhook(make_mailed_team(), receiver.url)
    resting_job()
    call_due()

    assert receiver.calls == []


def test_a_secret_that_cannot_be_read_is_said_and_holds_nothing_up(
    receiver: Receiver, settings: Settings
) -> None:
    team = make_mailed_team()
    make_webhook(team, receiver.url)
    settings.FIELD_KEYS = [settings.FIELD_KEYS[0][::-1][1:] + "="]
    resting_job(team=team)
    call_due()

    assert "Make a new one" in DeliveryAttempt.objects.get().detail


def test_the_secret_is_encrypted_and_in_no_log(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    receiver.statuses = [500]
    hooked_job(receiver)
    call_due()
    secret = Webhook.objects.get().secret
    stored = Webhook.objects.extra(select={"raw": "secret"}).values_list("raw", flat=True).get()

    assert secret not in caplog.text
    assert secret not in stored and stored.startswith("gAAAA")


@pytest.mark.parametrize(
    "url",
    [
        "https://hooks.test/path?x=1",
        "http://127.0.0.1:9/hook",
        "https://HOOKS.test:8443/",
    ],
)
def test_an_allowed_address_is_taken(url: str, settings: Settings) -> None:
    settings.WEBHOOK_ALLOWED_HOSTS = ["hooks.test", "127.0.0.1"]

    assert allowed_webhook_url(f" {url} ") == url


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.test/",
        "https://evil.test/",
        "https://user@hooks.test/",
        "https://hooks.test/#part",
        "https://hooks.test:port/",
        "https://[::1/",
        "ftp://hooks.test/",
        "hooks.test",
        "https://hooks.test/a b",
        "https://hooks.test@evil.test/",
        "",
    ],
)
def test_any_other_address_is_refused(url: str, settings: Settings) -> None:
    settings.WEBHOOK_ALLOWED_HOSTS = ["hooks.test", "127.0.0.1"]

    with pytest.raises(ValidationError):
        allowed_webhook_url(url)
