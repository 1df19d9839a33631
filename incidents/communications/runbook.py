"""The sections of a runbook file that hold words for people: audiences, guarded words, message templates."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any

from django.db.models import Max
from pydantic import Field, StringConstraints, model_validator

from config.casework.access.actors import actor_user
from config.casework.catalogue.fields import Key, Line, RunbookModel, Text
from config.casework.catalogue.models import System
from config.casework.catalogue.sections import Changes, Context, Finding, Section, register, setting
from incidents.communications.models import MessageTemplate
from incidents.communications.slots import FACTS, claims_safe_data, guarded_word, slots_in

Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]{2})?$")]


class Audience(RunbookModel):
    """Whom a text is for; `outside`: people outside the company, whose texts are guarded (INC-39)."""

    key: Line
    name: Line
    outside: bool = False


class Slot(RunbookModel):
    """A gap that the sender fills; what the desk fills by itself (FACTS) is not listed."""

    key: Key
    label: Line
    hint: Line | None = None


class Template(RunbookModel):
    """A message text with named slots (INC-36..39); a change makes a new version, approved by being in the file.

    Attributes:
        language: ISO 639-1; one key may have a text in several languages.
        claims_data_safety: says that data is safe; blocked, or confirmed by the CTO, where data may be lost.
    """

    key: Annotated[Key, Field(max_length=60)]
    language: Language = "en"
    audience: Annotated[Line, Field(max_length=12)]
    title: Annotated[Line, Field(max_length=120)]
    subject: Annotated[Line, Field(max_length=200)]
    body: Annotated[Text, Field(max_length=10_000)]
    slots: list[Slot] = []
    claims_data_safety: bool = False

    @model_validator(mode="after")
    def _slots_are_known(self) -> "Template":
        used = [*slots_in(self.subject), *slots_in(self.body)]
        own = [slot.key for slot in self.slots]
        if unknown := sorted(set(used) - set(own) - FACTS.keys()):
            raise ValueError(
                f"uses the slot {{{unknown[0]}}}, which is neither listed under slots nor filled by the desk ({', '.join(FACTS)})"
            )
        if idle := sorted(set(own) - set(used)):
            raise ValueError(f"lists the slot {idle[0]!r}, which no text uses")
        return self


def check_words(text: str, *, audience: str, location: tuple[str | int, ...], context: Context) -> Iterator[Finding]:
    """Yield what stands against showing `text` to `audience`: an unknown audience, or a guarded word outside (INT-22)."""
    yield from context.unknown(audience, section="audiences", location=(*location[:-1], "audience"))
    if audience in outside(context) and (word := guarded_word(text, context.section("guard_words") or [])):
        yield Finding(location, f"names {word!r}; texts for people outside name no provider")


def outside(context: Context) -> frozenset[str]:
    """Return the audiences of the file that stand outside the company."""
    audiences: Iterable[Audience] = context.section("audiences") or ()
    return frozenset(audience.key for audience in audiences if audience.outside)


def _check_templates(templates: list[Template], context: Context) -> Iterator[Finding]:
    seen: set[tuple[str, str]] = set()
    for index, template in enumerate(templates):
        if (template.key, template.language) in seen:
            yield Finding((index,), f"{template.key!r} stands twice in the language {template.language}")
        seen.add((template.key, template.language))
        yield from check_words(
            f"{template.subject}\n{template.body}",
            audience=template.audience,
            location=(index, "body"),
            context=context,
        )
        if template.audience in outside(context):
            if claims_safe_data(f"{template.subject}\n{template.body}") and not template.claims_data_safety:
                yield Finding((index, "body"), "says that data are safe; mark it with claims_data_safety: true")
            for name in (*slots_in(template.subject), *slots_in(template.body)):
                if name in FACTS and not FACTS[name].outside and name not in {slot.key for slot in template.slots}:
                    yield Finding((index, "body"), f"uses {{{name}}}, which is for inside only ({FACTS[name].meaning})")


def _load_templates(system: System, templates: list[Template], context: Context) -> Changes:
    current = {(row.key, row.language): row for row in MessageTemplate.objects.filter(system=system, is_current=True)}
    changes = Changes()
    for template in templates:
        row = current.pop((template.key, template.language), None)
        values = template.model_dump(exclude={"key", "language"})
        if row is not None and all(getattr(row, name) == value for name, value in values.items()):
            changes += Changes(unchanged=1)
            continue
        _retire(row)
        _new_version(system, template, values, context)
        changes += Changes(changed=1) if row else Changes(created=1)
    for row in current.values():
        _retire(row)
    return changes + Changes(removed=len(current))


def _new_version(system: System, template: Template, values: dict[str, Any], context: Context) -> None:
    versions = MessageTemplate.objects.filter(system=system, key=template.key, language=template.language)
    MessageTemplate.objects.create(
        system=system,
        key=template.key,
        language=template.language,
        version=(versions.aggregate(last=Max("version"))["last"] or 0) + 1,
        approved_at=context.at,
        approved_by=actor_user(context.actor),
        **values,
    )


def _retire(row: MessageTemplate | None) -> None:
    if row is not None:
        row.is_current = False
        row.save(update_fields=["is_current"])


def _export_templates(system: System) -> list[Template] | None:
    rows = MessageTemplate.objects.filter(system=system, is_current=True).order_by("key", "language")
    names = ("key", "language", "audience", "title", "subject", "body", "slots", "claims_data_safety")
    return TEMPLATES.adapter.validate_python([{name: getattr(row, name) for name in names} for row in rows]) or None


AUDIENCES: Section[list[Audience]] = setting("audiences", list[Audience], order=40)
GUARD_WORDS: Section[list[str]] = setting("guard_words", list[Line], order=42)
TEMPLATES: Section[list[Template]] = register(
    Section(
        key="templates",
        schema=list[Template],
        load=_load_templates,
        export=_export_templates,
        check=_check_templates,
        order=44,
    )
)
