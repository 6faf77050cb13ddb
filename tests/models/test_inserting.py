"""Many rows at once are as one row that Django saves."""

import pytest
from django.forms import model_to_dict

from tests.factories import make_job
from uploads.models import File, insert_like

pytestmark = pytest.mark.django_db


def test_rows_differ_from_one_that_django_saves_in_nothing_but_what_is_said() -> None:
    job = make_job()
    saved = File.objects.create(job=job, number=0, path="a", path_digest="0", size=1, is_left_out=True)

    insert_like(
        File(job=job, size=1, is_left_out=True),
        ("number", "path", "path_digest"),
        [(1, "ä%s?", "1"), (2, "c", "2")],
    )

    rows = list(File.objects.exclude(pk=saved.pk).order_by("number"))
    assert [(row.number, row.path, row.path_digest) for row in rows] == [(1, "ä%s?", "1"), (2, "c", "2")]
    own = {"id", "number", "path", "path_digest"}
    expected = {name: value for name, value in model_to_dict(saved).items() if name not in own}
    for row in rows:
        assert {name: value for name, value in model_to_dict(row).items() if name not in own} == expected


def test_no_rows_are_no_statement() -> None:
    insert_like(File(job=make_job()), ("number", "path", "path_digest"), [])

    assert not File.objects.exists()
