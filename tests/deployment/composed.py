"""docker-compose.yml and the Dockerfile as tests read them."""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

PROJECT: Final = Path(__file__).resolve().parents[2]
VARIABLE: Final = re.compile(r"\$\{(\w+)(?::([-?])([^}]*))?\}|(\$\$)")


@dataclass(frozen=True)
class Service:
    """One service: what it runs, and what it is given."""

    name: str
    values: Mapping[str, Any]  # Any: whatever YAML holds

    @property
    def command(self) -> list[str]:
        """The arguments that start it."""
        return [str(word) for word in (*self.values.get("entrypoint", []), *self.values["command"])]

    @property
    def health_command(self) -> list[str]:
        """The arguments of its health check; none where it has none."""
        test = self.values.get("healthcheck", {}).get("test", ["NONE"])
        if test[0] == "CMD-SHELL":
            return ["/bin/sh", "-c", test[1]]
        return list(test[1:])

    @property
    def environment(self) -> dict[str, str]:
        """The variables that it is given."""
        return {name: str(value) for name, value in self.values.get("environment", {}).items()}

    @property
    def secrets(self) -> list[str]:
        """The secrets that it may read."""
        return list(self.values.get("secrets", []))

    @property
    def waits_for(self) -> dict[str, str]:
        """The services that must have come so far before it starts: name and condition."""
        awaited = self.values.get("depends_on", {})
        return {name: terms["condition"] for name, terms in awaited.items()}

    @property
    def is_ours(self) -> bool:
        """It runs from our own image."""
        return "build" in self.values


def read_compose(variables: Mapping[str, str]) -> dict[str, Any]:  # Any: whatever YAML holds
    """The file with ``${NAME}`` replaced, as Docker does it."""
    text = (PROJECT / "docker-compose.yml").read_text(encoding="utf-8")
    composed: dict[str, Any] = _expanded(yaml.safe_load(text), variables)
    return composed


def services_of(composed: Mapping[str, Any]) -> dict[str, Service]:  # Any: as above
    """The services by their names."""
    return {name: Service(name, values) for name, values in composed["services"].items()}


def in_order(services: Mapping[str, Service]) -> list[Service]:
    """The services, each behind those that it waits for."""
    ordered: dict[str, Service] = {}
    while len(ordered) < len(services):
        ready = [
            service
            for service in services.values()
            if service.name not in ordered and set(service.waits_for) <= set(ordered)
        ]
        assert ready, "Services wait for each other."
        ordered |= {service.name: service for service in ready}
    return list(ordered.values())


def dockerfile() -> Iterator[tuple[str, str]]:
    """The Dockerfile's instructions: (word, rest)."""
    for line in (PROJECT / "Dockerfile").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            word, _, rest = line.partition(" ")
            yield word, rest


def instructions(word: str) -> list[str]:
    """What the Dockerfile says behind a word."""
    return [rest for found, rest in dockerfile() if found == word]


def image_environment() -> dict[str, str]:
    """The variables that the image sets."""
    pairs = [pair for line in instructions("ENV") for pair in shlex.split(line)]
    return dict(pair.split("=", 1) for pair in pairs)


def _expanded(value: Any, variables: Mapping[str, str]) -> Any:  # Any: whatever YAML holds
    if isinstance(value, str):
        return VARIABLE.sub(lambda found: _value(found, variables), value)
    if isinstance(value, dict):
        return {name: _expanded(inner, variables) for name, inner in value.items()}
    if isinstance(value, list):
        return [_expanded(inner, variables) for inner in value]
    return value


def _value(found: re.Match[str], variables: Mapping[str, str]) -> str:
    name, kind, rest, dollars = found.groups()
    if dollars:
        return "$"
    if variables.get(name):
        return variables[name]
    assert kind == "-", f"{name} {rest}"
    return str(rest)
