"""Child rows on the page of a case: a table of facts with the steps each row allows, and a form for a new one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.utils.safestring import SafeString

from config.casework.access.actors import Actor
from config.casework.access.models import User
from config.casework.desk.display import label_words, value_words
from config.casework.desk.steps import Button, Stand, buttons
from config.casework.transitions import Machine


@dataclass(frozen=True)
class ChildRow:
    """One child row as the page draws it."""

    obj: models.Model
    cells: list[SafeString]
    primary: Button | None
    more: list[Button]


class CaseInline:
    """Rows that belong to a case and change by their own machine, never by hand.

    Attributes:
        model: of the rows; it needs a foreign key to the case, named by `fk_name` when there are several.
        machine: draws the buttons, asks for the fields, calls `apply`, turns refusals into messages. None: facts only.
        fields: columns of the table: fields of the row, or methods of this class that take the row.
        add_fields: what the form for a new row asks; empty: rows are not added by hand.
        add_optional: those of `add_fields` that may stay empty.
        add_permission: "app.codename" a person needs to add; `add` makes the row through a service.
        tab: key of the page's tab they stand on; their own when left out. "overview" is the first one.
        empty_title, empty_why: what an empty table says.
    """

    model: ClassVar[type[models.Model]]
    machine: ClassVar[Machine[Any] | None] = None
    fields: ClassVar[Sequence[str]] = ()
    readonly_fields: ClassVar[Sequence[str]] = ()
    fk_name: ClassVar[str] = ""
    ordering: ClassVar[Sequence[str]] = ()
    add_fields: ClassVar[Sequence[str]] = ()
    add_optional: ClassVar[Sequence[str]] = ()
    add_permission: ClassVar[str] = ""
    add_label: ClassVar[Any] = ""
    add_consequence: ClassVar[Any] = ""
    tab: ClassVar[str] = ""
    label: ClassVar[Any] = ""
    empty_title: ClassVar[Any] = ""
    empty_why: ClassVar[Any] = ""

    def add(self, case: Any, *, actor: Actor, at: datetime, **values: Any) -> models.Model:
        """Make a row through the service that owns it."""
        raise NotImplementedError

    def get_rows(self, case: models.Model) -> models.QuerySet[Any]:
        """The rows of one case; override to select what the columns need."""
        rows = self.model._default_manager.filter(**{self.parent_key: case.pk})
        return rows.order_by(*self.ordering) if self.ordering else rows

    @property
    def key(self) -> str:
        return str(self.model._meta.model_name)

    @property
    def tab_key(self) -> str:
        return self.tab or self.key

    @property
    def title(self) -> str:
        return str(self.label or self.model._meta.verbose_name_plural).capitalize()

    @property
    def parent_key(self) -> str:
        """The column that names the case.

        Raises:
            LookupError: the model has none.
        """
        if self.fk_name:
            return self.fk_name
        for column in self.model._meta.get_fields():
            related = getattr(column, "related_model", None)
            if (
                column.concrete
                and column.is_relation
                and isinstance(related, type)
                and hasattr(related, "MACHINE")
                and hasattr(related, "OPEN_STATES")
            ):
                return column.name
        raise LookupError(f"{self.model.__name__} has no key to a case; set fk_name.")

    def may_add(self, user: User) -> bool:
        return bool(self.add_fields) and bool(self.add_permission) and user.has_perm(self.add_permission)

    def may_view(self, user: User) -> bool:
        return user.has_perm(f"{self.model._meta.app_label}.view_{self.model._meta.model_name}")

    def headings(self) -> list[str]:
        return [label_words(self.model, name, self) for name in self.fields]

    def child_rows(self, case: models.Model, user: User, address: str, back: str) -> list[ChildRow]:
        """The rows with their cells and buttons.

        Args:
            address: where a step of a row lives, with {pk} and {name} in their places.
        """
        rows = []
        for row in self.get_rows(case):
            primary, more = (
                (None, [])
                if self.machine is None
                else buttons(Stand(row, self.machine, back), user, address.replace("{pk}", str(row.pk)))
            )
            rows.append(ChildRow(row, [value_words(row, name, self) for name in self.fields], primary, more))
        return rows
