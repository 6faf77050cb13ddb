"""SeaweedFS from its wheel: an S3 server with one bucket."""

import json
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tests.parts.keeping import Kept, kept
from tests.parts.ports import HOST, START_SECONDS, free_ports

KEY: Final = "testkey"
SECRET: Final = "testsecret0000000000"  # of a server that lives as long as the tests
BUCKET: Final = "staging"
MOST_TRIES: Final = 3


@contextmanager
def running_bucket(folder: Path) -> Iterator[str]:
    """A server with one identity and one bucket; answers its endpoint. It is started again when it ends."""
    identities = folder / "s3.json"
    credentials = [{"accessKey": KEY, "secretKey": SECRET}]
    actions = ["Admin", "Read", "List", "Tagging", "Write"]
    identity = {"name": "tests", "credentials": credentials, "actions": actions}
    identities.write_text(json.dumps({"identities": [identity]}), encoding="utf-8")
    with ExitStack() as stack:
        for _ in range(MOST_TRIES):
            endpoint = stack.enter_context(_server(folder, identities))
            if endpoint is not None:
                yield endpoint
                return
            stack.close()
        raise AssertionError((folder / "log").read_text(encoding="utf-8", errors="replace")[-3000:])


@contextmanager
def _server(folder: Path, identities: Path) -> Iterator[str | None]:
    """A server; None where it does not start, as when somebody else has taken one of its ports meanwhile."""
    names = ("master", "volume", "filer", "s3")
    free = free_ports(2 * len(names))
    ports = dict(zip(names, free[: len(names)], strict=True))
    grpc_ports = dict(zip(names, free[len(names) :], strict=True))
    command = [
        str(Path(sys.executable).parent / "weed"),
        "server",
        f"-dir={folder}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-filer",
        "-s3",
    ]
    command += [f"-{name}.port={port}" for name, port in ports.items()]
    command += [f"-{name}.port.grpc={port}" for name, port in grpc_ports.items()]
    command += [
        f"-s3.config={identities}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.telemetry=false",
        "-master.electionTimeout=1s",  # who starts again alone need not wait for others
    ]
    with ExitStack() as stack:
        stack.callback(_remove_sockets, [*ports.values(), *grpc_ports.values()])
        server = stack.enter_context(kept(command, folder, end_by=signal.SIGKILL))
        endpoint = _await_bucket(f"http://{HOST}:{ports['s3']}", server)
        if endpoint is not None:
            server.keep()
        yield endpoint


def _remove_sockets(ports: Iterable[int]) -> None:
    """Its sockets lie there whatever its folder is."""
    for port in ports:
        for path in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
            path.unlink()


def _await_bucket(endpoint: str, server: Kept) -> str | None:
    quick = Config(connect_timeout=1, retries={"max_attempts": 0})
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
        region_name="us-east-1",
        config=quick,
    )
    end = time.monotonic() + START_SECONDS
    while True:
        try:
            client.create_bucket(Bucket=BUCKET)
        except (BotoCoreError, ClientError):
            if not server.is_alive() or time.monotonic() > end:
                return None
            time.sleep(0.2)
        else:
            return endpoint
