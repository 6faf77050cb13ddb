"""Which uploads hold a word: patient, accession number, UID, uploader, note, reference.

Databases differ in what they take for the same letter in another case: SQLite knows that of ASCII only. So a
word with other letters is looked for in each case that people write names in.
"""

import re
from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import CharField, Q, QuerySet
from django.db.models.lookups import StartsWith
from django.db.models.sql.compiler import SQLCompiler

from uploads.models import DeclaredStudy, File, Job, Patient, Series

DIVIDERS: Final = re.compile(r"[\s,;^=]+")  # of words, and of the parts of a DICOM name
UID_BEGINNING: Final = re.compile(r"[0-9]+\.[0-9.]{1,62}")


def words_of(text: str) -> list[str]:
    """The words of a search, each once."""
    return list(dict.fromkeys(filter(None, DIVIDERS.split(text))))


def holding(word: str) -> Q:
    """Jobs that hold the word somewhere. Each place is searched once, not once for each job."""
    patients = Patient.objects.filter(_contains("name", word) | _contains("patient_id", word))
    people = User.objects.filter(
        _contains("username", word) | _contains("first_name", word) | _contains("last_name", word)
    )
    series = Series.objects.filter(_begins("accession_number", word))
    own = Job.objects.filter(Q(created_by__in=people) | _contains("note", word) | _numbered(word))
    others = [rows.values("job") for rows in (series, *_with_uid(word))]
    return Q(pk__in=own.values("pk").union(patients.values("job"), *others))


def _contains(field: str, word: str) -> Q:
    return _any_case(f"{field}__icontains", word)


def _begins(field: str, word: str) -> Q:
    return _any_case(f"{field}__istartswith", word)


def _any_case(lookup: str, word: str) -> Q:
    writings = {word} if word.isascii() else {word, word.upper(), word.lower(), word.title()}
    found = Q()
    for writing in sorted(writings):
        found |= Q((lookup, writing))
    return found


def _with_uid(word: str) -> Iterator[QuerySet[Any]]:  # Any: each model in turn
    """Studies, here or announced, and series by the beginning of their UID; instances by the whole."""
    if UID_BEGINNING.fullmatch(word):
        yield Series.objects.filter(study_uid__uid_begins=word)
        yield Series.objects.filter(series_uid__uid_begins=word)
        yield DeclaredStudy.objects.filter(study_uid__uid_begins=word)
        yield File.objects.filter(sop_uid=word)


def _numbered(word: str) -> Q:
    """The reference that an upload's page shows."""
    try:
        return Q(key=UUID(word))
    except ValueError:
        return Q()


class UidBegins(StartsWith):
    """The beginning of a UID. PostgreSQL finds it along an index by itself; SQLite does it as a range."""

    def as_sqlite(self, compiler: SQLCompiler, connection: Any) -> tuple[str, list[str]]:  # Any: a backend
        """From the beginning itself to what follows the last that has it: ":" comes after the digits."""
        column, _ = compiler.compile(self.lhs)
        return f"{column} >= %s AND {column} < %s", [self.rhs, f"{self.rhs}:"]


CharField.register_lookup(UidBegins, "uid_begins")
