"""The reader in a real browser: hashed files, module workers, and a policy that allows nothing but 'self'."""

import functools
import http.server
import io
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import override_settings
from playwright.sync_api import Browser, Page

from portal.static import ModuleStaticFiles
from tests import dicoms
from tests.browsers import complaint

POLICY: Final = "default-src 'none'; script-src 'self'; img-src 'self' data:; connect-src 'self'"
PAGE: Final = b'<!doctype html><title>Reading</title><input type="file" multiple>'
READ: Final = """async ([archive, reader, worker]) => {
  const [{ openArchives }, { makeReader }] = await Promise.all([import(archive), import(reader)]);
  const disk = Array.from(document.querySelector("input").files, (file) => (
    { path: file.name, size: file.size, file, read: async (start, end) => file.slice(start, end) }));
  const { sources, problems } = await openArchives(disk);
  const reading = makeReader(() => new Worker(worker, { type: "module" }));
  const results = [...problems];
  await reading.read(sources, (batch) => results.push(...batch));
  const found = {};
  for (const { source, header } of results) {
    const picture = header.instance?.rows ? await reading.picture(source, header.instance) : null;
    const name = header.patient?.name ?? "";
    found[source.path] = [header.kind, header.reason, name, picture ? picture.width : 0];
  }
  reading.close();
  return found;
}"""

Found = dict[str, list[Any]]  # path -> kind, reason, name, width of the picture: as JavaScript gave it


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves collected files under the policy, and the page at the root."""

    def end_headers(self) -> None:
        """Add the policy to every answer."""
        self.send_header("Content-Security-Policy", POLICY)
        super().end_headers()

    def do_GET(self) -> None:
        """Answer the page or a file."""
        if self.path != "/":
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(PAGE)
        return None

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def collected(tmp_path: Path) -> ModuleStaticFiles:
    """The static files as a deployment has them."""
    storages = {**settings.STORAGES, "staticfiles": {"BACKEND": "portal.static.ModuleStaticFiles"}}
    uncompressed = ["js", "map", "css", "svg"]  # it would take most of a minute
    with override_settings(
        STATIC_ROOT=tmp_path / "static", STORAGES=storages, WHITENOISE_SKIP_COMPRESS_EXTENSIONS=uncompressed
    ):
        call_command("collectstatic", interactive=False, verbosity=0, ignore_patterns=["admin"])
    return ModuleStaticFiles(location=tmp_path / "static", base_url="/static/")


@pytest.fixture
def address(collected: ModuleStaticFiles) -> Iterator[str]:
    """A server for them."""
    handler = functools.partial(Handler, directory=str(Path(collected.location).parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def page(chromium: Browser, address: str) -> Iterator[Page]:
    """The page; a breach of the policy fails the test."""
    page = chromium.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.extend(complaint(message)))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(address)
    yield page
    page.close()
    assert complaints == []


def archive(**entries: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as file:
        for name, entry in entries.items():
            file.writestr(name, entry)
    return content.getvalue()


def test_files_and_archives_are_read_under_the_page_s_policy(
    page: Page, collected: ModuleStaticFiles, tmp_path: Path
) -> None:
    contents = {
        "IM1": dicoms.dicom_bytes(PatientName="ROE^JOHN"),
        "deflated": dicoms.dicom_bytes(syntax=dicoms.DEFLATED),
        "compressed": dicoms.encapsulated(),
        "truncated": dicoms.truncated(),
        "viewer.exe": b"MZ and so on",
        "CD.zip": archive(IM2=dicoms.dicom_bytes(), README=b"text"),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    page.set_input_files("input", [tmp_path / name for name in contents])
    modules = ["js/reading/archive.js", "js/reading/reader.js", "js/reading/worker.js"]

    found: Found = page.evaluate(READ, [collected.url(name) for name in modules])

    assert found == {
        "IM1": ["dicom", None, "ROE^JOHN", 16],
        "deflated": ["dicom", None, "PHANTOM^TEST", 0],
        "compressed": ["dicom", None, "PHANTOM^TEST", 0],
        "truncated": ["damaged", "truncated_pixels", "PHANTOM^TEST", 0],
        "viewer.exe": ["not_dicom", "not_dicom", "", 0],
        "CD.zip/IM2": ["dicom", None, "PHANTOM^TEST", 16],
        "CD.zip/README": ["not_dicom", "not_dicom", "", 0],
    }
