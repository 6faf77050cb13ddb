"""``python -m tests.parts COMMAND``: run a command with PostgreSQL, S3 and Redis.

They take the place of SQLite, a disk and Valkey; Redis only where it is installed (Debian's redis-tools).

``python -m tests.parts python -m pytest tests/pipeline -m "not disk"`` runs the pipeline's tests on them.
"""

import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from tests.parts.postgres import running_postgres
from tests.parts.redis import redis_server
from tests.parts.s3 import BUCKET, KEY, SECRET, running_bucket

ON_PARTS: Final = "TESTS_ON_PARTS"  # the folder of the parts; says that the environment's settings are meant
BROKER: Final = "TESTS_BROKER"  # the program of a portal's broker, instead of Valkey


def main(command: list[str]) -> int:
    """Start the parts, run the command to its end, answer its exit status."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="portal-parts-")))
        folder.chmod(0o755)
        for name in ("postgres", "s3"):
            (folder / name).mkdir()
        settings = {
            ON_PARTS: str(folder),
            "DATABASE_URL": stack.enter_context(running_postgres(folder / "postgres")),
            "STAGING_S3_ENDPOINT": stack.enter_context(running_bucket(folder / "s3")),
            "STAGING_S3_BUCKET": BUCKET,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET,
        }
        if redis := redis_server(folder):
            settings[BROKER] = str(redis)
        sys.stderr.write(f"PostgreSQL, SeaweedFS, {'Redis' if redis else 'Valkey: no Redis is installed'}\n")
        return subprocess.run(command, env={**os.environ, **settings}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
