"""Values in words: what a cell or a fact shows."""

from datetime import date, datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple

from django.contrib.admin.utils import label_for_field, lookup_field
from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.template.loader import render_to_string
from django.utils import formats, timezone
from django.utils.html import conditional_escape, format_html, linebreaks
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from config.casework.access.models import User
from config.casework.choices import Tone, TonedChoices
from config.casework.desk.base import label_of
from config.casework.words import moment

NOTHING = "–"


class Mark(NamedTuple):
    """A word with its tone."""

    label: Any
    tone: str


def badge(label: Any, tone: Any = Tone.NEUTRAL, hint: str = "") -> SafeString:
    """A badge as every page draws it; a list draws the same few a hundred times."""
    return _drawn_badge(str(label), str(tone), hint)


@lru_cache(maxsize=512)
def _drawn_badge(label: str, tone: str, hint: str) -> SafeString:
    return SafeString(
        render_to_string("desk/partials/badge.html", {"label": label, "tone": tone, "hint": hint}).strip()
    )


def choice_badge(obj: models.Model, name: str) -> SafeString:
    """The badge of a choice column, in the tone its choices carry."""
    value = getattr(obj, name)
    member = choice_of(obj, name, value)
    if member is None:
        return badge(getattr(obj, f"get_{name}_display")()) if value else SafeString(NOTHING)
    return badge(member.label, getattr(member, "tone", Tone.NEUTRAL))


def choice_of(obj: models.Model, name: str, value: Any) -> Any:
    """The member of the toned enumeration a choice column holds, if the column was made from one."""
    pairs = getattr(obj._meta.get_field(name), "choices", None) or ()
    enumeration = _enumeration(tuple((pair[0], "") for pair in pairs))
    try:
        return enumeration(value) if enumeration is not None else None
    except ValueError:
        return None


def person_name(person: User | None) -> str:
    return person.get_full_name() if person is not None else _("nobody")


def value_words(obj: models.Model, name: str, owner: Any = None) -> SafeString:
    """One value of a row as HTML: badges for choices, moments with their place, names for people.

    Args:
        name: a column of the row, or a method of `owner` that takes the row.
        owner: the admin class the name may belong to.
    """
    try:
        column, _attribute, value = lookup_field(name, obj, owner)
    except ObjectDoesNotExist:
        return SafeString(NOTHING)
    if value in (None, "", [], {}):
        return SafeString(NOTHING)
    if column is not None and getattr(column, "choices", None):
        return choice_badge(obj, name)
    if column is not None and column.is_relation:
        return conditional_escape(label_of(getattr(obj, name)))
    return _plain_words(value, multiline=isinstance(column, models.TextField))


def label_words(model: type[models.Model], name: str, owner: Any = None) -> str:
    """The heading of a value."""
    return capfirst(str(label_for_field(name, model, owner)))


def facts(obj: models.Model, names: tuple[str, ...], owner: Any = None) -> list[tuple[str, SafeString]]:
    """Headings and values of a row, for a list of facts; what is not known yet is left out."""
    told = [(label_words(type(obj), name, owner), value_words(obj, name, owner)) for name in names]
    return [(label, value) for label, value in told if value != NOTHING]


def _plain_words(value: Any, *, multiline: bool) -> SafeString:
    if isinstance(value, bool):
        return SafeString(_("yes") if value else _("no"))
    if isinstance(value, datetime):
        return format_html(
            '<time datetime="{}">{}</time>', value.isoformat(), moment(value, timezone.get_current_timezone_name())
        )
    if isinstance(value, date):
        return conditional_escape(formats.date_format(value, "D j F Y"))
    if isinstance(value, (list, tuple, set, frozenset)):
        return conditional_escape(", ".join(str(item) for item in value))
    if multiline and "\n" in str(value):
        return mark_safe(linebreaks(str(value), autoescape=True))  # noqa: S308 - linebreaks escapes
    return conditional_escape(value)


@cache
def _enumeration(choices: tuple[tuple[Any, str], ...]) -> type[TonedChoices] | None:
    """A column keeps only the pairs of its enumeration; this finds the class, and so the tones, again."""
    values = [value for value, _label in choices]
    return next((kind for kind in TonedChoices.__subclasses__() if list(kind.values) == values), None)
