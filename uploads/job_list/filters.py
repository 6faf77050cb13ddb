"""What a person wants to see of the history. Filters live in the address, words to search for do not.

``docs/decisions/0012-search-text-is-not-in-the-url.md`` says why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from django import forms
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django_stubs_ext import StrOrPromise

from uploads.dicom.text import clean_text
from uploads.job_list.search import words_of
from uploads.states import JobStatus

LONGEST_SEARCH: Final = 100  # characters
MOST_WORDS: Final = 10
EARLIEST, LATEST = date(2000, 1, 1), date(2999, 12, 31)
YEARS: Final = (MinValueValidator(EARLIEST), MaxValueValidator(LATEST))
NEWEST_FIRST: Final = "-date"
SORTS: Final = (
    ("-date", _("Newest first")),
    ("date", _("Oldest first")),
    ("status", _("What needs attention first")),
    ("-status", _("What needs attention last")),
    ("by", _("By uploader, A to Z")),
    ("-by", _("By uploader, Z to A")),
    ("-files", _("Most files first")),
    ("files", _("Fewest files first")),
)
# DICOM PS3.3, C.7.3.1.1.1: those that a hospital sends as images, and what comes with them.
MODALITIES: Final = ("CT", "CR", "DX", "DR", "MR", "MG", "NM", "OT", "PT", "RF", "SC", "SR", "US", "XA")


@dataclass(frozen=True)
class Filters:
    """Which uploads are wanted, and in which order. Empty means any."""

    words: Sequence[str] = ()
    status: str = ""
    since: date | None = None
    until: date | None = None
    modality: str = ""
    uploader: User | None = None
    is_stat: bool = False
    sort: str = NEWEST_FIRST

    @property
    def are_any(self) -> bool:
        """Something is left out."""
        wanted = (self.words, self.status, self.since, self.until, self.modality, self.uploader, self.is_stat)
        return any(wanted)


def _day(label: StrOrPromise) -> forms.DateField:
    return forms.DateField(
        label=label, validators=YEARS, widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d")
    )


class FilterForm(forms.Form):
    """The bar above the history. A value that is none is left out, and named in ``errors``."""

    search = forms.CharField(
        max_length=LONGEST_SEARCH,
        label=_("Search"),
        widget=forms.SearchInput({"autocomplete": "off", "spellcheck": "false"}),
        help_text=_("by patient, ID, accession number, UID, uploader or note"),
    )
    status = forms.ChoiceField(choices=[("", _("Any state")), *JobStatus.choices], label=_("State"))
    modality = forms.ChoiceField(
        choices=[("", _("Any modality")), *((code, code) for code in MODALITIES)], label=_("Modality")
    )
    uploader = forms.ModelChoiceField(
        queryset=User.objects.none(), label=_("Uploader"), empty_label=_("Anybody")
    )
    since = _day(_("From"))
    until = _day(_("To"))
    sort = forms.ChoiceField(choices=SORTS, label=_("Order"))
    stat = forms.BooleanField(label=_("STAT only"))

    def __init__(self, data: Mapping[str, Any], uploaders: QuerySet[User]) -> None:  # Any: as Django has it
        super().__init__(data)
        self.fields["uploader"].queryset = uploaders  # type: ignore[attr-defined]  # a ModelChoiceField
        for field in self.fields.values():
            field.required = False
            field.error_messages |= {"invalid_choice": _("Not known."), "invalid": _("Not a date.")}

    def clean_search(self) -> str:
        """The text without what nobody can type; so many words that each can be looked for."""
        text = clean_text(" ".join(str(self.cleaned_data["search"]).split()), LONGEST_SEARCH)
        if len(words_of(text)) > MOST_WORDS:
            raise ValidationError(gettext("Search for at most %(count)s words.") % {"count": MOST_WORDS})
        return text

    def filters(self) -> Filters:
        """What was understood."""
        self.is_valid()
        found = self.cleaned_data
        return Filters(
            words=words_of(found.get("search", "")),
            status=found.get("status", ""),
            since=found.get("since"),
            until=found.get("until"),
            modality=found.get("modality", ""),
            uploader=found.get("uploader"),
            is_stat=found.get("stat", False),
            sort=found.get("sort") or NEWEST_FIRST,
        )

    def address(self) -> dict[str, str]:
        """What was understood, as it stands in the address: all but the search text."""
        filters = self.filters()
        values = {
            "status": filters.status,
            "modality": filters.modality,
            "uploader": str(filters.uploader.pk) if filters.uploader else "",
            "since": filters.since.isoformat() if filters.since else "",
            "until": filters.until.isoformat() if filters.until else "",
            "stat": "1" if filters.is_stat else "",
            "sort": filters.sort if filters.sort != NEWEST_FIRST else "",
        }
        return {name: value for name, value in values.items() if value}

    @property
    def is_used(self) -> bool:
        """More is asked for than a search, or was not understood: all fields are shown, on a phone too."""
        return bool(self.address() or self.errors)
