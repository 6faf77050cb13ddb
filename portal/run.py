"""``python -m portal.run``: the whole portal on one machine. ``make run`` calls it.

No management command: it makes the secrets that Django's settings need.
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from portal import processes
from portal.console import Console
from portal.place import CannotRun, Place, take_place
from portal.supervisor import Ended, NotReady, Stopped, Supervisor

COMMAND_ERROR = "CommandError: "  # how Django's commands say a plain sentence
PREPARE_LOG = "prepare.log"  # in the data folder: all that was said where nobody had a sentence


def main(arguments: Sequence[str]) -> int:
    """Run the portal until it is told to stop; answer the exit status."""
    parser = argparse.ArgumentParser(prog="python -m portal.run", description=__doc__)
    parser.add_argument(
        "--with-parent", action="store_true", help="stop when the process that started this one is gone"
    )
    parent = os.getppid() if parser.parse_args(arguments).with_parent else None
    console = Console()
    try:
        with take_place(os.environ) as place:
            _run(place, Supervisor(console, parent=parent))
    except (CannotRun, NotReady) as e:
        console.close()
        sys.stderr.write(f"{e}\n")
        return 1
    console.close()
    return 0


def _run(place: Place, supervisor: Supervisor) -> None:
    supervisor.listen()
    try:
        with suppress(Stopped):
            _bring_up(place, supervisor)
            supervisor.run()
    finally:
        supervisor.stop()


def _bring_up(place: Place, supervisor: Supervisor) -> None:
    for program in processes.foundations(place):
        supervisor.start(program)
    _prepare(place, supervisor)
    for program in processes.portal(place):
        supervisor.start(program)
    _welcome(place, supervisor)


def _prepare(place: Place, supervisor: Supervisor) -> None:
    ended = supervisor.finish(processes.manage(place, "prepare", "--demo"))
    if ended.status:
        raise CannotRun(_reason(ended, place.data / PREPARE_LOG))


def _reason(ended: Ended, log: Path) -> str:
    """A command's own sentence. Where it has none: its last line, and where the rest is."""
    last = ended.errors.strip().rsplit("\n", 1)[-1]
    if last.startswith(COMMAND_ERROR):
        return last.removeprefix(COMMAND_ERROR)
    log.write_text(ended.errors, encoding="utf-8")
    return f"The portal can't be prepared; all of it is in {log}. {last or f'It ended with {ended.status}.'}"


def _welcome(place: Place, supervisor: Supervisor) -> None:
    """Send the sample study, unless it was sent; print the address, the logins and what became of it."""
    sample = supervisor.finish(processes.manage(place, "send_sample"))
    credentials = json.loads((place.data / "demo-credentials.json").read_text(encoding="utf-8"))
    lines = ["", f"The portal is ready: {credentials['url']}", "", *login_lines(credentials["users"])]
    if place.sandbox_port is not None:
        lines += ["", f"It relays to a sandbox of Qure: {place.sandbox_url}_sandbox/"]
    lines += ["", *f"{sample.output}{sample.errors}".strip().splitlines(), "Stop it with Ctrl-C.", ""]
    for line in lines:
        supervisor.console.print(line)


def login_lines(users: Sequence[Mapping[str, str]]) -> list[str]:
    """Who may sign in, and how. A password that was changed is known to its owner only."""
    words = [user["password"] or "the password that was chosen since" for user in users]
    return [
        f"  {user['role']:<14} {user['username']} / {word}" for user, word in zip(users, words, strict=True)
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
