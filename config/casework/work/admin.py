"""Background work that needs a person."""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.access.models import User
from config.casework.choices import Tone
from config.casework.desk.acts import Act
from config.casework.desk.base import ReadOnlyAdmin
from config.casework.desk.display import choice_badge
from config.casework.desk.forms import ActForm
from config.casework.work.choices import JobState
from config.casework.work.models import Job
from config.casework.work.services import cancel_job, retry_job


class JobFilter(admin.SimpleListFilter):
    """What needs attention, unless one asks for the rest."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [*JobState.choices, ("all", gettext_lazy("all"))]

    def queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> models.QuerySet[Any]:
        value = self.value() or JobState.PARKED.value
        return queryset if value == "all" else queryset.filter(state=value)

    def choices(self, changelist: Any) -> Iterator[Any]:
        chosen = self.value() or JobState.PARKED.value
        for key, words in self.lookup_choices:
            yield {
                "selected": key == chosen,
                "query_string": changelist.get_query_string({self.parameter_name: key}),
                "display": words,
            }


def _retry(actor: User, job: Job, _form: ActForm) -> str:
    retry_job(job, actor=actor, at=clock.now())
    return _("%(job)s is due again.") % {"job": job}


def _cancel(actor: User, job: Job, _form: ActForm) -> str:
    cancel_job(job, actor=actor, at=clock.now())
    return _("%(job)s is given up.") % {"job": job}


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    list_display = ("kind", "state_badge", "attempts", "next_at", "why", "created_at")
    list_filter = (JobFilter,)
    narrow_columns = ("kind", "state_badge", "why")
    search_fields = ("kind", "key")
    ordering = ("-pk",)
    fields = (
        "kind",
        "key",
        "state_badge",
        "arguments",
        "attempts",
        "deaths",
        "next_at",
        "parked_reason",
        "last_error",
        "created_at",
        "finished_at",
        "trace_id",
    )
    acts = (
        Act(
            "retry",
            gettext_lazy("Try again"),
            "casework.change_job",
            _retry,
            consequence=gettext_lazy("It is due at once and starts with a fresh count of attempts."),
            available=lambda job: job.state == JobState.PARKED,
        ),
        Act(
            "cancel",
            gettext_lazy("Give up"),
            "casework.change_job",
            _cancel,
            consequence=gettext_lazy("It is never done. Say on the case why."),
            tone=Tone.DANGER,
            available=lambda job: job.state in {JobState.PARKED, JobState.DUE},
        ),
    )
    empty_title = gettext_lazy("Nothing needs attention")
    empty_why = gettext_lazy("Work that fails for good is parked here.")

    @admin.display(description=gettext_lazy("state"))
    def state_badge(self, obj: Job) -> SafeString:
        return choice_badge(obj, "state")

    @admin.display(description=gettext_lazy("why"))
    def why(self, obj: Job) -> str:
        return obj.parked_reason or obj.last_error[:80]
