"""Backups in the admin: what must be saved, what was saved, and what was proven."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.db.models import Max, Q
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.catalogue.fields import parse_duration
from config.casework.choices import Tone
from config.casework.desk.base import DeskAdmin, ReadOnlyAdmin, acting_user
from config.casework.desk.display import badge, choice_badge
from config.casework.desk.filters import PickFilter
from config.casework.words import ago_words, duration_words
from incidents.backups.choices import BackupResult
from incidents.backups.services import is_late, note_run
from incidents.models import BackupPolicy, BackupRun, BackupVerification


@admin.register(BackupPolicy)
class BackupPolicyAdmin(ReadOnlyAdmin):
    """They come from the runbook files."""

    list_display = ("name", "system", "every_words", "keep_words", "place", "standing")
    narrow_columns = ("name", "standing")
    list_filter = (("system", PickFilter),)
    list_select_related = ("system",)
    search_fields = ("name", "key")
    empty_title = gettext_lazy("No backup policy")
    empty_why = gettext_lazy("Write them into the section “backups” of a runbook file.")

    def get_queryset(self, request: HttpRequest) -> models.QuerySet[Any]:
        done = Max("runs__finished_at", filter=Q(runs__result=BackupResult.DONE))
        return super().get_queryset(request).filter(is_active=True).annotate(last_success=done)

    @admin.display(description=gettext_lazy("how often"))
    def every_words(self, obj: BackupPolicy) -> str:
        return duration_words(parse_duration(obj.every)) if obj.every else _("streamed")

    @admin.display(description=gettext_lazy("kept for"))
    def keep_words(self, obj: BackupPolicy) -> str:
        return duration_words(parse_duration(obj.keep)) if obj.keep else _("without end")

    @admin.display(description=gettext_lazy("standing"))
    def standing(self, obj: Any) -> SafeString:
        now = clock.now()
        last = obj.last_success
        if not obj.every and last is None:
            return badge(_("streamed"), Tone.NEUTRAL)
        said = _("last success %(when)s") % {"when": ago_words(last, now)} if last else _("no success yet")
        if is_late(obj, last, now):
            return badge(_("late: %(said)s") % {"said": said}, Tone.DANGER)
        return badge(said, Tone.OK if last else Tone.WARN)

    def label(self, obj: Any) -> str:
        return f"{obj.name} ({obj.system.name})"


@admin.register(BackupRun)
class BackupRunAdmin(DeskAdmin):
    """Our own are written by the command `backup`; those of operated systems are written down here."""

    list_display = ("started_at", "policy", "outcome", "size", "place")
    narrow_columns = ("started_at", "outcome")
    list_select_related = ("policy__system",)
    list_filter = ("result",)
    fields = ("policy", "started_at", "finished_at", "place", "size", "sha256", "result", "error")
    consequence = gettext_lazy("Write down a backup that was made elsewhere. It stays in the trail.")

    def has_change_permission(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        return False

    @admin.display(description=gettext_lazy("result"))
    def outcome(self, obj: BackupRun) -> SafeString:
        return choice_badge(obj, "result")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        made = note_run(actor=acting_user(request), at=clock.now(), **form.cleaned_data)
        obj.pk, obj._state.adding = made.pk, False


@admin.register(BackupVerification)
class BackupVerificationAdmin(ReadOnlyAdmin):
    list_display = ("started_at", "outcome", "tables", "rows", "files", "finding")
    narrow_columns = ("started_at", "outcome")
    list_select_related = ("run",)
    list_filter = ("state",)
    fields = (
        "run", "place", "started_at", "finished_at", "state", "finding", "tables", "rows", "files", "audit_entries", "head",
    )  # fmt: skip
    empty_title = gettext_lazy("No backup was proven yet")
    empty_why = gettext_lazy("Run manage.py verify_backup on the folder of your backups.")

    @admin.display(description=gettext_lazy("result"))
    def outcome(self, obj: BackupVerification) -> SafeString:
        return choice_badge(obj, "state")
