"""``python -m tests.chaos --kills 300 --seed 1``: faults against a portal of real processes.

Prints what was done and what came of it; ends with 1 if anything was lost, or said that was not so.
`make chaos` calls it.
"""

import argparse
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
django.setup()

from tests.chaos.plans import Plan  # noqa: E402  # models can't be imported before
from tests.chaos.runs import run  # noqa: E402

FILES_A_KILL = 10


def main(arguments: Sequence[str]) -> int:
    """Run as the command line says."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=300, help="processes to kill (%(default)s)")
    parser.add_argument("--files", type=int, help=f"files to send ({FILES_A_KILL} a kill)")
    parser.add_argument("--seed", type=int, help="chooses faults and uploads (a new one each time)")
    parser.add_argument("--people", type=int, default=4, help="who upload at the same time (%(default)s)")
    parser.add_argument(
        "--pause", type=float, default=Plan.pause, help="seconds between faults (%(default)s)"
    )
    parser.add_argument(
        "--minutes", type=float, default=60, help="the longest that it may take (%(default)s)"
    )
    parser.add_argument("--folder", type=Path, help="keep the portal's data and logs there")
    options = parser.parse_args(arguments)
    seed = options.seed if options.seed is not None else secrets.randbelow(10**6)
    files = options.files or FILES_A_KILL * options.kills
    plan = Plan(options.kills, files, seed, options.people, options.pause, options.minutes * 60)
    say(str(plan))
    with tempfile.TemporaryDirectory(prefix="portal-chaos-") as folder:
        report = run(options.folder or Path(folder), plan, say)
    sys.stdout.write(f"{report}\n")
    return 0 if report.is_good else 1


def say(sentence: str) -> None:
    """Say how far it is."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {sentence}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
