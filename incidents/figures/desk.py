"""The page of figures: change over time as charts with their tables, and everything as CSV."""

import csv
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import dateformat, timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET

from config.casework import clock
from config.casework.catalogue.models import System
from config.casework.desk.base import acting_user
from config.casework.desk.charts import Chart, Series, bars, number
from config.casework.desk.exchange import guarded
from incidents.figures.periods import last_months
from incidents.figures.selectors import Figures, Pages, Response, figures, weighted
from incidents.reviews.choices import Factor

if TYPE_CHECKING:
    from config.casework.desk.cases import CaseAdmin

VIEW = "incidents.view_incident"
SPANS = (3, 6, 12, 24)
DEFAULT_SPAN = 6
GRAVITIES = (
    (gettext_lazy("gravest"), lambda row: row.rank == 1),
    (gettext_lazy("second"), lambda row: row.rank == 2),
    (gettext_lazy("lesser"), lambda row: 2 < row.rank < 99),
    (gettext_lazy("not judged"), lambda row: row.rank == 99),
)
"""Severities of different systems side by side, by their common rank."""


def urls(admin: "CaseAdmin") -> list[Any]:
    def page(request: HttpRequest) -> HttpResponse:
        return _page(admin, request)

    def table(request: HttpRequest, name: str) -> HttpResponse:
        return _csv(request, name)

    name = admin.url_name("{}").removeprefix("admin:")
    view = admin.admin_site.admin_view
    return [
        path("figures/", view(require_GET(page)), name=name.format("figures")),
        path("figures/<slug:name>.csv", view(require_GET(table)), name=name.format("figures_csv")),
    ]


def _page(admin: "CaseAdmin", request: HttpRequest) -> HttpResponse:
    found, chosen = _asked(request)
    span = len(found.period.months)
    context = {
        **admin.admin_site.each_context(request),
        "title": _("Figures"),
        "opts": admin.opts,
        "charts": charts(found),
        "figures": found,
        "response": [
            (row, _share(row.kept, row.promises), _minutes(row.mtta), _minutes(row.mttr), number(row.minutes))
            for row in reversed(found.response)
        ],
        "pages": [(row, _minutes(row.minutes_to_answer)) for row in reversed(found.pages)],
        "factors": [(Factor(kind).label, count) for kind, count in found.factors],
        "gaps": [(row.month, row.incidents, _minutes(row.mean), _minutes(row.longest)) for row in reversed(found.gaps)],
        "spans": [(months, months == span) for months in SPANS],
        "systems": System.objects.order_by("name"),
        "chosen": chosen,
        "csv_urls": {
            name: f"{reverse(admin.url_name('figures_csv'), args=[name])}?{request.GET.urlencode()}" for name in TABLES
        },
        "zone": found.period.zone,
    }
    return TemplateResponse(request, "incidents/figures.html", context)


def _asked(request: HttpRequest) -> tuple[Figures, str]:
    """The figures a request asks for, in the zone of whoever reads them, and the system they are narrowed to."""
    user = acting_user(request)
    if not user.has_perm(VIEW):
        raise PermissionDenied("figures are not for this role")
    months = request.GET.get("months", "")
    span = int(months) if months.isdecimal() and int(months) in SPANS else DEFAULT_SPAN
    period = last_months(span, at=clock.now(), zone=timezone.get_current_timezone_name())
    found = figures(period, user=user, now=clock.now())
    chosen = request.GET.get("system", "")
    if chosen:
        kept = [row for row in found.response if row.system == chosen]
        found = Figures(found.period, kept, found.pages, found.actions, found.gaps, found.factors)
    return found, chosen


def _paged(found: Figures) -> list[Series]:
    def monthly(value: Callable[[Pages], int]) -> list[float | None]:
        return [sum(value(row) for row in found.pages if row.month == month) for month in found.period.months]

    return [
        Series(_("by day"), monthly(lambda row: row.pages - row.at_night)),
        Series(_("at night"), monthly(lambda row: row.at_night)),
        Series(_("not worth it"), monthly(lambda row: row.not_worth_it)),
    ]


