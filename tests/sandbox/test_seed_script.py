"""The sample script of the API's documentation, run as printed against the sandbox."""

import json
import subprocess
import sys
from pathlib import Path

from tests.sandbox.wire import image, sop
from tests.sandboxes import Sandbox

# The documentation's script to the letter; only URL and TOKEN come first, and the answer is printed last.
SCRIPT = """
import sys
URL, TOKEN = sys.argv[1:]
import requests
from requests_toolbelt.multipart.encoder import MultipartEncoder
file_paths = ['dicom-file1.dcm', 'dicom-file2.dcm']

m = MultipartEncoder({
    file_path: (file_path, open(file_path, 'rb'), 'application/dicom')
    for file_path in file_paths
})
content_type = 'multipart/related; type=application/dicom; boundary={}'\\
.format(m.boundary_value)

# Make the HTTP POST request to the service
r = requests.post(

    url=URL, data=m,

    headers={'Content-Type': content_type,
             'Authorization': 'Token {}'.format(TOKEN)})
print(r.status_code, r.text)
"""


def run_script(folder: Path, url: str, token: str) -> tuple[int, object]:
    command = [sys.executable, "-c", SCRIPT, url, token]
    output = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stdout
    status, _, text = output.partition(" ")
    return int(status), json.loads(text)


def test_the_documented_script_sends_two_files_and_reads_the_documented_answer(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "dicom-file1.dcm").write_bytes(image(1, "2.25.31"))
    (tmp_path / "dicom-file2.dcm").write_bytes(image(2, "2.25.32"))

    status, answer = run_script(tmp_path, f"{sandbox.base_url}studies", sandbox.token)

    assert status == 200
    assert answer == {
        "message": "Success",
        "series_instance_uids": ["2.25.31", "2.25.32"],
        "detailed_info": [
            {"SeriesInstanceUID": "2.25.31", "NumberOfSeriesRelatedInstances": 1},
            {"SeriesInstanceUID": "2.25.32", "NumberOfSeriesRelatedInstances": 1},
        ],
    }
    assert set(sandbox.instances()) == {sop(1), sop(2)}


def test_the_documented_script_with_a_wrong_token_reads_the_documented_refusal(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    (tmp_path / "dicom-file1.dcm").write_bytes(image(1))
    (tmp_path / "dicom-file2.dcm").write_bytes(image(2))

    status, answer = run_script(tmp_path, f"{sandbox.base_url}studies", "wrong")

    assert status == 401
    assert answer == {
        "message": "Invalid token header. No credentials provided.",
        "next": "/accounts/login/",
        "authenticated": False,
    }
    assert sandbox.instances() == {}
