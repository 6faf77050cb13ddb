"""What docker-compose.yml promises, read from the file."""

import re
from typing import Any

import pytest
from django.conf import settings

from portal import secrets
from tests.deployment.composed import PROJECT, Service, read_compose, services_of
from tests.deployment.settings_read import variables_understood

ADDRESSES = {"PUBLIC_URL": "https://upload.hospital.example", "QURE_BASE_URL": "https://qure.example"}
COMPOSED = read_compose(ADDRESSES)
SERVICES = services_of(COMPOSED)
NAMES = sorted(SERVICES)
LASTING = sorted(set(NAMES) - {"prepare"})
OURS = sorted(name for name, service in SERVICES.items() if service.is_ours)
VERSION = re.compile(r"[\w./-]+:\d+\.\d+(\.\d+)?(-[a-z]+)?")
NOT_SETTINGS = {"TMPDIR"}  # Python's own


OUTWARD = ("uploads.tasks.send_batch", "uploads.tasks.mail_notice", "uploads.tasks.call_webhook")


def networks_of(service: Service) -> set[str]:
    return set(service.values["networks"])


def test_it_has_the_services_of_a_whole_portal() -> None:
    ours = {"prepare", "web", "checks", "relay", "stat", "pictures", "beat", "sandbox"}

    assert set(OURS) == ours
    assert set(NAMES) == {"nginx", "postgres", "redis", "s3", *ours}


@pytest.mark.parametrize("name", NAMES)
def test_an_image_is_pinned_to_a_version(name: str) -> None:
    assert VERSION.fullmatch(SERVICES[name].values["image"])


def test_our_image_has_the_version_of_the_project() -> None:
    (version,) = re.findall(r'^version = "(.+)"$', (PROJECT / "pyproject.toml").read_text(), re.MULTILINE)

    assert {SERVICES[name].values["image"] for name in OURS} == {f"qure-upload-portal:{version}"}


@pytest.mark.parametrize("name", LASTING)
def test_a_service_that_runs_on_says_how_it_is_and_is_started_again(name: str) -> None:
    values = SERVICES[name].values

    assert SERVICES[name].health_command
    assert values["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", NAMES)
def test_a_service_has_no_more_rights_than_it_needs(name: str) -> None:
    values = SERVICES[name].values

    assert values["read_only"] is True
    assert values["cap_drop"] == ["ALL"]
    assert values["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in values and "cap_add" not in values


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(OURS)))
def test_a_foreign_image_does_not_run_as_root(name: str) -> None:
    assert SERVICES[name].values["user"].partition(":")[0] not in ("", "0", "root")


def test_only_nginx_is_published() -> None:
    published = {
        name: service.values["ports"] for name, service in SERVICES.items() if "ports" in service.values
    }

    assert published == {"nginx": ["443:8443", "80:8080"]}


def test_only_those_that_must_reach_out_have_a_way_out() -> None:
    inner = {name for name, network in COMPOSED["networks"].items() if network.get("internal")}

    with_a_way_out = {name for name, service in SERVICES.items() if networks_of(service) - inner}

    assert with_a_way_out == {"nginx", "relay", "stat", "beat", "sandbox"}


@pytest.mark.parametrize("task", OUTWARD)
def test_what_calls_the_world_runs_only_where_there_is_a_way_out(task: str) -> None:
    queue = settings.CELERY_TASK_ROUTES[task]["queue"]

    listening = {name for name, service in SERVICES.items() if queue in queues_of(service)}

    assert listening
    assert all("outside" in networks_of(SERVICES[name]) for name in listening)


