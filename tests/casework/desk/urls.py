"""The desk's addresses with an admin of incidents of our own, so that these tests know what they look at."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest
from django.urls import path

from config import urls as house
from config.casework import clock
from config.casework.access.actors import Actor
from config.casework.access.models import User
from config.casework.cases.changes import change_case
from config.casework.cases.models import Case
from config.casework.catalogue.models import System
from config.casework.desk.cases import CaseAdmin
from config.casework.desk.display import Mark
from config.casework.desk.exchange import DeskImportExportAdmin
from config.casework.desk.inlines import CaseInline
from config.casework.desk.site import DeskSite
from incidents.models import Incident, Mitigation, Severity
from incidents.services import open_incident
from incidents.transitions import MITIGATION


class MitigationInline(CaseInline):
    model = Mitigation
    machine = MITIGATION
    fields = ("text", "status", "applied_at", "expires_at", "effect")
    add_fields = ("text", "expires_at")
    add_optional = ("expires_at",)
    add_permission = "incidents.add_mitigation"
    add_label = "Record a measure"

    def add(self, case: Any, *, actor: Actor, at: datetime, **values: Any) -> Mitigation:
        return Mitigation.objects.create(incident=case, applied_at=at, temporary=bool(values["expires_at"]), **values)


class IncidentAdmin(DeskImportExportAdmin, CaseAdmin):
    facts = ("system", "organization", "received_at", "severity", "scope", "description", "source", "acknowledged_at")
    edit_fields = ("title", "owner", "description", "scope")
    add_fields = ("system", "title", "description")
    add_optional = ("description",)
    panels = (MitigationInline,)
    bulk_steps = ("acknowledge", "resolve")
    list_select_related = ("owner", "severity")
    export_fields = ("reference", "title", "state")
    import_fields = ("reference", "system", "title")

    def severity(self, obj: Any) -> Mark | None:
        return Mark(obj.severity.name, obj.severity.tone) if obj.severity else None

    def choices_for(self, request: HttpRequest, obj: models.Model | None, name: str) -> models.QuerySet[Any] | None:
        return Severity.objects.filter(system=obj.system) if isinstance(obj, Incident) and name == "severity" else None

    def open_case(self, *, actor: User, at: Any, **values: Any) -> Case:
        system = values.pop("system")
        return open_incident(system, actor=actor, at=at, **values)

    def apply_row(self, row: Mapping[str, Any], *, actor: User) -> tuple[models.Model, bool]:
        if row.get("reference"):
            case = Incident.objects.visible_to(actor).filter(reference=row["reference"]).first()
            if case is None:
                raise ValidationError({"reference": "There is no such incident."})
            return change_case(case, actor=actor, at=clock.now(), title=row["title"]), False
        system = System.objects.filter(key=row.get("system")).first()
        if system is None:
            raise ValidationError({"system": "There is no such system."})
        return open_incident(system, title=row["title"], actor=actor, at=clock.now()), True


site = DeskSite(name="admin")
for model, registered in admin.site._registry.items():
    if model is not Incident:
        site.register(model, type(registered))
site.register(Incident, IncidentAdmin)

urlpatterns = [
    path("admin/", site.urls),
    *(pattern for pattern in house.urlpatterns if getattr(pattern, "app_name", "") != "admin"),
]
