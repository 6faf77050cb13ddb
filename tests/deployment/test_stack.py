"""docker-compose.yml at work: its own commands as processes, used from outside as people and scripts do."""

import hashlib
import http.client
import json
import re
import secrets
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import boto3
import psycopg
import pytest
import redis

from tests.deployment.here import STORAGE_PORTS
from tests.deployment.people import PATIENCE, Browser, outside, post_studies
from tests.deployment.stack import Stack
from tests.dicoms import phantom_study

pytestmark = pytest.mark.timeout(600)  # the first test waits for the whole stack

ADMINISTRATOR: Final = "administrator"
ALL_ACCEPTED: Final = "badge-accepted"
NO_JOB: Final = "/intake/jobs/00000000-0000-4000-8000-000000000000"
NAME_OF_AN_OBJECT: Final = re.compile(r"[0-9a-f-]{36}/[0-9a-f-]{36}(-\d+\.png)?")
LISTENING: Final = "0A"  # the state's number in /proc/net/tcp
OPEN_PORTS: Final = {
    "nginx": {8080, 8443},
    "web": {8000},
    "postgres": {5432},
    "redis": {6379},
    "s3": {8333, STORAGE_PORTS["s3"]},
    "sandbox": {9010},
}


@pytest.fixture(scope="module")
def browser(stack: Stack) -> Browser:
    """The administrator's browser: signed in, member of a team, both made as docs/deployment.md says."""
    password = secrets.token_urlsafe(12)
    stack.execute(
        "web",
        ["python", "manage.py", "createsuperuser", "--no-input", "--username", ADMINISTRATOR, "--email", ""],
        DJANGO_SUPERUSER_PASSWORD=password,
    )
    browser = Browser(stack)
    browser.sign_in(ADMINISTRATOR, password)
    team = {"name": "Radiology", "destination": "1", "sends_documents": "on"}
    members = {"TOTAL_FORMS": "1", "INITIAL_FORMS": "0", "0-user": "1"}
    answer = browser.fill_in(
        "/admin/uploads/team/add/",
        **team,
        **{f"memberships-{name}": value for name, value in members.items()},
        **{"webhook-TOTAL_FORMS": "0", "webhook-INITIAL_FORMS": "0"},
    )
    assert answer.url.endswith("/admin/uploads/team/"), answer.url
    return browser


@pytest.fixture(scope="module")
def token(browser: Browser) -> str:
    """A token for scripts, copied from the page that shows it once."""
    team = re.search(r'<option value="([0-9a-f-]{36})"', browser.get("/tokens/").text)
    assert team
    found = re.search(r"qup_[\w-]+", browser.fill_in("/tokens/", name="A script", team=team[1]).text)
    assert found
    return found[0]


def wait_until(holds: Callable[[], bool]) -> bool:
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True


def digests(contents: list[bytes]) -> set[str]:
    return {hashlib.sha256(content).hexdigest() for content in contents}


def held_by_qure(stack: Stack) -> set[str]:
    address = stack.place.of("sandbox")[0].address
    with outside(stack) as session:
        url, headers = f"http://{address}:9010/_sandbox/instances", {"Host": "localhost"}
        answer = session.get(url, headers=headers, timeout=PATIENCE)
    return {row["sha256"] for row in answer.json()}


def bucket_of(stack: Stack, access_key: str, secret_key: str) -> Any:  # Any: boto3 is untyped
    storage = boto3.resource(
        "s3",
        endpoint_url=f"http://{stack.place.of('s3')[0].address}:8333",
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name="us-east-1",
    )
    return storage.Bucket("staging")


def own_bucket(stack: Stack) -> Any:  # Any: as above
    return bucket_of(stack, stack.secret("s3_access_key"), stack.secret("s3_secret_key"))


@contextmanager
def request_head(stack: Stack, method: str, path: str, size: int) -> Iterator[http.client.HTTPResponse]:
    """Announce a body, send none of it, and read the answer."""
    context = ssl.create_default_context(cafile=str(stack.place.secrets / "tls_certificate"))
    address = stack.place.of("nginx")[0].address
    connection = http.client.HTTPSConnection(address, 8443, context=context, timeout=PATIENCE)
    with closing(connection):
        connection.putrequest(method, path)
        connection.putheader("Content-Length", str(size))
        connection.endheaders()
        yield connection.getresponse()


def ids_of(stack: Stack, path: str) -> list[str]:
    """The ids under which nginx has logged the requests for a path."""
    lines = [json.loads(line) for line in stack.log("nginx-1").splitlines() if line.startswith("{")]
    return [line["request_id"] for line in lines if line["path"] == path]


