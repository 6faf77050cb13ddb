"""Which environment variables portal/settings.py reads."""

import ast
from typing import Final

from tests.deployment.composed import PROJECT

READERS: Final = ("env.str", "env.bool", "env.int", "env.float", "env.list")
FROM_FILES: Final = ("secret", "secret_url")


def variables_read() -> set[str]:
    """The names as settings.py says them."""
    return _read_by(*READERS, *FROM_FILES)


def variables_understood() -> set[str]:
    """Those names, and the ones that env.py makes of them."""
    passwords = {f"{name}_PASSWORD" for name in _read_by("secret_url")}
    files = {f"{name}_FILE" for name in _read_by(*FROM_FILES) | passwords}
    return variables_read() | passwords | files


def _read_by(*functions: str) -> set[str]:
    tree = ast.parse((PROJECT / "portal/settings.py").read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {str(ast.literal_eval(call.args[0])) for call in calls if ast.unparse(call.func) in functions}
