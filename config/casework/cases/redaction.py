"""Remove a passage or a file everywhere the desk holds it for one case, and leave who did it, when and why.

What is searched comes from the declarations beside the models: every column ruled personal of every model whose
declaration leads to the case. Row history holds no such column (desk.E033). Rows that no path reaches are named by the
room that owns them (`register_holder`).
"""

import html
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.contrib.contenttypes.fields import GenericForeignKey
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.utils.translation import gettext as _

from config.casework.access.actors import Actor
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.cases.choices import RedactionReason
from config.casework.cases.models import Case
from config.casework.files import services as files
from config.casework.files.models import StoredFile
from config.casework.files.services import REMOVED
from config.casework.personal import Declaration, declaration, declarations

SHORTEST = 3  # letters; a shorter passage would tear words apart
PERMISSION = "casework.redact_note"

type Rows = models.QuerySet[Any]
type Holder = Callable[[Case], Iterable[tuple[Rows, Iterable[str]]]]

_GAP = r"(?:\s|\\[nrt])+"  # white space, also as JSON escapes it
_holders: dict[str, Holder] = {}


@dataclass(frozen=True)
class Redacted:
    """What was removed.

    Attributes:
        counts: changed rows by model, such as {"casework.note": 2}.
        unread_files: readable files of the case; what stands inside them was not searched.
    """

    counts: dict[str, int] = field(default_factory=dict)
    unread_files: int = 0

    @property
    def total(self) -> int:
        return sum(self.counts.values())


def register_holder(holder: Holder) -> Holder:
    """Name rows that belong to a case though no path of a declaration leads there.

    Args:
        holder: gives, for a case, querysets with the columns to search. Returned, so it serves as a decorator.
    """
    _holders[f"{holder.__module__}.{holder.__qualname__}"] = holder
    return holder


def redact(case: Case, passage: str | StoredFile, *, actor: Actor, at: datetime, reason: str) -> Redacted:
    """Replace a passage by "[removed]", or destroy a file, everywhere it is held for the case.

    Letter case and the kind of white space do not matter; copies escaped for HTML or JSON are found too.

    Args:
        passage: the words, or one file of the case.
        at: aware instant, for the trail.
        reason: a key of RedactionReason.
    Raises:
        ValidationError: keyed by field: too short a passage, an unknown reason, a file of another case.
        PermissionDenied: the person may not redact, or may not see the case.
    """
    require(actor, PERMISSION, case)
    if reason not in RedactionReason:
        raise ValidationError({"reason": _("Choose one of the reasons.")})
    with transaction.atomic():
        counts = _redact_file(case, passage, at) if isinstance(passage, StoredFile) else _redact_passage(case, passage)
        if counts:
            detail = {"reason": str(reason), "counts": counts}
            record(case, "case.redacted", actor=actor, at=at, detail=detail)
    case.refresh_from_db()
    return Redacted(counts, StoredFile.objects.of(case).readable().count())


def held_columns(case: Case) -> Iterator[tuple[Rows, tuple[str, ...]]]:
    """All rows the desk holds for a case, with their columns that may hold people's words."""
    for declared in declarations():
        columns = tuple(name for name in declared.rulings if _is_searchable(declared.model, name))
        reach = _reach(declared, case) if columns else None
        if reach is not None:
            yield declared.model._base_manager.filter(reach), columns
    for holder in _holders.values():
        for rows, named in holder(case):
            yield rows, tuple(named)


def _redact_file(case: Case, stored: StoredFile, at: datetime) -> dict[str, int]:
    if (stored.content_type_id, stored.object_id) != (ContentType.objects.get_for_model(case).pk, case.pk):
        raise ValidationError({"passage": _("This file belongs to another case.")})
    return {stored._meta.label_lower: 1} if files.redact(stored, at=at) else {}