def listening_at(address: str) -> set[int]:
    """The ports on which somebody listens at an address."""
    wanted = socket.inet_aton(address)[::-1].hex().upper()
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    places = [row[1].split(":") for row in rows if row[3] == LISTENING]
    return {int(port, 16) for host, port in places if host == wanted}


def test_every_service_is_healthy(stack: Stack) -> None:
    unhealthy = [
        container.name
        for container in stack.place.containers
        if container.service.health_command and not stack.is_healthy(container)
    ]

    assert unhealthy == []


def test_the_deployment_has_nothing_that_django_warns_of(stack: Stack) -> None:
    command = ["python", "manage.py", "check", "--deploy", "--fail-level", "WARNING"]

    assert "no issues" in stack.execute("web", command)


def test_a_study_goes_from_a_browser_over_tls_to_qure(stack: Stack, browser: Browser) -> None:
    contents = phantom_study(series=2, instances=5)

    page = browser.upload(contents)

    assert wait_until(lambda: digests([content for _, content in contents]) <= held_by_qure(stack))
    assert wait_until(lambda: ALL_ACCEPTED in browser.get(page).text)


def test_a_study_goes_from_a_script_over_tls_to_qure(stack: Stack, token: str) -> None:
    contents = [content for _, content in phantom_study(series=1, instances=3)]

    answer = post_studies(stack, token, contents)

    assert answer.status_code == 200, answer.text
    assert answer.json()["message"] == "Success"
    assert wait_until(lambda: digests(contents) <= held_by_qure(stack))


def test_a_large_parcel_passes_nginx(browser: Browser) -> None:
    content = phantom_study(series=1, instances=1, size=3500)[0][1]  # 24 MB

    page = browser.upload([("CD/large", content)])

    assert wait_until(lambda: ALL_ACCEPTED in browser.get(page).text)


def test_staged_objects_are_named_by_ids_only(stack: Stack, browser: Browser) -> None:
    browser.upload(phantom_study(series=1, instances=1))

    names = [item.key for item in own_bucket(stack).objects.all()]

    assert names
    assert [name for name in names if not NAME_OF_AN_OBJECT.fullmatch(name)] == []


def test_both_webs_get_requests(stack: Stack, browser: Browser) -> None:
    first, second = (container.name for container in stack.place.of("web"))

    def both_have_answered() -> bool:
        browser.get("/jobs/")
        return all("request_finished" in stack.log(name) for name in (first, second))

    assert wait_until(both_have_answered)


def test_one_web_that_dies_is_not_missed(stack: Stack, browser: Browser) -> None:
    dying = stack.place.of("web")[1]

    stack.kill(dying)

    try:
        assert all(browser.get("/jobs/").ok for _ in range(10))
    finally:
        stack.start(dying)
        stack.wait("web", "service_healthy")


def test_when_no_web_answers_everybody_is_asked_to_wait(stack: Stack) -> None:
    for container in stack.place.of("web"):
        stack.kill(container)

    try:
        with outside(stack) as session:
            answer = session.get(f"{stack.url}/upload/", timeout=PATIENCE)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    finally:
        for container in stack.place.of("web"):
            stack.start(container)
        stack.wait("web", "service_healthy")


def test_nginx_speaks_http_2_and_no_old_tls(stack: Stack) -> None:
    context = ssl.create_default_context(cafile=str(stack.place.secrets / "tls_certificate"))
    context.set_alpn_protocols(["h2", "http/1.1"])
    address = stack.place.of("nginx")[0].address

    with (
        socket.create_connection((address, 8443), PATIENCE) as line,
        context.wrap_socket(line, server_hostname=address) as tls,
    ):
        assert (tls.selected_alpn_protocol(), tls.version()) == ("h2", "TLSv1.3")


def test_old_tls_is_refused(stack: Stack) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning):
        context.minimum_version, context.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
    address = stack.place.of("nginx")[0].address

    with socket.create_connection((address, 8443), PATIENCE) as line, pytest.raises(ssl.SSLError):
        context.wrap_socket(line)


def test_without_tls_there_is_only_the_way_to_it(stack: Stack) -> None:
    address = stack.place.of("nginx")[0].address

    with outside(stack) as session:
        answer = session.get(f"http://{address}:8080/upload/?q=1", allow_redirects=False, timeout=PATIENCE)

    assert (answer.status_code, answer.headers["Location"]) == (308, f"https://{address}/upload/?q=1")


def test_the_browser_is_told_to_stay_with_tls(browser: Browser) -> None:
    headers = browser.get("/accounts/login/").headers

    assert "max-age=31536000" in headers["Strict-Transport-Security"]


