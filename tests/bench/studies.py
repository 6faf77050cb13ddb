"""The three studies of the benchmarks: generated once, packed into parcels as the upload page packs them."""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.parcels import digest_of, tar_of
from uploads.dicom.phantom import PhantomFile, ct_study, dx_study, mr_study, phantom_study
from uploads.seals import Seal

LANES: Final = 3  # parcels at a time; so many first ones are small, as in static/js/pace.js
FIRST_PARCEL: Final = 4 * 1024 * 1024  # bytes
PARCEL: Final = 32 * 1024 * 1024  # bytes
MEMBERS: Final = 1000
BLOCK: Final = 512  # bytes; TAR's
NOISE: Final = 0.5  # share of a file that is filled with noise: no two files hold the same pixels


@dataclass(frozen=True)
class Packed:
    """One file of a study: its number, its path for the sample script, and where it lies in its parcel."""

    number: int
    path: Path
    offset: int
    size: int  # bytes
    seal: str


@dataclass(frozen=True)
class PackedParcel:
    """A parcel as it is sent and staged."""

    path: Path
    digest: str
    files: tuple[Packed, ...]

    @property
    def size(self) -> int:
        """Bytes of the whole TAR."""
        return self.path.stat().st_size


@dataclass(frozen=True)
class Study:
    """A study on the disk, once as single files and once as parcels."""

    name: str
    parcels: tuple[PackedParcel, ...]

    @property
    def files(self) -> list[Packed]:
        """All files, in order."""
        return [file for parcel in self.parcels for file in parcel.files]

    @property
    def size(self) -> int:
        """Bytes of all parcels."""
        return sum(parcel.size for parcel in self.parcels)

    def __str__(self) -> str:
        return f"{self.name} {len(self.files)} files, {self.size / 1e6:.0f} MB"


def make_studies(folder: Path, is_quick: bool) -> list[Study]:
    """Write CT, DX and MR below the folder; tiny ones for a quick run."""
    if is_quick:
        sources = {
            "CT": phantom_study(3, 4, 64, 64),
            "DX": phantom_study(1, 2, 256, 256, "DX"),
            "MR": phantom_study(4, 5, 64, 64, "MR"),
        }
    else:
        sources = {"CT": ct_study(), "DX": dx_study(), "MR": mr_study()}
    return [_write(folder / name, name, source) for name, source in sources.items()]


def _write(folder: Path, name: str, source: Iterable[PhantomFile]) -> Study:
    folder.mkdir(parents=True)
    noise = random.Random(name)
    parcels: list[PackedParcel] = []
    number = 0
    for members in _fill(_with_noise(file, noise) for file in source):
        packed: list[Path] = []
        for file in members:
            path = folder / f"{number + len(packed):06d}.dcm"
            path.write_bytes(file.content)
            packed.append(path)
        parcels.append(_pack(folder / f"{len(parcels):03d}.tar", members, packed, number))
        number += len(members)
    return Study(name, tuple(parcels))


def _fill(files: Iterator[PhantomFile]) -> Iterator[list[PhantomFile]]:
    """Cut the files into parcels."""
    parcel: list[PhantomFile] = []
    size, count = 0, 0
    for file in files:
        weight = BLOCK + len(file.content) + -len(file.content) % BLOCK
        limit = FIRST_PARCEL if count < LANES else PARCEL
        if parcel and (size + weight > limit or len(parcel) == MEMBERS):
            yield parcel
            parcel, size, count = [], 0, count + 1
        parcel.append(file)
        size += weight
    yield parcel


def _pack(path: Path, members: Sequence[PhantomFile], sources: Sequence[Path], first: int) -> PackedParcel:
    named = [(str(number), file.content) for number, file in enumerate(members, start=first)]
    path.write_bytes(tar_of(named))
    files, offset = [], 0
    for number, source in enumerate(sources):
        content = members[number].content
        size = len(content)
        files.append(Packed(first + number, source, offset + BLOCK, size, Seal(content).hexdigest()))
        offset += BLOCK + size + -size % BLOCK
    return PackedParcel(path, digest_of(named), tuple(files))


def _with_noise(file: PhantomFile, noise: random.Random) -> PhantomFile:
    """The file with noise for the end of its pixels, which lie at its end."""
    count = int(len(file.content) * NOISE)
    return PhantomFile(file.path, file.content[:-count] + noise.randbytes(count))