def charts(found: Figures) -> list[Chart]:
    """What changes over time, at most four series each."""
    months = found.period.months
    names = [dateformat.format(month, "M y") for month in months]

    def monthly(value: Callable[[list[Response]], float | None]) -> list[float | None]:
        return [value([row for row in found.response if row.month == month]) for month in months]

    def by_gravity(value: Callable[[Response], float]) -> list[Series]:
        return [
            Series(label, monthly(lambda rows, fits=fits: sum(value(row) for row in rows if fits(row))))  # type: ignore[misc]
            for label, fits in GRAVITIES
        ]

    return [
        bars(
            "incidents",
            _("Incidents"),
            names,
            by_gravity(lambda row: row.incidents),
            sentence=_("Received in each month, by how grave they are."),
        ),
        bars(
            "acknowledge",
            _("Minutes until somebody had it"),
            names,
            [Series(_("mean"), monthly(lambda rows: weighted([(row.mtta, row.incidents) for row in rows])))],
        ),
        bars(
            "recover",
            _("Minutes until the impact was over"),
            names,
            [Series(_("mean"), monthly(lambda rows: weighted([(row.mttr, row.incidents) for row in rows])))],
        ),
        bars(
            "promises",
            _("Promises kept"),
            names,
            [
                Series(
                    _("acknowledged in time"),
                    monthly(lambda rows: _percent(sum(r.acks_kept for r in rows), sum(r.acks for r in rows))),
                ),
                Series(
                    _("mitigated in time"),
                    monthly(
                        lambda rows: _percent(sum(r.mitigations_kept for r in rows), sum(r.mitigations for r in rows))
                    ),
                ),
            ],
            unit=" %",
        ),
        bars("minutes", _("Minutes of impact"), names, by_gravity(lambda row: row.minutes)),
        bars(
            "pages",
            _("Pages"),
            names,
            _paged(found),
            sentence=_("Night is 22:00 to 07:00 on the clock of the person paged."),
        ),
    ]


# --- CSV ---------------------------------------------------------------------------------------------------------------


def _response(found: Figures) -> Iterable[list[Any]]:
    yield [
        "month", "system", "severity", "incidents", "mtta_minutes", "mttr_minutes", "acknowledge_promises",
        "acknowledge_kept", "mitigate_promises", "mitigate_kept", "impact_minutes",
    ]  # fmt: skip
    for row in found.response:
        yield [
            f"{row.month:%Y-%m}", row.system, row.severity, row.incidents, _cell(row.mtta), _cell(row.mttr), row.acks,
            row.acks_kept, row.mitigations, row.mitigations_kept, _cell(row.minutes),
        ]  # fmt: skip


def _pages(found: Figures) -> Iterable[list[Any]]:
    yield ["month", "person", "pages", "at_night", "not_worth_it", "minutes_to_answer"]
    for row in found.pages:
        yield [
            f"{row.month:%Y-%m}",
            row.person,
            row.pages,
            row.at_night,
            row.not_worth_it,
            _cell(row.minutes_to_answer),
        ]


def _actions(found: Figures) -> Iterable[list[Any]]:
    yield ["person", "open", "overdue", "oldest_due_on"]
    for row in found.actions:
        yield [row.person, row.open, row.overdue, row.oldest.isoformat() if row.oldest else ""]


def _gaps(found: Figures) -> Iterable[list[Any]]:
    yield ["month", "incidents", "mean_minutes", "longest_minutes"]
    for row in found.gaps:
        yield [f"{row.month:%Y-%m}", row.incidents, _cell(row.mean), _cell(row.longest)]


def _factors(found: Figures) -> Iterable[list[Any]]:
    yield ["factor", "times"]
    for kind, count in found.factors:
        yield [kind, count]


TABLES: dict[str, Callable[[Figures], Iterable[list[Any]]]] = {
    "response": _response,
    "pages": _pages,
    "actions": _actions,
    "gaps": _gaps,
    "factors": _factors,
}


def _csv(request: HttpRequest, name: str) -> HttpResponse:
    if name not in TABLES:
        raise Http404("no such table")
    found, _chosen = _asked(request)
    answer = HttpResponse(
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="figures-{name}.csv"'},
    )
    writer = csv.writer(answer)
    writer.writerows([guarded(cell) for cell in row] for row in TABLES[name](found))
    return answer


def _cell(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _minutes(value: float | None) -> str:
    return "–" if value is None else _("%(number)s min") % {"number": number(value)}


def _percent(part: int, whole: int) -> float | None:
    return 100 * part / whole if whole else None


def _share(part: int, whole: int) -> str:
    if not whole:
        return "–"
    return _("%(part)d of %(whole)d (%(percent)d %%)") % {"part": part, "whole": whole, "percent": 100 * part // whole}
