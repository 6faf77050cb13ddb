"""What other tests rely on when they do something to a portal's processes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.portals import halt, members, wait_until

TIMES = 100
A_MOMENT = 0.005  # seconds
# One thread waits, as the main thread of a worker does; another works.
PROGRAM = """
import sys, threading, time

def count():
    with open(sys.argv[1], "r+b", buffering=0) as file:
        for number in range(1, 10**12):
            file.seek(0)
            file.write(b"%020d" % number)
            time.sleep(0.0001)

threading.Thread(target=count, daemon=True).start()
time.sleep(600)
"""

# It waits for each child until that has begun (vfork), which a child that is stopped does not do.
STARTER = """
import subprocess
while True:
    subprocess.run(["true"])
"""


def test_a_process_that_was_halted_does_nothing_more_until_it_is_let_go(tmp_path: Path) -> None:
    written = tmp_path / "written"
    written.touch()
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(written)], start_new_session=True)
    try:
        wait_until(written.read_bytes)
        for _ in range(TIMES):
            halt(process.pid)
            first = written.read_bytes()
            time.sleep(A_MOMENT)
            assert written.read_bytes() == first
            os.killpg(process.pid, signal.SIGCONT)
            wait_until(lambda first=first: written.read_bytes() != first)  # type: ignore[misc]  # what is there now
    finally:
        process.kill()
        process.wait()


def test_a_process_that_starts_others_all_the_time_can_be_halted(tmp_path: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", STARTER], start_new_session=True)
    try:
        wait_until(lambda: len(members(process.pid)) > 1)
        for _ in range(TIMES):
            halt(process.pid)
            os.killpg(process.pid, signal.SIGCONT)
            time.sleep(A_MOMENT)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
