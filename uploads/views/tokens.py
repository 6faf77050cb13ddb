"""A person's tokens for scripts: made, shown once, revoked."""

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.timezone import now
from django.utils.translation import gettext
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from uploads import history
from uploads.forms import TokenForm
from uploads.models import ApiToken, make_token, token_digest
from uploads.views.people import person


@sensitive_variables("new_token")
@require_http_methods(["GET", "HEAD", "POST"])
def token_list(request: HttpRequest) -> HttpResponse:
    """List one's tokens; make one, and show it this once."""
    teams = history.teams_of(person(request))
    form = TokenForm(request.POST or None, teams=teams)
    new_token = None
    if request.method == "POST" and form.is_valid():
        new_token = _make(request, form)
        form = TokenForm(teams=teams)
    context = {
        "form": form,
        "tokens": history.tokens_of(person(request)),
        "new_token": new_token,
        "studies_url": settings.PUBLIC_URL + reverse("studies"),
    }
    return render(request, "uploads/tokens.html", context)


@require_POST
def revoke_token(request: HttpRequest, key: UUID) -> HttpResponse:
    """Close the door for one token."""
    token = get_object_or_404(history.tokens_of(person(request)), key=key)
    ApiToken.objects.filter(pk=token.pk, revoked_at=None).update(revoked_at=now())
    messages.info(request, gettext("The token is revoked. Scripts that use it can't send any more."))
    return redirect("token-list")


def _make(request: HttpRequest, form: TokenForm) -> str:
    token = make_token()
    ApiToken.objects.create(
        user=person(request),
        team=form.cleaned_data["team"],
        name=form.cleaned_data["name"],
        digest=token_digest(token),
        hint=token[:8],
    )
    return token
