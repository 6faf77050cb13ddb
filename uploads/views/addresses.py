"""Where the requests of an upload go."""

from django.urls import reverse

from uploads.models import Job

ADDRESSES = {
    "manifest_url": "add-manifest",
    "parcel_url": "add-parcel",
    "unreadable_url": "report-unreadable",
    "stop_url": "stop-adding",
    "cancel_url": "cancel-job",
    "page_url": "job",
}


def upload_urls(job: Job) -> dict[str, str]:
    """The addresses that the upload page needs, by their names there."""
    return {name: reverse(view, args=[job.key]) for name, view in ADDRESSES.items()}
