#!/usr/bin/env python
"""Django's command line for the portal."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main(arguments: list[str]) -> None:
    """Run a command. Settings that can't be used are a sentence, as what a command itself can't use."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    try:
        execute_from_command_line(arguments)
    except ImproperlyConfigured as e:
        if "--traceback" in arguments:
            raise
        sys.exit(f"CommandError: {e}")


if __name__ == "__main__":
    main(sys.argv)
