"""Chromium: the system's, or Playwright's own where there is none."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, ConsoleMessage, expect, sync_playwright

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PATIENCE = 30_000  # milliseconds; on a machine that is busy with something else
# The first has no window: a tab of its own costs it a quarter of what it costs the others.
PROGRAMS = (
    "chromium-headless-shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
# What the browser itself says about a line that a test has cut, or an answer that a test has asked for.
EXPECTED_NOISE = ("Failed to load resource", "Failed to fetch", "[DOM]")


@contextmanager
def running_browser() -> Iterator[Browser]:
    """Start Chromium, and stop it at the end."""
    # Playwright leaves an event loop on this thread; Django would take it for async code, in other tests too.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    expect.set_options(timeout=PATIENCE)
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield chromium
        chromium.close()


def complaint(message: ConsoleMessage) -> list[str]:
    """What a page complains about on the console, a breach of the content security policy for example."""
    if message.type not in ("error", "warning") or any(noise in message.text for noise in EXPECTED_NOISE):
        return []
    return [message.text]
