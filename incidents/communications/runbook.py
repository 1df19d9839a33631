"""The sections of a runbook file that hold words for people: audiences, guarded words, message templates."""

from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from config.casework.catalogue.fields import Key, Line, RunbookModel, Text
from config.casework.catalogue.sections import Context, Finding, Section, setting
from incidents.communications.slots import FACTS, guarded_word, slots_in

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
    """A message text with named slots (INC-36..39).

    Attributes:
        language: ISO 639-1; one key may have a text in several languages.
        claims_data_safety: says that data is safe; blocked, or confirmed by the CTO, where data may be lost.
        limit: characters that the text may have once filled (160: one SMS).
    """

    key: Key
    language: Language = "en"
    audience: Line
    title: Line
    subject: Line
    body: Text
    slots: list[Slot] = []
    claims_data_safety: bool = False
    limit: Annotated[int, Field(ge=20, le=10_000)] | None = None
    source: Line | None = None

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
        if self.limit and len(self.body) > self.limit:
            raise ValueError(f"the body has {len(self.body)} characters before it is filled; the limit is {self.limit}")
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
            for name in (*slots_in(template.subject), *slots_in(template.body)):
                if name in FACTS and not FACTS[name].outside and name not in {slot.key for slot in template.slots}:
                    yield Finding((index, "body"), f"uses {{{name}}}, which is for inside only ({FACTS[name].meaning})")


AUDIENCES: Section[list[Audience]] = setting("audiences", list[Audience], order=40)
GUARD_WORDS: Section[list[str]] = setting("guard_words", list[Line], order=42)
TEMPLATES: Section[list[Template]] = setting("templates", list[Template], order=44, check=_check_templates)
