"""Damages bytes as disks, lines and enemies do; the same seed does it the same way again."""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

# Lengths and counts at which readers stumble.
EXTREMES: Final = (
    0,
    1,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFE,
    0xFFFFFFFF,
)
STRANGE: Final[Sequence[Any]] = (
    None,
    True,
    -1,
    0,
    2**31,
    2**63,
    1e308,
    "",
    "\0",
    "\ud800",
    "../..",
    "a" * 5000,
    [],
    {},
    [[]],
)
MOST_DAMAGES: Final = 6  # of one piece
LONGEST_RUN: Final = 64  # bytes

Damage = Callable[[Random, bytearray, bytes], None]


class Mutator:
    """Makes damaged pieces of sound ones."""

    def __init__(self, seed: int, sound: Sequence[bytes]) -> None:
        self.random = Random(seed)
        self._sound = sound

    def mutant(self) -> bytes:
        """One of the sound pieces with some damages, near its beginning more often than not."""
        piece = bytearray(self.random.choice(self._sound))
        for _ in range(self.random.randint(1, MOST_DAMAGES)):
            self.random.choice(DAMAGES)(self.random, piece, self.random.choice(self._sound))
        return bytes(piece)


def strange(random: Random, value: Any) -> Any:  # Any: what JSON holds
    """The value with some of what is in it replaced by what nobody expects there."""
    if random.random() < 0.1:
        return random.choice(STRANGE)
    if isinstance(value, dict):
        return {name: strange(random, inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [strange(random, inner) for inner in value] * random.choice((1, 1, 1, 2))
    return value


def _place(random: Random, piece: bytearray) -> int:
    end = len(piece) if random.random() < 0.3 else min(len(piece), 1024)
    return random.randrange(end) if end else 0


def _flip(random: Random, piece: bytearray, _other: bytes) -> None:
    if piece:
        piece[_place(random, piece)] ^= 1 << random.randrange(8)


def _overwrite(random: Random, piece: bytearray, _other: bytes) -> None:
    at = _place(random, piece)
    piece[at : at + random.randint(1, 8)] = random.randbytes(random.randint(1, 8))


def _set_extreme(random: Random, piece: bytearray, _other: bytes) -> None:
    at, size = _place(random, piece), random.choice((2, 4))
    number = random.choice(EXTREMES) & ((1 << 8 * size) - 1)
    piece[at : at + size] = number.to_bytes(size, random.choice(("little", "big")))


def _cut_out(random: Random, piece: bytearray, _other: bytes) -> None:
    at = _place(random, piece)
    del piece[at : at + random.randint(1, LONGEST_RUN)]


def _break_off(random: Random, piece: bytearray, _other: bytes) -> None:
    del piece[_place(random, piece) :]


def _repeat(random: Random, piece: bytearray, _other: bytes) -> None:
    at = _place(random, piece)
    piece[at:at] = piece[at : at + random.randint(1, LONGEST_RUN)] * random.randint(1, 20)


def _splice(random: Random, piece: bytearray, other: bytes) -> None:
    at = _place(random, piece)
    start = random.randrange(len(other)) if other else 0
    piece[at:at] = other[start : start + random.randint(1, LONGEST_RUN)]


DAMAGES: Final[Sequence[Damage]] = (_flip, _overwrite, _set_extreme, _cut_out, _break_off, _repeat, _splice)
