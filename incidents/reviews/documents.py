"""A postmortem as a document that leaves the desk: Markdown, for the wiki or the follow-up ticket (INC-42)."""

import re
from datetime import UTC

from incidents.models import Incident
from incidents.reviews.choices import ActionState, Factor
from incidents.reviews.models import Postmortem

SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|])")


def markdown(postmortem: Postmortem) -> str:
    """The whole postmortem with contributing factors and action items; what people wrote is escaped, never markup."""
    incident = postmortem.incident
    parts = [f"# {escaped(f'{incident.reference} {incident.title}')}", _head(postmortem)]
    for field in postmortem.schema:
        text = str(postmortem.values.get(field["key"], "")).strip()
        parts += [f"## {escaped(field['label'])}", _paragraphs(text) if text else "(empty)"]
    factors = [f"- {Factor(row.kind).label}: {escaped(row.text)}" for row in incident.factors.all()]
    if factors:
        parts += ["## Contributing factors", "\n".join(factors)]
    items = _items(incident)
    if items:
        parts += ["## Action items", items]
    return "\n\n".join(parts) + "\n"


def escaped(text: str) -> str:
    """A text whose characters mean themselves in Markdown."""
    return SPECIAL.sub(r"\\\1", text)


def _head(postmortem: Postmortem) -> str:
    incident = postmortem.incident
    lines = [f"- System: {escaped(incident.system.name)}"]
    if incident.severity is not None:
        lines.append(f"- Severity: {escaped(incident.severity.key)}")
    if postmortem.began_at is not None:
        lines.append(f"- Began: {postmortem.began_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC")
    lines.append(f"- Detected: {incident.received_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC")
    lines.append(f"- State: {postmortem.get_state_display()}")
    return "\n".join(lines)


def _paragraphs(text: str) -> str:
    """Line breaks stay; a line that would begin a list or a heading does not."""
    return "  \n".join(re.sub(r"^(\s*)([-+]|\d+\.)(\s)", r"\1\\\2\3", escaped(line)) for line in text.splitlines())


def _items(incident: Incident) -> str:
    rows = incident.action_items.select_related("owner")
    return "\n".join(
        f"- [{'x' if row.state == ActionState.DONE else ' '}] {escaped(row.text)}"
        f" ({row.get_kind_display()}, {escaped(row.owner.get_full_name()) if row.owner else 'nobody'}, due {row.due_on.isoformat()})"
        for row in rows
    )
