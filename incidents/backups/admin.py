"""Backups in the admin: what must be saved, what was saved, and what was proven."""

from typing import Any

from django.contrib import admin
from django.db import models
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.desk.base import DeskAdmin, ReadOnlyAdmin, acting_user
from config.casework.desk.display import choice_badge
from incidents.backups.services import note_run
from incidents.models import BackupRun, BackupVerification


@admin.register(BackupRun)
class BackupRunAdmin(DeskAdmin):
    """Our own are written by the command `backup`; those of operated systems are written down here."""

    list_display = ("started_at", "system", "outcome", "size", "place")
    narrow_columns = ("started_at", "outcome")
    list_select_related = ("system",)
    list_filter = ("result",)
    fields = ("system", "started_at", "finished_at", "place", "size", "sha256", "result", "error")
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
