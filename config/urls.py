"""Where everything answers."""

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from config import health, views
from config.api import api

admin.autodiscover()
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]

urlpatterns = [
    path("", views.start, name="start"),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("api/health", health.ready, name="api-health"),
    path("api/v1/health", health.ready, name="api-v1-health"),
    path("api/", api.urls),
    path("accounts/", include("allauth.urls")),
    path("admin/files/", include("config.casework.files.urls")),
    path("admin/", admin.site.urls),
    path("", include("incidents.urls")),
    path("", include("disputes.urls")),
    path("favicon.ico", RedirectView.as_view(url="/static/desk/favicon.svg")),
]
