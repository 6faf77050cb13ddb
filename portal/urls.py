"""Every address of the portal."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path

admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]  # allauth's documented way
admin.site.site_header = admin.site.site_title = "Qure upload administration"
admin.site.index_title = "Records and settings"

urlpatterns = [
    path("", include("uploads.urls")),
    path("accounts/", include("allauth.account.urls")),
    path("admin/", admin.site.urls),
]

handler400 = "uploads.views.errors.bad_request"
handler403 = "uploads.views.errors.forbidden"
handler404 = "uploads.views.errors.not_found"
handler500 = "uploads.views.errors.server_error"
