"""What on-call puts on the first page: who is called now and next, and what must be put right."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.urls import reverse
from django.utils.translation import gettext as _

from config.casework.access.models import User
from config.casework.choices import Tone
from config.casework.desk.dashboard import Card, NextItem
from config.casework.desk.display import Mark, person_name
from config.casework.words import duration_words
from incidents.oncall.choices import OnCallPart, SwapState
from incidents.oncall.feeds import words
from incidents.oncall.models import HandOverNote, Rotation, ShiftSwap
from incidents.oncall.plans import EDIT
from incidents.oncall.rota import Slot, slots
from incidents.oncall.rotas import Loaded, load
from incidents.oncall.selectors import held, roles
from incidents.oncall.watch import AHEAD, Finding, findings

SYSTEMS_NAMED = 3
FINDINGS_NAMED = 3
PROMPT_BEFORE = timedelta(hours=2)
"""How long before the hand-over a note is asked for."""
NOTE_LIVES = timedelta(days=14)
NOTE_SHIFT = timedelta(hours=4)
"""Who hands over after a shorter shift is not asked for a note."""


def schedule_url(rotation: Rotation | None = None) -> str:
    return reverse("admin:incidents_rotation_schedule") + (f"#rotation-{rotation.pk}" if rotation else "")


def card(now: datetime) -> Card:
    """Who is called now and next, in words; red when a part has nobody now, or will have in the next 14 days."""
    rows = roles()
    rotations: list[Rotation] = []
    loaded: dict[int, Loaded] = {}
    if any(row.has_rotation for row in rows):
        rotations, loaded = _loaded(now)
    told = {rotation.pk: _now_and_next(loaded[rotation.pk], now) for rotation in rotations}
    begun = {
        (rotation.system_id, rotation.part): rotation
        for rotation in rotations
        if rotation.part and (begins := loaded[rotation.pk].rota.begins) is not None and begins <= now
    }
    turns = {key: loaded[row.pk].person(told[row.pk][0].person) for key, row in begun.items()}
    pairs = held(rows, turns)
    systems: dict[str, list[str]] = {}
    for duty, person in pairs:
        said = _("%(who)s (%(part)s)") % {"part": OnCallPart(duty.part).label, "who": person_name(person)}
        rotation = begun.get((duty.system_id, duty.part))
        if rotation is not None:
            said += _next_words(loaded[rotation.pk], told[rotation.pk][1], now)
        systems.setdefault(duty.system.name, []).append(said)
    wrong = findings(rotations, loaded, now)
    return Card(
        _("On call"),
        _("%(held)s of %(parts)s") % {"held": sum(person is not None for _duty, person in pairs), "parts": len(pairs)}
        if pairs
        else 0,
        _sentence(systems, wrong),
        schedule_url() if rotations else reverse("admin:incidents_oncallrole_changelist"),
        _tone([person for _duty, person in pairs], wrong),
        60,
    )


def _loaded(now: datetime) -> tuple[list[Rotation], dict[int, Loaded]]:
    rotations = list(Rotation.objects.filter(over=None, retired_at=None).select_related("system"))
    return rotations, load(rotations, now, now + AHEAD)


def _now_and_next(loaded: Loaded, now: datetime) -> tuple[Slot[int | str], Slot[int | str] | None]:
    """The slot of now, and the first one of somebody else."""
    told = slots(loaded.rota, now, now + AHEAD)
    return told[0], next((slot for slot in told[1:] if slot.person not in (None, told[0].person)), None)


def _next_words(loaded: Loaded, following: Slot[int | str] | None, now: datetime) -> str:
    if following is None:
        return ""
    said = {"who": person_name(loaded.person(following.person)), "in": duration_words(following.start - now)}
    return _(", then %(who)s in %(in)s") % said


def _sentence(systems: dict[str, list[str]], wrong: Sequence[Finding]) -> str:
    if not systems:
        return _("on call: no system has on-call parts yet")
    named = [
        _("%(system)s: %(people)s") % {"system": name, "people": ", ".join(people)}
        for name, people in list(systems.items())[:SYSTEMS_NAMED]
    ]
    if len(systems) > SYSTEMS_NAMED:
        named.append(_("and %(count)s more systems") % {"count": len(systems) - SYSTEMS_NAMED})
    sentence = _("on call now. %(who)s") % {"who": "; ".join(named)}
    return f"{sentence}. {wrong[0].sentence}" if wrong else sentence


def _tone(people: Sequence[User | None], wrong: Sequence[Finding]) -> str:
    if not people or None in people or any(one.tone == Tone.DANGER for one in wrong):
        return Tone.DANGER
    return Tone.WARN if wrong else ""


# --- what to do next -------------------------------------------------------------------------------------------------------


def next_steps(user: User, now: datetime) -> list[NextItem]:
    """What one person should do about the duty: read and write hand-over notes, take offers, fill gaps."""
    if not user.has_perm("incidents.add_handovernote"):
        return []
    rotations, loaded = _loaded(now)
    if not rotations:
        return []
    mine, leaving = [], []
    for rotation in rotations:
        current, _following = _now_and_next(loaded[rotation.pk], now)
        if current.person != user.pk:
            continue
        mine.append(rotation)
        if current.end - now <= PROMPT_BEFORE and current.end - current.start >= NOTE_SHIFT:
            leaving.append((rotation, current))
    items = [*_notes(user, mine, now), *_to_write(user, leaving, now), *_offers(user, rotations, loaded, now)]
    if user.has_perm(EDIT):
        items += [_to_fix(one) for one in findings(rotations, loaded, now)[:FINDINGS_NAMED]]
    return items


def _notes(user: User, mine: list[Rotation], now: datetime) -> list[NextItem]:
    if not mine:
        return []
    rows = HandOverNote.objects.filter(rotation__in=mine, read_at=None, written_at__gte=now - NOTE_LIVES)
    return [
        NextItem(
            what=_("Read the hand-over note"),
            reference="",
            title=_("%(what)s, from %(who)s") % {"what": words(row.rotation), "who": person_name(row.author)},
            url=reverse("admin:incidents_handovernote_change", args=[row.pk]),
            due_at=row.written_at,
        )
        for row in rows.exclude(author=user).select_related("author", "rotation__system").order_by("written_at")[:3]
    ]


def _to_write(user: User, leaving: list[tuple[Rotation, Slot[int | str]]], now: datetime) -> list[NextItem]:
    if not leaving:
        return []
    first = min(slot.start for _rotation, slot in leaving)
    written = set(HandOverNote.objects.filter(author=user, written_at__gte=first).values_list("rotation_id", flat=True))
    return [
        NextItem(
            what=_("Write the hand-over note"),
            reference="",
            title=_("%(what)s, you hand over in %(in)s")
            % {"what": words(rotation), "in": duration_words(slot.end - now)},
            url=f"{reverse('admin:incidents_handovernote_add')}?rotation={rotation.pk}",
            due_at=slot.end,
        )
        for rotation, slot in leaving
        if rotation.pk not in written
    ]


def _offers(user: User, rotations: list[Rotation], loaded: dict[int, Loaded], now: datetime) -> list[NextItem]:
    possible = [rotation for rotation in rotations if user.pk in loaded[rotation.pk].named]
    if not possible:
        return []
    rows = ShiftSwap.objects.filter(rotation__in=possible, state=SwapState.OFFERED, ends_at__gt=now)
    return [
        NextItem(
            what=_("Take an offered shift, or leave it"),
            reference="",
            title=_("%(what)s, offered by %(who)s") % {"what": words(row.rotation), "who": person_name(row.offered_by)},
            url=reverse("admin:incidents_shiftswap_change", args=[row.pk]),
            due_at=row.starts_at,
        )
        for row in rows.exclude(offered_by=user).select_related("offered_by", "rotation__system")[:3]
    ]


def _to_fix(finding: Finding) -> NextItem:
    return NextItem(
        what=_("Put the on-call plan right"),
        reference="",
        title=finding.sentence,
        url=schedule_url(finding.rotation),
        due_at=finding.start,
        badge=Mark(_("on call"), str(finding.tone)),
    )
