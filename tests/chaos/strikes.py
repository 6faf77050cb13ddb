"""What goes wrong: processes die and freeze, the broker forgets, Qure answers oddly, as the seed says."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, Final

from redis.exceptions import RedisError

from tests.chaos.plans import Progress
from tests.parts.__main__ import ON_PARTS
from tests.parts.keeping import PID
from tests.portals import Portal
from tests.sandboxes import Sandbox

YOUTH: Final = 10.0  # seconds; a program that has just started has nothing to lose
LONGEST_FREEZE: Final = 4.0  # seconds: twice a lease, so that some wake up too late
# How often each dies, in proportion. A worker's children are cheap: their parent makes new ones at once.
CHILDREN: Final = {"checks": 40, "checks-twin": 20, "web": 10, "web-twin": 5}
READERS: Final = {"checks": 20, "checks-twin": 10, "pictures": 2}
PROGRAMS: Final = {
    ("relay",): 4,
    ("relay-twin",): 4,
    ("stat",): 2,
    ("beat",): 4,
    ("pictures",): 2,
    ("checks",): 1,
    ("checks-twin",): 1,
    ("web",): 1,
    ("web-twin",): 1,
    ("valkey",): 6,
    ("relay", "beat"): 1,
    ("valkey", "checks", "beat"): 1,
    ("relay", "relay-twin"): 1,
    ("web", "web-twin"): 1,
    (
        "valkey",
        *("web", "web-twin", "checks", "checks-twin", "relay", "relay-twin"),
        *("stat", "pictures", "beat"),
    ): 1,  # a power cut
}
FREEZES: Final = ("web", "web-twin", "checks", "checks-twin", "relay", "relay-twin", "stat", "beat", "valkey")
# Not "more": a receiver that counts more than it has can make up for one that it has lost.
ANSWERS: Final[list[dict[str, Any]]] = [
    {"kind": "503"},
    {"kind": "503", "retry_after": "1"},
    {"kind": "429", "retry_after": "1"},
    {"kind": "429"},
    {"kind": "500"},
    {"kind": "400"},
    {"kind": "413"},
    {"kind": "slow", "seconds": 3},
    {"kind": "slow", "seconds": 1, "after_bytes": 20_000},
    {"kind": "drip", "seconds": 2},
    {"kind": "drop_before"},
    {"kind": "drop_before", "after_bytes": 20_000},
    {"kind": "drop_after"},
    {"kind": "garbage"},
    {"kind": "html"},
    {"kind": "other_json"},
    {"kind": "fewer"},
    {"kind": "missing_series"},
    {"kind": "unknown_series"},
    {"kind": "silent", "seconds": 8},
    {"kind": "license_expired"},
    {"kind": "gzip_bomb"},
    {"kind": "401"},
    {"kind": "403"},
    {"kind": "404"},
    {"kind": "redirect"},
]
# How the parts die: PostgreSQL in its immediate mode, the object store at once.
PARTS: Final = {"postgres": signal.SIGQUIT, "s3": signal.SIGKILL}
BACKENDS: Final = """SELECT pid FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"""
Strike = Callable[[], None]


class Hand:
    """Strikes a portal until as many processes have been killed as were planned."""

    def __init__(self, portal: Portal, receivers: Sequence[Sandbox], progress: Progress) -> None:
        self.struck: Counter[str] = Counter()
        self._portal = portal
        self._receivers = receivers
        self._progress = progress
        self._dice = Random(progress.plan.seed)
        self._frozen: dict[str, float] = {}  # when each is to go on
        self._started = dict.fromkeys([*portal.names, *PARTS], time.monotonic())

    def strike_all(self) -> None:
        """Strike, and bring back what has fallen, until the plan is done."""
        while self._progress.kills < self._progress.plan.kills and not self._progress.over.is_set():
            self._thaw_due()
            self._portal.revive()
            if self._progress.may_strike:
                self._strike_once()
            self._progress.over.wait(self._dice.uniform(0, 2 * self._progress.plan.pause))
        for name in list(self._frozen):
            self._thaw(name)

    def _strike_once(self) -> None:
        strikes = self._strikes()
        (strike,) = self._dice.choices([strike for strike, _ in strikes], [weight for _, weight in strikes])
        strike()

    def _strikes(self) -> list[tuple[Strike, int]]:
        return [
            *((lambda name=name: self._kill_child(name), often) for name, often in CHILDREN.items()),
            *((lambda name=name: self._kill_reader(name), often) for name, often in READERS.items()),
            *((lambda names=names: self._kill_programs(names), often) for names, often in PROGRAMS.items()),
            (self._freeze, 12),
            (self._flush, 5),
            (self._script, 20),
            (self._restart_qure, 2),
            (self._end_a_connection, 10),
            (self._end_a_part, 8),
        ]

    def _kill_child(self, name: str) -> None:
        """A process of a worker's pool, where another one is left to go on."""
        children = [pid for pid in _children_of({self._portal.leader(name)}) if not _is_reader(pid)]
        if len(children) > 1:
            self._kill(f"child of {name}", children)

    def _kill_reader(self, name: str) -> None:
        """A process that has strangers' files in hand."""
        leader = self._portal.leader(name)
        around = _children_of({leader, *_children_of({leader})})
        self._kill(f"reader of {name}", [pid for pid in around if _is_reader(pid)])

    def _kill(self, what: str, candidates: list[int]) -> None:
        if not candidates:
            return
        with suppress(ProcessLookupError):
            os.kill(self._dice.choice(sorted(candidates)), signal.SIGKILL)
            self._count(what)

    def _kill_programs(self, names: tuple[str, ...]) -> None:
        if any(time.monotonic() - self._started[name] < YOUTH for name in names):
            return
        for name in names:
            self._frozen.pop(name, None)
            self._started[name] = time.monotonic()
        self._portal.kill(*names)
        for name in names:
            self._portal.start_again(name)
            self._count(name)

    def _count(self, what: str) -> None:
        self.struck[f"killed {what}"] += 1
        self._progress.add_kills(1)

    def _freeze(self) -> None:
        name = self._dice.choice(FREEZES)
        if name in self._frozen:
            return
        os.killpg(
            self._portal.leader(name), signal.SIGSTOP
        )  # in mid-write too: others wait for less than this
        self._frozen[name] = time.monotonic() + self._dice.uniform(0.1, LONGEST_FREEZE)
        self.struck[f"froze {name}"] += 1

    def _thaw_due(self) -> None:
        for name, until in list(self._frozen.items()):
            if time.monotonic() >= until:
                self._thaw(name)

    def _thaw(self, name: str) -> None:
        del self._frozen[name]
        self._portal.thaw(name)

    def _flush(self) -> None:
        if "valkey" in self._frozen:
            return
        with suppress(RedisError):
            self._portal.broker().flushall()
            self.struck["flushed the broker"] += 1

    def _script(self) -> None:
        qure, answer = self._dice.choice(self._receivers), self._dice.choice(ANSWERS)
        if not qure.faults():
            qure.script(answer)
            self.struck[f"Qure: {answer['kind']}"] += 1

    def _restart_qure(self) -> None:
        qure = self._dice.choice(self._receivers)
        qure.kill()
        qure.start()
        self.struck["Qure: died"] += 1

    def _end_a_connection(self) -> None:
        """End one of the database's own processes, where the database is a server."""
        if "DATABASE_URL" not in self._portal.place.environment:
            return
        backends = sorted(pid for (pid,) in self._portal.rows(BACKENDS))
        if backends:
            self._portal.rows("SELECT pg_terminate_backend(?)", self._dice.choice(backends))
            self.struck["postgres: a connection ended"] += 1

    def _end_a_part(self) -> None:
        """End the database's server or the object store's, where they are; it is started again at once."""
        name, folder = self._dice.choice(sorted(PARTS)), os.environ.get(ON_PARTS)
        if folder is None or time.monotonic() - self._started[name] < YOUTH:
            return
        self._started[name] = time.monotonic()
        with suppress(ProcessLookupError):
            os.kill(int((Path(folder) / name / PID).read_text(encoding="ascii")), PARTS[name])
            self.struck[f"{name}: died"] += 1


def _children_of(parents: set[int]) -> list[int]:
    """The living children of processes, whatever their group."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it ended just now
            state, parent = path.read_text(errors="replace").rpartition(")")[2].split()[:2]
            if int(parent) in parents and state not in "ZX":
                found.append(int(path.parent.name))
    return found


def _is_reader(pid: int) -> bool:
    """It reads strangers' files for its parent."""
    try:
        return b"uploads.dicom." in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:  # it ended just now
        return False
