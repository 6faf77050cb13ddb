"""portal/nginx.conf and the portal agree on limits and addresses."""

import io
import re
import uuid
from typing import Any

import pytest
from django.conf import settings
from django.urls import resolve, reverse

from tests.deployment.composed import PROJECT
from tests.factories import make_api_token
from tests.routes import TABLE, World

CONFIGURATION = (PROJECT / "portal/nginx.conf").read_text(encoding="utf-8")
JOB = "/intake/jobs/00000000-0000-4000-8000-000000000000"
MEBIBYTE = 1024 * 1024
ENDLESS = 10**15  # bytes


def block_for(path: str) -> str:
    """The location that takes a path, an exact or a matching one."""
    for kind, pattern, body in re.findall(r"location ([=~]) (\S+) \{(.*?)\}", CONFIGURATION, re.DOTALL):
        if path == pattern if kind == "=" else re.search(pattern, path):
            return str(body)
    raise AssertionError(f"No location takes {path}.")


def limit_of(path: str) -> int:
    found = re.search(r"client_max_body_size (\d+)m;", block_for(path))
    assert found
    return int(found[1]) * MEBIBYTE


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        (f"{JOB}/parcels/", settings.UPLOAD_PARCEL_MAX_BYTES),
        (f"{JOB}/manifest/", settings.DATA_UPLOAD_MAX_MEMORY_SIZE),
        (f"{JOB}/unreadable/", settings.DATA_UPLOAD_MAX_MEMORY_SIZE),
        ("/studies", settings.POSTED_MAX_BYTES),
        ("/upload/form/", settings.POSTED_MAX_BYTES),
    ],
)
def test_nginx_lets_through_what_the_portal_takes_and_little_more(path: str, limit: int) -> None:
    assert resolve(path)
    assert limit <= limit_of(path) < 1.1 * limit


def takes(world: World, name: str, length: int) -> bool:
    """Whether the portal looks at a body that is said to be so long."""
    member = world.people["member"]
    assert member is not None
    token = make_api_token(member, world.team)
    headers = {"Authorization": f"Token {token}", "X-Parcel": str(uuid.uuid4())}
    url = reverse(name, args=TABLE[name].arguments(world))
    kind = "multipart/form-data; boundary=x"
    # Any: the test client takes what a server would say, loosely typed
    wire: Any = {"CONTENT_LENGTH": str(length), "CONTENT_TYPE": kind, "wsgi.input": io.BytesIO()}
    return world.client("member").post(url, headers=headers, **wire).status_code != 413


def most_of(world: World, name: str) -> int:
    """The longest body that the portal takes at a door, in bytes."""
    taken, refused = 0, ENDLESS
    while refused - taken > 1:
        length = (taken + refused) // 2
        taken, refused = (length, refused) if takes(world, name, length) else (taken, length)
    return taken


@pytest.mark.django_db
def test_nginx_knows_every_door_that_takes_more_than_django_reads() -> None:
    world = World()
    posted = [name for name, route in TABLE.items() if route.method == "post"]
    limited = [name for name in posted if not takes(world, name, ENDLESS)]
    large = [name for name in limited if takes(world, name, settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)]

    limits = {name: most_of(world, name) for name in large}

    assert len(limits) >= 3
    for name, limit in limits.items():
        assert limit <= limit_of(reverse(name, args=TABLE[name].arguments(world))) < 1.1 * limit


@pytest.mark.parametrize("path", [f"{JOB}/parcels/", "/studies", "/upload/form/"])
def test_scans_are_not_written_to_nginxs_disk(path: str) -> None:
    assert "proxy_request_buffering off;" in block_for(path)


@pytest.mark.parametrize("path", [f"{JOB}/parcels/", "/studies", "/upload/form/"])
def test_the_window_of_an_upload_suits_a_long_line(path: str) -> None:
    assert "client_body_buffer_size 2m;" in block_for(path)


def test_what_a_client_says_about_its_address_is_replaced() -> None:
    headers = dict(re.findall(r"proxy_set_header (X-\S+) (\S+);", CONFIGURATION))

    assert headers == {
        "X-Forwarded-For": "$remote_addr",
        "X-Forwarded-Proto": "$scheme",
        "X-Request-ID": "$request_id",
    }


def test_no_location_forgets_the_headers_that_are_set_for_all() -> None:
    assert "proxy_set_header" not in CONFIGURATION.partition("  server {")[2]


def test_no_log_holds_a_query() -> None:
    (log_format,) = re.findall(r"log_format json (.*?);", CONFIGURATION, re.DOTALL)

    assert not re.search(r"\$(request|request_uri|args|query_string|http_referer)\b", log_format)
    assert "error_log stderr crit;" in CONFIGURATION
