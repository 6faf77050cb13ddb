"""What the kernel knows of processes: who started whom, how much memory and time they took."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc")
CLOCK_TICK: Final = 1 / os.sysconf("SC_CLK_TCK")  # seconds of a process's CPU time that can be told apart
# What tells the portal's processes apart, in the order in which it is looked for.
ROLES: Final = {
    "uploads.dicom.child": "reader",
    "uploads.dicom.picture_child": "drawer",
    "gunicorn": "web",
    "checks@": "checks",
    "relay@": "relay",
    "pictures@": "pictures",
    "stat@": "stat",
    "beat": "beat",
    "valkey-server": "valkey",
    "portal.run": "supervisor",
    "guard.py": "guard",
}


def family(pid: int) -> list[int]:
    """A process and all that it and its children started."""
    children: dict[int, list[int]] = {}
    for child, parent in _parents():
        children.setdefault(parent, []).append(child)
    found = [pid]
    for member in found:
        found += children.get(member, [])
    return found


def role(pid: int) -> str:
    """What a process of the portal is for."""
    command = (PROC / str(pid) / "cmdline").read_bytes().decode().split("\0")
    words = " ".join(command)
    return next((name for part, name in ROLES.items() if part in words), Path(command[0]).name)


def peak_megabytes(pid: int) -> float:
    """The most memory that a process ever held."""
    status = (PROC / str(pid) / "status").read_text(encoding="ascii", errors="replace")
    peaks = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(peaks[0]) * 1024 / 1e6 if peaks else 0.0


def anonymous_megabytes(pid: int) -> float:
    """The memory that a process holds now, without the programs and files that are mapped into it."""
    status = (PROC / str(pid) / "status").read_text(encoding="ascii", errors="replace")
    parts = [line.split() for line in status.splitlines() if line.startswith(("RssAnon:", "RssShmem:"))]
    return sum(int(part[1]) for part in parts) * 1024 / 1e6


def cpu_seconds(pid: int) -> float:
    """CPU time of all threads of a process, and of its children that ended: a family's never falls."""
    return sum(map(int, _stat(pid)[11:15])) * CLOCK_TICK


def _parents() -> Iterator[tuple[int, int]]:
    for folder in PROC.iterdir():
        if folder.name.isdecimal():
            try:
                yield int(folder.name), int(_stat(int(folder.name))[1])
            except OSError:  # it ended just now
                continue


def _stat(pid: int) -> list[str]:
    """The fields behind the name, which may hold anything."""
    return (PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
