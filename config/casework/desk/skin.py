"""The admin skin's own classes, imported here and nowhere else, so that the skin can be replaced."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.contrib.admin import AdminSite as SkinSite
    from django.contrib.admin import FieldListFilter
    from django.contrib.admin import ModelAdmin as SkinAdmin
    from django.contrib.admin import RelatedFieldListFilter as SkinAutocompleteFilter
    from django.contrib.admin import StackedInline as SkinStackedInline
    from django.contrib.admin import TabularInline as SkinTabularInline
    from django.contrib.admin.views.main import ChangeList as SkinChangeList
    from django.contrib.admin.widgets import AdminTextareaWidget as SkinTextarea
    from django.contrib.admin.widgets import AdminTextInputWidget as SkinTextInput
    from import_export.forms import ExportForm as SkinExportForm
    from import_export.forms import ImportForm as SkinImportForm

    class SkinDateFilter(FieldListFilter):
        parameter_name: str
else:
    from unfold.admin import ModelAdmin as SkinAdmin
    from unfold.admin import StackedInline as SkinStackedInline
    from unfold.admin import TabularInline as SkinTabularInline
    from unfold.contrib.filters.admin import AutocompleteSelectFilter as SkinAutocompleteFilter
    from unfold.contrib.filters.admin import RangeDateFilter as SkinDateFilter
    from unfold.contrib.import_export.forms import ExportForm as SkinExportForm
    from unfold.contrib.import_export.forms import ImportForm as SkinImportForm
    from unfold.sites import UnfoldAdminSite as SkinSite
    from unfold.views import ChangeList as SkinChangeList
    from unfold.widgets import UnfoldAdminTextareaWidget as SkinTextarea
    from unfold.widgets import UnfoldAdminTextInputWidget as SkinTextInput

__all__ = [
    "SkinAdmin",
    "SkinAutocompleteFilter",
    "SkinChangeList",
    "SkinDateFilter",
    "SkinExportForm",
    "SkinImportForm",
    "SkinSite",
    "SkinStackedInline",
    "SkinTabularInline",
    "SkinTextInput",
    "SkinTextarea",
]
