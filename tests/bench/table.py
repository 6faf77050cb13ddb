"""What is printed: the machine, then a line for each figure."""

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

LIBRARIES: Final = ("Django", "pydicom", "gunicorn", "requests", "urllib3", "requests-toolbelt", "celery")


@dataclass(frozen=True)
class Line:
    """One figure and its goal; ``is_met`` is None for what is told without a goal."""

    target: str
    what: str
    figure: str
    goal: str = ""
    is_met: bool | None = None


def at_least(goal: float, target: str, what: str, value: float, figure: str) -> Line:
    """A line whose figure should be no lower."""
    return Line(target, what, figure, f">= {goal:g}", value >= goal)


def at_most(goal: float, target: str, what: str, value: float, figure: str) -> Line:
    """A line whose figure should be no higher."""
    return Line(target, what, figure, f"<= {goal:g}", value <= goal)


def machine() -> str:
    """Cores, memory, Python and the libraries, in a line each."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    libraries = ", ".join(f"{name} {version(name)}" for name in LIBRARIES)
    system = f"{platform.system()} {platform.release()}"
    return (
        f"{os.cpu_count()} cores ({_processor()}), {memory:.0f} GiB, {system}\n"
        f"Python {platform.python_version()}, {libraries}, {_curl()}"
    )


def show(line: Line) -> None:
    """Print a figure with its goal."""
    verdict = {True: "met", False: "MISSED", None: ""}[line.is_met]
    say(f"{line.target:<4} {line.what:<44} {line.figure:<28} {line.goal:<10} {verdict}".rstrip())


def say(text: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _curl() -> str:
    if shutil.which("curl") is None:
        return "no curl"
    output = subprocess.run(["curl", "--version"], capture_output=True, text=True, check=True).stdout
    return " ".join(output.split()[:2])