def _redact_passage(case: Case, passage: str) -> dict[str, int]:
    words = passage.strip()
    if len(words) < SHORTEST:
        raise ValidationError({"passage": _("Give at least %(least)d letters.") % {"least": SHORTEST}})
    clean = partial(_cleaned, _pattern(words))
    counts: Counter[str] = Counter()
    for rows, columns in held_columns(case):
        changed = _rewrite(rows, columns, clean)
        if changed:
            counts[rows.model._meta.label_lower] += changed
    return dict(counts)


def _rewrite(rows: Rows, columns: tuple[str, ...], clean: Callable[[Any], Any]) -> int:
    changed = 0
    plain = rows.model._base_manager.filter(pk__in=rows.order_by().values("pk"))  # joins would repeat rows
    locked = plain.order_by("pk").select_for_update().values_list("pk", *columns)
    for pk, *values in locked:
        updates = {}
        for name, value in zip(columns, values, strict=True):
            new = clean(value)
            if new != value:
                updates[name] = _fitted(rows.model, name, new)
        if updates:
            rows.model._base_manager.filter(pk=pk).update(**updates)
            changed += 1
    return changed


def _fitted(model: type[models.Model], name: str, value: Any) -> Any:
    """The value cut to its column: the mark may be longer than what it stands for."""
    longest = getattr(model._meta.get_field(name), "max_length", None)
    return value[:longest] if longest and isinstance(value, str) else value


def _reach(declared: Declaration, case: Case) -> models.Q | None:
    """The condition that picks the model's rows of this case; None when the model knows no such case."""
    if isinstance(case, declared.model):
        return models.Q(pk=case.pk)
    if not declared.case:
        return None
    if declared.case == "generic":
        return _generic(declared.model, "", case)
    target, prefix = _walk(declared.model, declared.case)
    if isinstance(case, target):
        return models.Q((declared.case, case))
    further = declaration(target)
    if further is None or not further.case:
        return None
    reach = _generic(target, prefix, case) if further.case == "generic" else _reach(further, case)
    if reach is None or further.case == "generic":
        return reach
    return models.Q((f"{declared.case}__in", target._base_manager.filter(reach)))


def _walk(model: type[models.Model], path: str) -> tuple[type[models.Model], str]:
    for name in path.split("__"):
        related = model._meta.get_field(name).related_model
        if not isinstance(related, type):
            raise TypeError(f"{model._meta.label}: the declared path {path!r} leads nowhere at {name!r}.")
        model = related
    return model, f"{path}__"


def _generic(model: type[models.Model], prefix: str, case: Case) -> models.Q:
    key = next(
        each for each in model._meta.private_fields if isinstance(each, GenericForeignKey) and each.name == "case"
    )
    kind = ContentType.objects.get_for_model(case)
    return models.Q((f"{prefix}{key.ct_field}", kind), (f"{prefix}{key.fk_field}", case.pk))


def _is_searchable(model: type[models.Model], name: str) -> bool:
    column = model._meta.get_field(name)
    base = getattr(column, "base_field", column)
    return isinstance(base, models.CharField | models.TextField | models.JSONField | models.BinaryField)


def _pattern(passage: str) -> re.Pattern[str]:
    """Finds the passage, and the removal mark itself so that it is left alone."""
    escaped = json.dumps(passage)[1:-1]
    spellings = {passage, html.escape(passage), html.escape(passage, quote=False), escaped, escaped.replace("/", r"\/")}
    flexible = (_GAP.join(re.escape(word) for word in spelling.split()) for spelling in spellings)
    return re.compile("|".join([re.escape(REMOVED), *sorted(flexible, key=len, reverse=True)]), re.IGNORECASE)


def _cleaned(pattern: re.Pattern[str], value: Any) -> Any:
    """The value without the passage, at any depth of a JSON document; the same value when it does not hold it."""
    if isinstance(value, str):
        return pattern.sub(REMOVED, value)
    if isinstance(value, bytes | memoryview):
        raw = bytes(value)
        new = pattern.sub(REMOVED, raw.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        return value if new == raw else new
    if isinstance(value, list):
        return [_cleaned(pattern, each) for each in value]
    if isinstance(value, dict):
        return {_cleaned(pattern, key): _cleaned(pattern, each) for key, each in value.items()}
    return value
