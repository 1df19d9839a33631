"""Action items: noted, moved, and chased until they are done (INC-44)."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, override

from config.casework.access.actors import Actor
from config.casework.access.choices import Role
from config.casework.access.models import User
from config.casework.access.services import require
from config.casework.audit.services import record
from config.casework.catalogue.fields import parse_duration
from config.casework.choices import Tone
from config.casework.transitions import Refused, Step
from incidents.models import Incident
from incidents.oncall.selectors import holder
from incidents.reviews.choices import ActionKind, ActionState
from incidents.reviews.models import ActionItem
from incidents.severity.choices import Duty
from integrations.messages.choices import Purpose
from integrations.messages.services import queue_mail

DUE = "P14D"  # unless the runbook says otherwise
REMIND_BEFORE = "P2D"
LONGEST_NOTICE = timedelta(days=31)
FIRST_HOUR = timedelta(hours=8)  # nobody is reminded before eight in the morning of the system
LATE, ESCALATED, CHIEF = 2, 3, 4
DAYS_TO_ESCALATE, DAYS_TO_CHIEF, DAYS_BETWEEN = 3, 7, 7
BATCH = 200


def add_action_item(
    incident: Incident, *, actor: Actor, at: datetime, kind: ActionKind | str, text: str, owner: User, due_on: date
) -> ActionItem:
    """Note something to be done, with who and until when.

    Raises:
        ValidationError: keyed by field.
        PermissionDenied: the actor may not work this incident.
    """
    require(actor, "incidents.add_actionitem", incident)
    item = ActionItem(incident=incident, kind=kind, text=text.strip(), owner=owner, due_on=due_on)
    if owner is not None and not (owner.is_staff and owner.is_active):
        raise ValidationError({"owner": _("Choose somebody who works at the desk.")})
    item.full_clean()
    with transaction.atomic():
        item.save()
        record(
            incident,
            "action_item.added",
            actor=actor,
            at=at,
            about=item,
            detail={"kind": item.kind, "owner": str(owner), "due_on": due_on.isoformat()},
        )
    return item


def change_action_item(
    item: ActionItem,
    *,
    actor: Actor,
    at: datetime,
    text: str | None = None,
    owner: User | None = None,
    due_on: date | None = None,
    kind: ActionKind | str | None = None,
) -> ActionItem:
    """Change an open item; another owner or date begins the reminders anew.

    Raises:
        Refused: it is settled.
        ValidationError: keyed by field.
        PermissionDenied: the actor may not change it.
    """
    require(actor, "incidents.change_actionitem", item)
    given = {"text": text.strip() if text is not None else None, "owner": owner, "due_on": due_on, "kind": kind}
    with transaction.atomic():
        row = ActionItem.objects.select_for_update(of=("self",)).select_related("incident").get(pk=item.pk)
        changed = {name: value for name, value in given.items() if value is not None and getattr(row, name) != value}
        if changed and row.state != ActionState.OPEN:
            raise Refused(_("It is settled already. Reopen it first."))
        if "owner" in changed and not (owner is not None and owner.is_staff and owner.is_active):
            raise ValidationError({"owner": _("Choose somebody who works at the desk.")})
        if changed:
            detail = {"due_on": [row.due_on.isoformat(), due_on.isoformat()]} if "due_on" in changed and due_on else {}
            for name, value in changed.items():
                setattr(row, name, value)
            if {"owner", "due_on"} & changed.keys():
                row.reminder_stage = 0
            row.version += 1
            row.full_clean(exclude={"incident"})
            row.save(update_fields=[*changed, "reminder_stage", "version"])
            record(row.incident, "action_item.changed", actor=actor, at=at, about=row, fields=changed, detail=detail)
    item.refresh_from_db()
    return item


def review_runbook(step: Step[Incident]) -> None:
    """A grave incident is closed: somebody looks whether the runbook must change (INC-70). One item for each incident."""
    incident, level = step.obj, step.obj.severity
    if level is None or level.postmortem != Duty.REQUIRED or incident.duplicate_of_id is not None:
        return
    if ActionItem.objects.filter(incident=incident, kind=ActionKind.RUNBOOK).exists():
        return
    owner = incident.owner or holder(Role.CTO, demo=incident.is_demo)
    if owner is None:
        return
    add_action_item(
        incident,
        actor=None,
        at=step.at,
        kind=ActionKind.RUNBOOK,
        text=_("Change the runbook of %(system)s by what this incident taught, or say why not.")
        % {"system": incident.system.name},
        owner=owner,
        due_on=default_due(incident, step.at),
    )


def begin_reminders(step: Step[ActionItem]) -> None:
    """A reopened item is chased like a new one."""
    ActionItem.objects.filter(pk=step.obj.pk).update(reminder_stage=0)


def default_due(incident: Incident, at: datetime) -> date:
    """The date the runbook proposes for an item noted at `at`."""
    span = parse_duration(incident.system.setting("action_items", {}).get("due", DUE))
    return (at.astimezone(ZoneInfo(incident.system.zone)) + span).date()


# --- the chase ---------------------------------------------------------------------------------------------------------


def stage_of(item: ActionItem, at: datetime) -> int:
    """How far the chase of an open item should be at `at`: 0 not yet, 1 soon, 2 late, 3 told to the CTO, 4 and on: to the CEO.

    Counted in days of the system's zone, from eight in the morning on.
    """
    system = item.incident.system
    today = (at.astimezone(ZoneInfo(system.zone)).replace(tzinfo=None) - FIRST_HOUR).date()
    before = parse_duration(system.setting("action_items", {}).get("remind_before", REMIND_BEFORE))
    late = (today - item.due_on).days
    if late >= DAYS_TO_CHIEF:
        return CHIEF + (late - DAYS_TO_CHIEF) // DAYS_BETWEEN
    if late >= DAYS_TO_ESCALATE:
        return ESCALATED
    if late > 0:
        return LATE
    return 1 if item.due_on - today <= before else 0


def chase(at: datetime) -> int:
    """Remind owners of what is due or late, then those who answer for them; says how many items were chased.

    Each stage is told once, also when two workers look at the same time; a stage that passed unseen is left out.
    """
    nearing = ActionItem.objects.filter(state=ActionState.OPEN, due_on__lte=(at + LONGEST_NOTICE).date())
    chased = 0
    for item in nearing.select_related("incident__system", "owner").iterator(chunk_size=BATCH):
        stage = stage_of(item, at)
        if stage > item.reminder_stage:
            chased += _remind(item, stage, at)
    return chased


def _remind(item: ActionItem, stage: int, at: datetime) -> bool:
    with transaction.atomic():
        taken = ActionItem.objects.filter(pk=item.pk, state=ActionState.OPEN, reminder_stage__lt=stage).update(
            reminder_stage=stage
        )
        if taken:
            for person in _told(item, stage):
                _mail(item, person, stage, at)
            record(item.incident, "action_item.reminded", actor=None, at=at, about=item, detail={"stage": stage})
    return bool(taken)


def _told(item: ActionItem, stage: int) -> list[User]:
    """The owner; whoever leads when it is days late or nobody owns it; both of them when it is a week late."""
    demo = item.incident.is_demo
    owner = item.owner if item.owner is not None and item.owner.is_active else None
    people = [owner]
    if stage >= ESCALATED or owner is None:
        people.append(holder(Role.CTO, demo=demo))
    if stage >= CHIEF:
        people.append(holder(Role.CEO, demo=demo))
    return list(dict.fromkeys(person for person in people if person is not None))


def _mail(item: ActionItem, person: User, stage: int, at: datetime) -> None:
    """The mail names the incident and the date; what is to be done stands in the desk, for it is free text."""
    with override(person.language):
        said, _tone = due_words(item, at)
        context = {
            "headline": _("Action item: %(when)s") % {"when": said},
            "facts": [
                {"label": _("Incident"), "value": item.incident.reference},
                {"label": _("System"), "value": item.incident.system.name},
                {"label": _("Due"), "value": formats.date_format(item.due_on, "D j F Y")},
                {"label": _("Owner"), "value": item.owner.get_full_name() if item.owner else _("nobody")},
            ],
            "link": {
                "url": f"{settings.BASE_URL}{reverse('admin:incidents_incident_change', args=[item.incident_id])}?tab=review",
                "label": _("Open the review"),
            },
            "ask": _("Finish it, drop it with a reason, or give it another date."),
            "why": _("You get this because the item is yours.")
            if person == item.owner
            else _("You get this because you answer for what stays undone."),
        }
        queue_mail(
            to=person.email,
            name=person.name,
            subject=f"{context['headline']} - {item.incident.system} ({item.incident.reference})",
            text=render_to_string("mail/page.txt", context),
            html=render_to_string("mail/page.html", context),
            key=f"action-item:{item.pk}:{item.due_on:%Y%m%d}:{stage}:{person.pk}:{item.version}",
            purpose=Purpose.REMINDER,
            case=item.incident,
            about=item,
            person=person,
            at=at,
        )


def due_words(item: ActionItem, at: datetime) -> tuple[str, Tone]:
    """How an item stands against its date, in words and tone; days are those of the system's zone."""
    if item.state != ActionState.OPEN:
        state = ActionState(item.state)
        return str(state.label), state.tone
    days = (item.due_on - at.astimezone(ZoneInfo(item.incident.system.zone)).date()).days
    if days < 0:
        return ngettext("%(days)d day late", "%(days)d days late", -days) % {"days": -days}, Tone.DANGER
    if days == 0:
        return _("due today"), Tone.WARN
    words = ngettext("due in %(days)d day", "due in %(days)d days", days) % {"days": days}
    return words, Tone.WARN if days <= DAYS_TO_ESCALATE else Tone.NEUTRAL