def test_static_files_are_kept_for_good(browser: Browser) -> None:
    found = re.search(r"/static/css/[\w.-]+\.css", browser.get("/upload/").text)
    assert found

    assert "immutable" in browser.get(found[0]).headers["Cache-Control"]


@pytest.mark.parametrize(
    ("path", "size"),
    [
        ("/studies", 97 * 1024 * 1024),
        (f"{NO_JOB}/parcels/", 36 * 1024 * 1024),
        (f"{NO_JOB}/manifest/", 18 * 1024 * 1024),
        ("/accounts/login/", 2 * 1024 * 1024),
    ],
)
def test_a_body_that_is_too_large_is_refused_by_its_length(stack: Stack, path: str, size: int) -> None:
    with request_head(stack, "POST", path, size) as answer:
        assert (answer.status, json.load(answer)["error"]) == (413, "too_large")


@pytest.mark.parametrize(("path", "status"), [("/studies", 405), (f"{NO_JOB}/parcels/", 403)])
def test_a_large_body_is_passed_on_before_it_has_come(stack: Stack, path: str, status: int) -> None:
    with request_head(stack, "PUT", path, 30 * 1024 * 1024) as answer:
        assert answer.status == status  # the portal's: it needs no body to refuse a PUT


def test_nginx_and_web_log_a_request_under_the_same_id_and_without_its_query(
    stack: Stack, browser: Browser
) -> None:
    browser.get("/jobs/?page=1&canary=PATIENT-NAME")

    assert wait_until(lambda: bool(ids_of(stack, "/jobs/")))
    key = ids_of(stack, "/jobs/")[-1]
    assert wait_until(lambda: key in stack.log("web-1", "web-2"))
    assert "PATIENT-NAME" not in stack.log("nginx-1", "web-1", "web-2")


def test_a_link_to_reset_a_password_is_not_logged(stack: Stack, browser: Browser) -> None:
    browser.get("/accounts/password/reset/key/1-canary-of-a-link/")

    assert wait_until(lambda: bool(ids_of(stack, "/accounts/password/reset/key/")))
    assert "canary-of-a-link" not in stack.log("nginx-1", "web-1", "web-2")


def test_the_broker_refuses_whoever_has_no_password(stack: Stack) -> None:
    address = stack.place.of("redis")[0].address

    with redis.Redis(address) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


@pytest.mark.parametrize("command", ["FLUSHALL", "CONFIG GET *", "SHUTDOWN", "ACL LIST"])
def test_the_broker_can_be_neither_emptied_nor_managed(stack: Stack, command: str) -> None:
    address, password = stack.place.of("redis")[0].address, stack.secret("broker_password")

    with redis.Redis(address, password=password) as client, pytest.raises(redis.ResponseError):
        client.execute_command(*command.split())


def test_the_database_refuses_a_wrong_password(stack: Stack) -> None:
    address = stack.place.of("postgres")[0].address

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(host=address, user="portal", dbname="portal", password="guess")


def test_the_storage_refuses_a_wrong_key(stack: Stack) -> None:
    stranger = bucket_of(stack, stack.secret("s3_access_key"), "guess")

    with pytest.raises(stranger.meta.client.exceptions.ClientError):
        list(stranger.objects.all())


@pytest.mark.parametrize("name", [*OPEN_PORTS, "checks", "relay", "stat", "pictures", "beat"])
def test_a_service_listens_to_the_network_at_its_own_ports_only(stack: Stack, name: str) -> None:
    for container in stack.place.of(name):
        assert listening_at(container.address) == OPEN_PORTS.get(name, set())


def test_no_secret_is_in_a_log_or_in_a_process_s_arguments(stack: Stack) -> None:
    made = [stack.secret(name).strip() for name in ("broker_password", "database_password", "s3_secret_key")]
    ids = [process.pid for process in stack.processes.values() if process.poll() is None]
    arguments = "".join(Path(f"/proc/{number}/cmdline").read_text() for number in ids)

    assert not [secret for secret in made if secret in stack.log() or secret in arguments]


def test_starting_again_prepares_nothing_twice(stack: Stack) -> None:
    stack.execute("prepare", stack.place.of("prepare")[0].service.command)

    assert "Qure" in stack.execute(
        "web",
        [
            "python",
            "manage.py",
            "shell",
            "--no-imports",
            "-c",
            "from uploads.models import Destination; print(Destination.objects.get())",
        ],
    )


def test_the_data_hold_what_they_promise_after_all_of_it(stack: Stack, browser: Browser) -> None:
    assert browser.get("/jobs/").ok

    assert "checks passed" in stack.execute("web", ["python", "manage.py", "verify"])
