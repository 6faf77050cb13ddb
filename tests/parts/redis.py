"""A Redis from the system's packages, where there is one: it has no wheel that is kept up to date."""

import shutil
from pathlib import Path
from typing import Final

SERVER: Final = "redis-server"
# The same program under another name, in Debian's package redis-tools: that one starts no service.
ALSO: Final = "redis-check-rdb"


def redis_server(folder: Path) -> Path | None:
    """The server's program, if it is installed."""
    if found := shutil.which(SERVER):
        return Path(found)
    if not (same := shutil.which(ALSO)):
        return None
    link = folder / SERVER
    link.symlink_to(same)
    return link
