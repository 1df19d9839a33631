"""Runs in the admin: lists to work, boards, reports."""

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from config.casework.desk.base import ReadOnlyAdmin
from config.casework.desk.display import person_name
from config.casework.desk.filters import PickFilter
from config.casework.desk.navigation import WORK, Line, register_line
from incidents.procedures import pages
from incidents.procedures.models import Run


@admin.register(Run)
class RunAdmin(ReadOnlyAdmin):
    list_display = ("title", "state", "system", "started_at", "finished_at", "starter")
    list_display_links = ("title",)
    list_filter = ("state", "procedure__kind", ("procedure__system", PickFilter))
    list_select_related = ("procedure__system", "started_by")
    search_fields = ("title",)
    empty_title = gettext_lazy("Nothing was begun yet")
    empty_why = gettext_lazy("Lists that fall due, deployments, drills and playbooks appear here once they begin.")

    @admin.display(description=gettext_lazy("system"))
    def system(self, obj: Run) -> str:
        return obj.procedure.system.name

    @admin.display(description=gettext_lazy("begun by"))
    def starter(self, obj: Run) -> str:
        return person_name(obj.started_by) if obj.started_by else ""

    def get_urls(self) -> list[Any]:
        def named(route: str, view: Callable[..., HttpResponse], what: str) -> Any:
            return path(route, self.admin_site.admin_view(view), name=f"incidents_run_{what}")

        return [
            named("today/", self._seen(pages.today), "today"),
            named("start/", self._seen(pages.start), "start"),
            named("breach/", self._seen(pages.breach), "breach"),
            named("readiness/", self._seen(pages.readiness), "readiness"),
            named("report/", self._seen(pages.report), "report"),
            named("<int:object_id>/let-go/", self._of_run(pages.let_go), "let_go"),
            named("<int:object_id>/gate/", require_POST(self._of_run(pages.gate)), "gate"),
            named("<int:object_id>/step/<int:step_id>/", require_POST(self._of_run(pages.step)), "step"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        run = self._run(request, object_id)
        if request.method == "POST":
            raise PermissionDenied("a run changes by its steps")
        return pages.one(self, request, run)

    def _seen(self, view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        """A page for whoever may see runs."""

        def checked(request: HttpRequest) -> HttpResponse:
            if not self.has_view_permission(request):
                raise Http404("no such page")
            return view(self, request)

        return checked

    def _of_run(self, view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
        def found(request: HttpRequest, object_id: int, **arguments: Any) -> HttpResponse:
            return partial(view, self, request, self._run(request, object_id))(**arguments)

        return found

    def _run(self, request: HttpRequest, object_id: int | str) -> Run:
        run: Run | None = self.get_object(request, str(object_id))
        if run is None or not self.has_view_permission(request, run):
            raise Http404("no such run")
        return run


register_line(WORK, Line(gettext_lazy("Today's lists"), "admin:incidents_run_today", "incidents.view_run", "today", 20))
register_line(
    WORK,
    Line(gettext_lazy("Readiness"), "admin:incidents_run_readiness", "incidents.view_run", "verified", 32),
)
register_line(
    WORK,
    Line(gettext_lazy("Proven and skipped"), "admin:incidents_run_report", "incidents.view_run", "insights", 34),
)
