"""The page of the figures, and the same as CSV."""

import csv
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _

from config.casework import clock
from config.casework.audit.services import record
from config.casework.desk.base import acting_user
from config.casework.desk.exchange import guarded
from disputes.figures.selectors import LEAST, csv_rows, summary, tables
from disputes.models import Dispute

if TYPE_CHECKING:
    from config.casework.desk.cases import CaseAdmin

PERMISSION = "disputes.see_figures"


def urls(admin: "CaseAdmin") -> list[Any]:
    view = admin.admin_site.admin_view

    def page(request: HttpRequest) -> HttpResponse:
        return _page(admin, request)

    return [
        path("figures/", view(page), name="disputes_dispute_figures"),
        path("figures.csv", view(_csv), name="disputes_dispute_figures_csv"),
    ]


def _page(admin: "CaseAdmin", request: HttpRequest) -> HttpResponse:
    _may(request)
    context = {
        **admin.admin_site.each_context(request),
        "title": _("Figures of the dispute desk"),
        "opts": admin.opts,
        "summary": summary(),
        "tables": tables(),
        "least": LEAST,
        "csv_url": reverse("admin:disputes_dispute_figures_csv"),
    }
    return TemplateResponse(request, "disputes/figures.html", context)


def _csv(request: HttpRequest) -> HttpResponse:
    _may(request)
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="dispute-figures.csv"'
    writer = csv.writer(response)
    for row in csv_rows():
        writer.writerow([guarded(cell) for cell in row])
    record(Dispute(), "figures.exported", actor=acting_user(request), at=clock.now())
    return response


def _may(request: HttpRequest) -> None:
    if not acting_user(request).has_perm(PERMISSION):
        raise PermissionDenied
