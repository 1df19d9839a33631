"""Template tags of the admin's lists."""

from collections.abc import Iterator
from typing import Any

from django import template
from django.contrib.admin.templatetags.admin_list import items_for_result, result_headers
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

register = template.Library()
WIDE = "queue__wide"


@register.inclusion_tag("desk/admin/results.html")
def desk_result_list(cl: Any) -> dict[str, Any]:
    """Draw the rows of a list; columns that are not for a phone carry a class."""
    columns = [str(column) for column in cl.list_display]
    narrow = getattr(cl.model_admin, "get_narrow_columns", frozenset)(columns)
    wide = [bool(narrow) and column not in narrow and column != "action_checkbox" for column in columns]
    return {
        "cl": cl,
        "headers": [
            _header(header, column, hidden)
            for header, column, hidden in zip(result_headers(cl), columns, wide, strict=True)
        ],
        "rows": [list(_cells(cl, row, wide)) for row in cl.result_list],
        **_emptiness(cl),
    }


@register.simple_tag
def queue_choices(cl: Any) -> list[dict[str, Any]]:
    """The queues of a case list, with the one that is shown."""
    for spec in cl.filter_specs:
        if getattr(spec, "is_queue", False):  # the class itself needs the skin, whose import draws this library
            return list(spec.choices(cl))
    return []


def _header(header: dict[str, Any], column: str, hidden: bool) -> dict[str, Any]:
    return {
        **header,
        "toggle": column == "action_checkbox",
        "classes": f"column-{column} {WIDE}" if hidden else f"column-{column}",
    }


def _cells(cl: Any, row: Any, wide: list[bool]) -> Iterator[SafeString]:
    for cell, hidden in zip(items_for_result(cl, row, None), wide, strict=True):
        yield SafeString(cell.replace('class="', f'class="{WIDE} ', 1)) if hidden else cell


def _emptiness(cl: Any) -> dict[str, Any]:
    """Why a list is empty, and the one useful act."""
    model_admin = cl.model_admin
    if cl.query or cl.has_active_filters:
        again = {"label": _("Show all again"), "url": "?"}
        return {
            "empty_title": _("Nothing matches"),
            "empty_why": _("No row fits what you search for."),
            "empty_action": again,
        }
    request = getattr(model_admin, "request", None)
    action: dict[str, Any] | None = None
    if request is not None and model_admin.has_add_permission(request):
        url = reverse(f"admin:{cl.opts.app_label}_{cl.opts.model_name}_add")
        action = {"label": _("Add the first one"), "url": url}
    title = getattr(model_admin, "empty_title", "") or _("Nothing here yet")
    return {"empty_title": title, "empty_why": getattr(model_admin, "empty_why", ""), "empty_action": action}
