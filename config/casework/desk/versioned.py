"""Rows that say how the desk works: changed by hand, with the versions behind them on a page of their own."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.audit.services import record
from config.casework.desk.base import DeskAdmin, acting_user, label_of
from config.casework.desk.display import NOTHING, choice_of
from config.casework.versions import CHANGED, INSERTED, REMOVED, Difference, Version, versions_of

LONGEST = 400  # letters of one value
LABELS = {INSERTED: gettext_lazy("added"), CHANGED: gettext_lazy("changed"), REMOVED: gettext_lazy("removed")}


class RecordedAdmin(DeskAdmin):
    """Rows changed by hand; the trail says who and which fields."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        verb = "changed" if change else "added"
        record(
            obj, f"{self.opts.model_name}.{verb}", actor=acting_user(request), at=clock.now(), fields=form.changed_data
        )


class VersionedAdmin(RecordedAdmin):
    """Rows with versions: who changed what, when, by hand or by loading a file."""

    def get_urls(self) -> list[Any]:
        name = f"{self.opts.app_label}_{self.opts.model_name}_versions"
        view = self.admin_site.admin_view(self.versions_view)
        return [path("<int:object_id>/versions/", view, name=name), *super().get_urls()]

    def versions_view(self, request: HttpRequest, object_id: int) -> HttpResponse:
        obj = self.get_object(request, str(object_id))
        if obj is None:
            raise Http404("no such row")
        if not self.has_view_permission(request, obj):
            raise PermissionDenied
        return versions_page(self, request, obj, self.versions_behind(obj))

    def versions_behind(self, obj: Any) -> list[Version]:
        return versions_of(obj)

    def render_change_form(self, request: HttpRequest, context: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        response = super().render_change_form(request, context, *args, **kwargs)
        obj = kwargs.get("obj")
        if obj is not None and isinstance(response, TemplateResponse) and response.context_data is not None:
            link = {"label": _("Versions"), "tone": "info", "url": reverse(self.url_name("versions"), args=[obj.pk])}
            response.context_data["acts"] = [*response.context_data.get("acts", []), link]
        return response


@dataclass(frozen=True)
class SpokenVersion:
    """A version as the page draws it."""

    at: datetime
    who: str
    what: str
    changes: list[tuple[str, str, str]]


def versions_page(admin: DeskAdmin, request: HttpRequest, obj: Any, versions: list[Version]) -> HttpResponse:
    """The versions of a row, or of all rows behind it, the newest first."""
    context = {
        **admin.admin_site.each_context(request),
        "title": _("Versions of %(row)s") % {"row": admin.label(obj)},
        "opts": admin.opts,
        "original": obj,
        "back": admin.page_url(obj),
        "versions": [spoken_version(version, of=obj) for version in versions],
    }
    return TemplateResponse(request, "desk/admin/versions.html", context)


def spoken_version(version: Version, *, of: models.Model) -> SpokenVersion:
    """A version in words; one of another row than `of` says which."""
    who = version.actor.get_full_name() if version.actor else version.source or _("the desk")
    what = str(LABELS.get(version.label, version.label))
    if (version.model, version.row) != (type(of), of.pk):
        what = f"{version.model._meta.verbose_name} {version.name}: {what}"
    changes = [
        (_heading(found), _words(found, found.before), _words(found, found.after)) for found in version.differences
    ]
    return SpokenVersion(version.at, who, what, changes)


def _heading(found: Difference) -> str:
    return str(found.column.verbose_name).capitalize()


def _words(found: Difference, value: Any) -> str:
    if value in (None, "", [], {}):
        return NOTHING
    column = found.column
    if column.is_relation and column.related_model is not None:
        row = column.related_model._default_manager.filter(pk=value).first()
        return label_of(row) if row is not None else str(value)
    if column.choices:
        member = choice_of(column.model(), column.name, value)
        return str(member.label) if member is not None else str(value)
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
