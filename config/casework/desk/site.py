"""The admin site: pages of the desk's own classes only, names in pickers instead of numbers."""

from functools import partial
from typing import Any, cast

from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.utils.functional import SimpleLazyObject

from config.casework.desk.base import DeskAdmin, label_of
from config.casework.desk.skin import SkinSite


class PickerView(AutocompleteJsonView):
    """Answers the pickers with what a person recognises, and with rows they may see."""

    model_admin: Any

    def serialize_result(self, obj: models.Model, to_field_name: str) -> dict[str, str]:
        return {"id": str(getattr(obj, to_field_name)), "text": label_of(obj)}

    def has_perm(self, request: HttpRequest, obj: models.Model | None = None) -> bool:
        picked: DeskAdmin = self.model_admin
        return picked.has_pick_permission(request)


class DeskSite(SkinSite):
    """One door for all staff.

    Admin classes that libraries bring are left out: they know neither our scoping nor our looks. What staff need of
    their tables has a class in `config.casework.desk.foreign`.
    """

    enable_nav_sidebar = True

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        if admin_class is not None and issubclass(admin_class, DeskAdmin):
            super().register(model_or_iterable, admin_class, **options)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> Any:
        """List the models a person may see, when somebody looks: most pages name them in a context nobody reads."""
        return SimpleLazyObject(partial(super().get_app_list, request, app_label))

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        return cast("HttpResponse", PickerView.as_view(admin_site=self)(request))
