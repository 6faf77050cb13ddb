"""P5 and P6: the relay beside curl and beside the sample script of the API's documentation."""

import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import requests
from django.conf import settings
from django.test import override_settings
from requests_toolbelt import MultipartEncoder

from tests.bench.drain import Drain
from tests.bench.pairs import compare, timed
from tests.bench.studies import Packed, PackedParcel, Study
from tests.bench.table import Line, at_least
from uploads.models import Parcel
from uploads.qure.account import Account
from uploads.qure.body import BODY_OVERHEAD, MultipartBody, Part, part_overhead
from uploads.qure.client import Client
from uploads.qure.sending import BLOCK_BYTES
from uploads.staged import StagedReader

TOKEN: Final = "bench-token"
BATCH: Final = 100_000_000  # bytes of a request
ENOUGH: Final = 300_000_000  # bytes; a smaller study is sent several times, or the clock's noise is measured
BUSY: Final = 0.9  # of a core: a receiver that works so much may be what is measured

Place = tuple[PackedParcel, Packed]


@dataclass(frozen=True)
class Load:
    """What is sent again and again: a study's batches, and the same as ready bodies."""

    name: str
    batches: list[list[Place]]
    bodies: list[Path]


@dataclass(frozen=True)
class Way:
    """One way to the receiver; ``bundle`` is what TLS trusts."""

    scheme: str
    url: str
    bundle: str


@dataclass(frozen=True)
class Rival:
    """Another way of sending the same, and how much slower than the relay it should be."""

    target: str
    name: str
    send: Callable[[Load, Way], float]
    goals: dict[str, float]


def relay_lines(study: Study, drain: Drain, pair_count: int, targets: set[str]) -> list[Line]:
    """Measure a study over http and TLS beside each rival."""
    lines = []
    with staged_in(study.parcels[0].path.parent):
        load = _load(study)
        for rival in RIVALS:
            for scheme, url in drain.urls.items():
                if rival.target in targets:
                    way = Way(scheme, url, drain.bundle)
                    lines.append(_compare(rival, load, way, drain, pair_count))
        if "P6" in targets:
            figure = compare(partial(_encode, load), partial(_read, load), pair_count)
            lines.append(Line("P6", f"encoder at 1 MiB / body, no line, {study.name}", str(figure)))
    return lines


def staged_in(folder: Path) -> Any:  # Any: Django's decorator is untyped
    """Let the staging storage lie there."""
    staging = {"BACKEND": "uploads.storage.StagingFiles", "OPTIONS": {"location": folder}}
    return override_settings(STORAGES={**settings.STORAGES, "default": staging})


def staged_parts(reader: StagedReader, places: Sequence[Place]) -> list[Part]:
    """The parts of a request as the relay makes them: ranges of staged parcels, sealed as they are read."""
    rows: dict[str, Parcel] = {}
    for parcel, _ in places:
        if parcel.path.name not in rows:
            rows[parcel.path.name] = Parcel(pk=len(rows), object_name=parcel.path.name, size=parcel.size)
    parts = []
    for parcel, file in places:
        extents = [(rows[parcel.path.name], file.offset, file.size)]
        opened = partial(reader.open, extents, b"", file.seal)
        parts.append(Part(file.path.name, file.size, opened))
    return parts


def batches_of(study: Study) -> list[list[Place]]:
    """The study's files in requests that the API takes."""
    batches: list[list[Place]] = []
    size = BATCH
    for parcel in study.parcels:
        for file in parcel.files:
            weight = part_overhead(file.path.name) + file.size
            if size + weight > BATCH:
                batches.append([])
                size = BODY_OVERHEAD
            batches[-1].append((parcel, file))
            size += weight
    return batches


def _load(study: Study) -> Load:
    batches, bodies = batches_of(study), []
    for number, places in enumerate(batches):
        body = study.parcels[0].path.with_name(f"{number}.body")
        with StagedReader() as reader:
            body.write_bytes(MultipartBody(staged_parts(reader, places)).read())
        bodies.append(body)
    repeats = max(1, round(ENOUGH / study.size)) if study.size > ENOUGH // 10 else 1
    return Load(study.name, batches * repeats, bodies * repeats)


def _compare(rival: Rival, load: Load, way: Way, drain: Drain, pair_count: int) -> Line:
    seconds: list[float] = []
    receiver: list[float] = []

    def relay() -> float:
        before = drain.cpu_seconds()
        took = _relay(load, way)
        receiver.append(drain.cpu_seconds() - before)
        seconds.append(took)
        return took

    figure = compare(partial(rival.send, load, way), relay, pair_count)
    share = sum(receiver) / sum(seconds)
    note = f", receiver busy {share:.0%}" if share > BUSY else ""
    what = f"{rival.name} / relay, {way.scheme}, {load.name}{note}"
    return at_least(rival.goals[way.scheme], rival.target, what, figure.median, str(figure))


@timed
def _relay(load: Load, way: Way) -> None:
    for places in load.batches:
        account = Account(way.url, TOKEN, ca_bundle=way.bundle)
        with StagedReader() as reader, Client(account) as client:
            client.send(staged_parts(reader, places), on_progress=_ignore)


def _ignore(sent_bytes: int) -> None:
    """The relay looks at its lease here."""


def _curl(load: Load, way: Way) -> float:
    """What curl says of its own time: without its start, with connecting."""
    command = ["curl", "-sS", "-o", "/dev/null", "-w", "%{time_total}\n", "--cacert", way.bundle]
    command += ["-X", "POST", "-H", "Expect:"]
    total = 0.0
    for body in load.bodies:
        line = [*command, "-T", str(body), f"{way.url}studies"]
        total += float(subprocess.run(line, check=True, capture_output=True, text=True).stdout)
    return total


@timed
def _sample(load: Load, way: Way) -> None:
    """The documentation's script, a batch at a time; it opens all files of a batch at once."""
    for places in load.batches:
        encoder = _encoder_of(places)
        content_type = f"multipart/related; type=application/dicom; boundary={encoder.boundary_value}"
        headers = {"Content-Type": content_type, "Authorization": f"Token {TOKEN}"}
        requests.post(f"{way.url}studies", data=encoder, headers=headers, verify=way.bundle, timeout=60)
        _close(encoder)


def _encoder_of(places: Sequence[Place]) -> MultipartEncoder:
    paths = [file.path for _, file in places]
    return MultipartEncoder({str(path): (str(path), path.open("rb"), "application/dicom") for path in paths})


def _close(encoder: MultipartEncoder) -> None:
    for _, stream, _ in encoder.fields.values():
        stream.close()


@timed
def _encode(load: Load) -> None:
    """What the script's encoder takes when it is asked for large blocks."""
    for places in load.batches:
        encoder = _encoder_of(places)
        while encoder.read(BLOCK_BYTES):
            pass
        _close(encoder)


@timed
def _read(load: Load) -> None:
    """What our body takes."""
    block = bytearray(BLOCK_BYTES)
    for places in load.batches:
        with StagedReader() as reader:
            body = MultipartBody(staged_parts(reader, places))
            while body.readinto(block):
                pass


RIVALS: Final = (
    Rival("P5", "curl -T", _curl, {"http": 0.95, "TLS": 0.9}),
    Rival("P6", "sample script", _sample, {"http": 4.0, "TLS": 2.5}),
)
