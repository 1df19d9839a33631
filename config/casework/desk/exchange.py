"""Import and export of rows: by the same services as everything else, never past the permissions."""

from collections.abc import Mapping, Sequence
from datetime import UTC
from importlib.util import find_spec
from typing import Any, ClassVar

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied, ValidationError
from django.db import models, transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from import_export import resources
from import_export.admin import ImportExportModelAdmin
from import_export.fields import Field
from import_export.formats.base_formats import CSV, JSON, XLSX, Format
from import_export.results import Result, RowResult
from import_export.tmp_storages import CacheStorage
from import_export.widgets import DateTimeWidget
from tablib import Dataset

from config.casework import clock
from config.casework.access.models import User
from config.casework.audit.services import record
from config.casework.desk.base import DeskAdmin, acting_user
from config.casework.desk.skin import SkinExportForm, SkinImportForm
from config.casework.transitions import Refused

FORMULA = ("=", "+", "-", "@", "\t", "\r")
KEPT_SECONDS = 3600


def guarded(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula: a leading apostrophe keeps it text (SEC)."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def unguarded(value: Any) -> Any:
    """What stood in a cell before `guarded`."""
    return value[1:] if isinstance(value, str) and value.startswith("'") and value[1:].startswith(FORMULA) else value


class _Instant(DateTimeWidget):  # type: ignore[misc]
    """An instant with its zone (ISO 8601), whoever reads it where."""

    def render(self, value: Any, obj: Any = None, **kwargs: Any) -> str:
        return value.astimezone(UTC).isoformat(timespec="seconds") if value else ""


class _Guarded:
    def export_data(self, dataset: Any, **kwargs: Any) -> Any:
        safe = Dataset(*([guarded(cell) for cell in row] for row in dataset), headers=dataset.headers)
        return super().export_data(safe, **kwargs)  # type: ignore[misc]


class GuardedCSV(_Guarded, CSV):  # type: ignore[misc]
    """CSV whose cells are never formulas."""


class GuardedXLSX(_Guarded, XLSX):  # type: ignore[misc]
    """A workbook whose cells are never formulas."""


FORMATS: tuple[type[Format], ...] = (GuardedCSV, JSON, *((GuardedXLSX,) if find_spec("openpyxl") else ()))


class BriefStorage(CacheStorage):  # type: ignore[misc]
    """An uploaded table waits in the cache for an hour, not on the disk for ever."""

    CACHE_LIFETIME = KEPT_SECONDS


class DeskResource(resources.ModelResource):  # type: ignore[misc]
    """Rows in and out; what comes in goes through the admin's `apply_row`."""

    def __init__(self, **kwargs: Any) -> None:
        self.admin: DeskImportExportAdmin = kwargs.pop("admin")
        self.user: User = kwargs.pop("user")
        super().__init__(**kwargs)

    def get_diff_headers(self) -> list[str]:
        return list(self.admin.import_fields)

    def import_row(self, row: Mapping[str, Any], instance_loader: Any, **kwargs: Any) -> RowResult:
        """Apply one row in a savepoint of its own; what a service refuses is told with its line."""
        told: RowResult = self.get_row_result_class()()
        values = {str(name): unguarded(value) for name, value in row.items() if name}
        told.diff = [str(values.get(name, "")) for name in self.admin.import_fields]
        line = int(kwargs["row_number"]) + 1  # the first line holds the headings
        try:
            self._check_columns(values)
            with transaction.atomic():
                obj, created = self.admin.apply_row(values, actor=self.user)
        except ValidationError as error:
            told.import_type, told.validation_error = RowResult.IMPORT_TYPE_INVALID, _with_line(error, line)
        except (Refused, PermissionDenied) as error:
            told.import_type, told.validation_error = (
                RowResult.IMPORT_TYPE_INVALID,
                _with_line(ValidationError(str(error)), line),
            )
        else:
            told.import_type = RowResult.IMPORT_TYPE_NEW if created else RowResult.IMPORT_TYPE_UPDATE
            told.add_instance_info(obj)
        return told

    def _check_columns(self, values: Mapping[str, Any]) -> None:
        unknown = sorted(values.keys() - set(self.admin.import_fields))
        if unknown:
            raise ValidationError({name: _("There is no such column.") for name in unknown})


class DeskImportExportAdmin(ImportExportModelAdmin, DeskAdmin):  # type: ignore[misc]
    """Adds import and export to an admin class; stands first among its bases.

    Importing needs the permissions to add and to change, exporting the one to view; only visible rows leave. A first
    run shows what would happen and changes nothing; with one bad row nothing is imported. Both are in the trail.

    Attributes:
        export_fields: columns that leave; instants leave with their zone.
        export_paths: where the value of a column lies when it is not the row's own, such as system: system__key.
        import_fields: columns that are read; empty: there is no import.
    """

    export_fields: ClassVar[Sequence[str]] = ()
    export_paths: ClassVar[Mapping[str, str]] = {}
    import_fields: ClassVar[Sequence[str]] = ()
    formats = FORMATS
    import_form_class = SkinImportForm
    export_form_class = SkinExportForm
    tmp_storage_class = BriefStorage
    skip_admin_log = True

    def apply_row(self, row: Mapping[str, Any], *, actor: User) -> tuple[models.Model, bool]:
        """Make or change what a row describes, through the services that own it.

        Returns:
            the row it became, and whether it is new.
        Raises:
            ValidationError: keyed by column.
        """
        raise NotImplementedError

    # --- who may -----------------------------------------------------------------------------------------------------

    def has_import_permission(self, request: HttpRequest) -> bool:
        user, label, name = acting_user(request), self.opts.app_label, self.opts.model_name
        return bool(self.import_fields) and user.has_perms([f"{label}.add_{name}", f"{label}.change_{name}"])

    def has_export_permission(self, request: HttpRequest) -> bool:
        return bool(self.export_fields) and acting_user(request).has_perm(
            f"{self.opts.app_label}.view_{self.opts.model_name}"
        )

    def export_action(self, request: HttpRequest) -> HttpResponse:
        """A filter that does not exist is left out, as the list does."""
        try:
            answer: HttpResponse = super().export_action(request)
        except IncorrectLookupParameters:
            return HttpResponseRedirect(request.path)
        return answer

    # --- how ---------------------------------------------------------------------------------------------------------

    def get_resource_classes(self, request: HttpRequest) -> list[type[DeskResource]]:
        options = {
            "fields": tuple(self.export_fields),
            "export_order": tuple(self.export_fields),
            "skip_diff": True,
            "use_transactions": True,
        }
        special = {
            name: Field(attribute=path, column_name=name, readonly=True) for name, path in self.export_paths.items()
        }
        for column in self.opts.fields:
            if column.name in self.export_fields and isinstance(column, models.DateTimeField):
                special[column.name] = Field(attribute=column.name, column_name=column.name, widget=_Instant())
        return [
            resources.modelresource_factory(
                self.model, resource_class=DeskResource, meta_options=options, custom_fields=special
            )
        ]

    def get_import_resource_kwargs(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        return {"admin": self, "user": acting_user(request)}

    def get_export_resource_kwargs(self, request: HttpRequest, **kwargs: Any) -> dict[str, Any]:
        return {"admin": self, "user": acting_user(request)}

    def get_import_data_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        return {
            "rollback_on_validation_errors": True,
            "use_transactions": True,
            **super().get_import_data_kwargs(**kwargs),
        }

    def process_result(self, result: Result, request: HttpRequest) -> HttpResponse:
        url = reverse(self.url_name("changelist"))
        if result.has_errors() or result.has_validation_errors():
            messages.error(
                request, _("Nothing was imported: since the first look a row has become wrong. Start again.")
            )
            return HttpResponseRedirect(url)
        counts = {kind: result.totals[kind] for kind in (RowResult.IMPORT_TYPE_NEW, RowResult.IMPORT_TYPE_UPDATE)}
        record(
            self.model(), f"{self.opts.model_name}.imported", actor=acting_user(request), at=clock.now(), detail=counts
        )
        total = sum(counts.values())
        messages.success(
            request, ngettext("%(count)d row was imported.", "%(count)d rows were imported.", total) % {"count": total}
        )
        return HttpResponseRedirect(url)

    def get_export_data(
        self, file_format: Format, request: HttpRequest, queryset: models.QuerySet[Any], **kwargs: Any
    ) -> Any:
        data = super().get_export_data(file_format, request, queryset, **kwargs)
        record(
            self.model(),
            f"{self.opts.model_name}.exported",
            actor=acting_user(request),
            at=clock.now(),
            detail={"rows": queryset.count()},
        )
        return data


def _with_line(error: ValidationError, line: int) -> ValidationError:
    """The same refusal, each sentence with the line of the file it is about."""
    named = error.message_dict if hasattr(error, "error_dict") else {NON_FIELD_ERRORS: error.messages}
    return ValidationError(
        {
            name: [_("Line %(line)d: %(text)s") % {"line": line, "text": text} for text in texts]
            for name, texts in named.items()
        }
    )
