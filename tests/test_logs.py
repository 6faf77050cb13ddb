"""What a request leaves in the log: its address, without a query, which may be what somebody looks for."""

import logging

import pytest
from django.urls import reverse
from structlog.stdlib import ProcessorFormatter

from tests.routes import TABLE, World, all_routes

pytestmark = pytest.mark.django_db

LOOKED_FOR = "?q=CANARY%5EBIRD&name=CANARY"
ADMIN = [name for name in all_routes() if name.startswith("admin:") and name.endswith("_changelist")]


def requests_in(log: pytest.LogCaptureFixture) -> list[str]:
    """The addresses that the lines of the log name."""
    said = [record.msg for record in log.records if isinstance(record.msg, dict)]
    return [str(line["request"]) for line in said if "request" in line]


def written(log: pytest.LogCaptureFixture) -> str:
    """The lines as the portal writes them."""
    formatters = [handler.formatter for handler in logging.getLogger().handlers]
    (ours,) = [formatter for formatter in formatters if isinstance(formatter, ProcessorFormatter)]
    return "\n".join(ours.format(record) for record in log.records)


@pytest.mark.parametrize("name", [*TABLE, *ADMIN])
@pytest.mark.parametrize("method", ["get", "post"])
def test_no_request_leaves_its_query_in_the_log(
    name: str, method: str, caplog: pytest.LogCaptureFixture
) -> None:
    world = World()
    url = reverse(name, args=TABLE[name].arguments(world) if name in TABLE else [])
    clients = [
        world.client("member"),
        world.client("administrator"),
        world.client("member", checks_csrf=True),
    ]

    with caplog.at_level(logging.DEBUG):
        for client in clients:
            getattr(client, method)(url + LOOKED_FOR, headers={"Referer": f"http://testserver/{LOOKED_FOR}"})

    assert set(requests_in(caplog)) == {f"{method.upper()} {url}"}
    assert "CANARY" not in written(caplog)


def test_a_request_that_fails_or_finds_nothing_leaves_no_query_either(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    client = world.client("member")
    client.raise_request_exception = False
    monkeypatch.setattr("uploads.views.pages.history.jobs_of", None)

    with caplog.at_level(logging.DEBUG):
        answers = [client.get(f"{path}{LOOKED_FOR}") for path in ("/nothing/", f"/jobs/{world.job.key}/")]

    assert [answer.status_code for answer in answers] == [404, 500]
    assert "CANARY" not in written(caplog)


def test_the_key_that_resets_a_password_is_not_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    url = reverse("account_reset_password_from_key", args=["1", "canary-of-a-link"])

    with caplog.at_level(logging.DEBUG):
        World().client("anonymous").get(url)

    assert set(requests_in(caplog)) == {"GET /accounts/password/reset/key/"}
    assert "canary-of-a-link" not in written(caplog)
