"""P5: how much memory and how many open files the relay takes, seen in a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

from tests.bench.drain import Drain
from tests.bench.processes import peak_megabytes
from tests.bench.relaying import TOKEN, staged_in
from tests.bench.studies import Study
from tests.bench.table import Line, at_most
from uploads.models import Parcel
from uploads.qure.account import Account
from uploads.qure.body import Part
from uploads.qure.client import Client
from uploads.staged import StagedReader

PROJECT: Final = Path(__file__).resolve().parents[2]
CHILD: Final = "import django; django.setup(); from tests.bench.flatness import main; main()"
REQUESTS: Final = 10  # of the size that the API takes: a study of ten times as much
FILES: Final = 10_000  # in one request


def flatness_lines(study: Study, drain: Drain) -> list[Line]:
    """Send a hundred megabytes, a gigabyte, and 10,000 files."""
    parcels = [parcel.path for parcel in study.parcels]
    command = [sys.executable, "-c", CHILD, drain.urls["http"], *map(str, parcels)]
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    done = subprocess.run(
        command, cwd=PROJECT, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    found = json.loads(done.stdout)
    return [
        at_most(10, "P5", f"memory over base, {name}, MB", found[name], f"{found[name]:.1f}")
        for name in ("100 MB", "1 GB", "10,000 files")
    ] + [at_most(8, "P5", "open files while 10,000 are sent", found["open"], str(found["open"]))]


def main() -> None:
    """Send, and print what it took."""
    url, *names = sys.argv[1:]
    paths = [Path(name) for name in names]
    with staged_in(paths[0].parent):
        seen: list[int] = []
        _send(url, paths, 1, 1, seen)
        base, before = peak_megabytes(os.getpid()), _open_files()
        found: dict[str, float] = {}
        _send(url, paths, 100, 999_000, seen)
        found["100 MB"] = peak_megabytes(os.getpid()) - base
        for _ in range(REQUESTS):
            _send(url, paths, 100, 999_000, seen)
        found["1 GB"] = peak_megabytes(os.getpid()) - base
        seen.clear()
        _send(url, paths, FILES, 9_800, seen)
        found["10,000 files"] = peak_megabytes(os.getpid()) - base
        found["open"] = max(seen) - before
    sys.stdout.write(json.dumps(found))


def _send(url: str, paths: Sequence[Path], count: int, size: int, seen: list[int]) -> None:
    """One request of so many files, which lie in all the parcels; note how many files are open at each."""
    sizes = [path.stat().st_size for path in paths]
    parcels = [
        Parcel(pk=number, object_name=path.name, size=sizes[number]) for number, path in enumerate(paths)
    ]

    def open_file(number: int) -> BinaryIO:
        seen.append(_open_files())
        place = number * len(parcels) // count
        length = min(size, sizes[place])
        return reader.open([(parcels[place], 0, length)])

    with StagedReader() as reader, Client(Account(url, TOKEN)) as client:
        parts = [
            Part(
                f"{number:06d}.dcm",
                min(size, sizes[number * len(parcels) // count]),
                partial(open_file, number),
            )
            for number in range(count)
        ]
        client.send(parts)


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir()) - 1  # one is the listing's own
