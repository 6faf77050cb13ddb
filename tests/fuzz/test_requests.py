"""Damaged requests at every door that takes bytes: manifests, parcels, multipart bodies."""

import json
import uuid
from collections import Counter
from typing import Final

import pytest

from tests.dicoms import dicom_bytes
from tests.factories import make_api_token, make_team, make_user
from tests.fuzz.conftest import Count
from tests.fuzz.mutating import Mutator, strange
from tests.fuzz.watch import Watch
from tests.parcels import digest_of, tar_of
from tests.pipeline.journeys import sha256_of
from tests.views.browser import TAR, client_of, open_browser
from tests.views.posting import encode, post_body
from uploads.models import Parcel

pytestmark = pytest.mark.django_db

FRESH_AFTER: Final = 200  # requests to one upload: a manifest that grows on and on is another test's
CONTENTS: Final = [dicom_bytes(SOPInstanceUID=f"1.2.3.{number}") for number in range(3)]


def is_an_answer(status: int) -> bool:
    """A success or a refusal; never a failure of ours."""
    return 200 <= status < 300 or 400 <= status < 500


def sound_manifests() -> list[dict[str, object]]:
    """Manifests as the page sends them."""
    files = [{"path": f"CD/IM{number}", "size": len(content)} for number, content in enumerate(CONTENTS)]
    return [{"files": files, "unlisted": 2}, {"files": files[:1]}, {"files": files, "last": True}]


def test_damaged_manifests_are_answered(times: Count, seed: int) -> None:
    sound = sound_manifests()
    mutator = Mutator(seed, [json.dumps(manifest).encode() for manifest in sound])
    watch = Watch(times(9_500))
    seen: Counter[int] = Counter()

    for number in watch.rounds():
        if number % FRESH_AFTER == 0:
            browser = open_browser()
        chosen = strange(mutator.random, mutator.random.choice(sound))
        body = json.dumps(chosen).encode() if number % 2 else mutator.mutant()
        with watch.no_longer_than(10):
            answer = browser.post(browser.url("add-manifest"), body)
        assert is_an_answer(answer.status), answer
        seen[answer.status] += 1

    assert seen[200] > 0
    assert seen[400] > 0


def test_damaged_parcels_are_answered_and_nothing_of_them_is_kept(times: Count, seed: int) -> None:
    members = [(str(number), content) for number, content in enumerate(CONTENTS)]
    mutator, watch = Mutator(seed, [tar_of(members), tar_of(members[:1])]), Watch(times(9_500))
    digest = digest_of(members)
    seen: Counter[int] = Counter()

    for number in watch.rounds():
        if number % FRESH_AFTER == 0:
            browser = open_browser()
            browser.choose(*(len(content) for content in CONTENTS))
        body = mutator.mutant()
        headers = {"X-Parcel": str(uuid.uuid4()), "X-Parcel-Digest": digest}
        with watch.no_longer_than(10):
            answer = browser.post(browser.url("add-parcel"), body, TAR, headers)
        assert is_an_answer(answer.status), answer
        seen[answer.status] += 1

    kept = {row[4] for layout in Parcel.objects.values_list("layout", flat=True) for row in layout}
    assert kept <= {sha256_of(content) for content in CONTENTS}  # a TAR's padding may be damaged
    assert seen[400] > 0


def test_damaged_bodies_of_scripts_are_answered(times: Count, seed: int) -> None:
    body, content_type = encode([(f"{number}.dcm", content) for number, content in enumerate(CONTENTS)])
    mutator, watch = Mutator(seed, [body]), Watch(times(1_000))
    client = client_of(None)
    seen: Counter[int] = Counter()

    for number in watch.rounds():
        if number % FRESH_AFTER == 0:
            team = make_team()
            token = make_api_token(make_user(team), team)
        with watch.no_longer_than(10):
            answer = post_body(token, mutator.mutant(), content_type, client)
        assert is_an_answer(answer.status), answer
        seen[answer.status] += 1

    assert seen[200] > 0
    assert seen[400] > 0