def queues_of(service: Service) -> list[str]:
    words = service.command
    return words[words.index("-Q") + 1].split(",") if "-Q" in words else []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("EMAIL_BACKEND", "django.core.mail.backends.smtp.EmailBackend"),
        ("EMAIL_HOST", "mail.hospital.example"),
        ("EMAIL_PORT", "587"),
        ("EMAIL_HOST_USER", "portal"),
        ("EMAIL_USE_TLS", "yes"),
        ("EMAIL_USE_SSL", "yes"),
        ("DEFAULT_FROM_EMAIL", "portal@hospital.example"),
        ("WEBHOOK_ALLOWED_HOSTS", "events.hospital.example"),
    ],
)
@pytest.mark.parametrize("service", ["relay", "beat"])
def test_a_mail_server_and_webhooks_are_set_in_one_place(service: str, name: str, value: str) -> None:
    composed = read_compose({**ADDRESSES, name: value})

    assert services_of(composed)[service].environment[name] == value


def test_the_pages_send_no_mail_because_they_have_no_way_out() -> None:
    web = services_of(read_compose({**ADDRESSES, "EMAIL_BACKEND": "smtp"}))["web"]

    assert web.environment["EMAIL_BACKEND"].endswith(".dummy.EmailBackend")


def test_nginx_reaches_nothing_but_web() -> None:
    neighbors = {
        name for name, service in SERVICES.items() if networks_of(service) & networks_of(SERVICES["nginx"])
    }

    assert neighbors == {"nginx", "web"}


def test_the_sandbox_starts_only_when_it_is_asked_for() -> None:
    profiled = {
        name: service.values["profiles"] for name, service in SERVICES.items() if "profiles" in service.values
    }

    assert profiled == {"sandbox": ["sandbox"]}


@pytest.mark.parametrize("name", ["web", "checks", "relay", "stat", "pictures", "beat"])
def test_a_part_of_the_portal_waits_until_all_is_prepared(name: str) -> None:
    expected = {
        "prepare": "service_completed_successfully",
        "postgres": "service_healthy",
        "redis": "service_healthy",
        "s3": "service_healthy",
    }

    assert SERVICES[name].waits_for == expected


@pytest.mark.parametrize("name", OURS)
def test_a_variable_that_is_given_is_one_that_the_settings_read(name: str) -> None:
    assert set(SERVICES[name].environment) - variables_understood() <= NOT_SETTINGS


@pytest.mark.parametrize("name", NAMES)
def test_no_secret_is_in_the_environment_or_in_a_command(name: str) -> None:
    service = SERVICES[name]
    secret_words = re.compile("SECRET|TOKEN|PASSWORD|KEY|pass", re.IGNORECASE)

    exposed = {
        variable: value
        for variable, value in service.environment.items()
        if secret_words.search(variable) and not value.startswith("/run/secrets/")
    }

    assert exposed == {}
    assert not [word for word in service.command if "pass" in word.lower()]


@pytest.mark.parametrize("name", NAMES)
def test_a_file_of_a_secret_is_one_that_the_service_is_given(name: str) -> None:
    service = SERVICES[name]
    said = [*service.environment.values(), *service.command, *service.health_command]

    named = set(re.findall(r"/run/secrets/(\w+)", " ".join(said)))

    assert named <= set(service.secrets)
    assert set(service.secrets) <= set(COMPOSED["secrets"])


def test_each_secret_is_a_file_that_the_command_makes_or_asks_for() -> None:
    files = {name: secret["file"] for name, secret in COMPOSED["secrets"].items()}

    assert files == {name: f"./secrets/{name}" for name in (*secrets.MADE, *secrets.GIVEN)}


@pytest.mark.parametrize("name", NAMES)
def test_a_volume_is_a_declared_one_or_a_file_of_the_project(name: str) -> None:
    for volume in SERVICES[name].values.get("volumes", []):
        source = volume.split(":")[0]
        assert source in COMPOSED["volumes"] or (PROJECT / source).is_file()


def test_a_missing_address_stops_everything_with_a_sentence() -> None:
    with pytest.raises(AssertionError, match="PUBLIC_URL is the address"):
        read_compose({"QURE_BASE_URL": "https://qure.example"})


def test_health_checks_are_asked_soon_after_the_start() -> None:
    checks: dict[str, Any] = {name: SERVICES[name].values["healthcheck"] for name in LASTING}  # Any: YAML

    assert all(
        {"interval", "timeout", "start_period", "start_interval"} <= set(check) for check in checks.values()
    )
