"""``python -m tests.bench``: the project's own speed, as ratios within one run. `make bench` calls it.

Everything lies on /dev/shm: a disk that has just deleted much creates slowly, and that would be measured.
"""

import argparse
import os
import resource
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from tests.bench.drain import running_drain  # noqa: E402  # models can't be imported before
from tests.bench.parts import TARGETS, Bench, lines_of  # noqa: E402
from tests.bench.table import machine, say, show  # noqa: E402

PAIRS = 5
QUICK_PAIRS = 2


def main(arguments: Sequence[str]) -> int:
    """Measure what is asked for and print it. A goal that is missed is no error: the machine may be busy."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny studies: shows that it runs, says nothing")
    parser.add_argument("--only", default=",".join(TARGETS), help="targets, as P5,P6")
    parser.add_argument("--pairs", type=int, help=f"alternating pairs for each ratio ({PAIRS})")
    options = parser.parse_args(arguments)
    targets = set(options.only.split(","))
    if not targets.issubset(TARGETS):
        parser.error(f"choose from {', '.join(TARGETS)}")
    pair_count = options.pairs or (QUICK_PAIRS if options.quick else PAIRS)
    _open_many_files()
    say(f"{machine()}\nmedian of {pair_count} pairs (least to greatest)\n")
    with (
        tempfile.TemporaryDirectory(prefix="portal-bench-", dir="/dev/shm") as name,
        running_drain(Path(name) / "drain") as drain,
    ):
        for line in lines_of(Bench(Path(name), drain, targets, pair_count, options.quick)):
            show(line)
    return 0


def _open_many_files() -> None:
    """The sample script opens a whole batch at once."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
