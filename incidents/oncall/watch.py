"""What is wrong with the weeks ahead: nobody on call, both away, addresses without an account."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from config.casework.choices import Tone
from config.casework.words import moment
from incidents.oncall.choices import OnCallPart
from incidents.oncall.feeds import words
from incidents.oncall.models import Rotation
from incidents.oncall.rota import Window, common, gaps, slots
from incidents.oncall.rotas import Loaded, load

AHEAD = timedelta(days=14)


@dataclass(frozen=True)
class Finding:
    """Something to put right, with the sentence that says so.

    Attributes:
        kind: "gap", "both_away" or "no_account".
        start: when it begins; None when it is so all the time.
    """

    kind: str
    rotation: Rotation
    sentence: str
    start: datetime | None = None
    end: datetime | None = None
    tone: Tone = Tone.DANGER


def look_ahead(at: datetime, *, ahead: timedelta = AHEAD) -> list[Finding]:
    """All that is wrong from `at` on, the nearest first, in three questions to the database."""
    rotations = list(Rotation.objects.filter(over=None, retired_at=None).select_related("system"))
    return findings(rotations, load(rotations, at, at + ahead), at, ahead=ahead)


def findings(
    rotations: Sequence[Rotation], loaded: dict[int, Loaded], at: datetime, *, ahead: timedelta = AHEAD
) -> list[Finding]:
    """All that is wrong with rotations that are loaded already."""
    found: list[Finding] = []
    for rotation in rotations:
        found += _of_one(rotation, loaded[rotation.pk], at, at + ahead)
    pairs: dict[int, dict[str, Rotation]] = defaultdict(dict)
    for rotation in rotations:
        if rotation.part:
            pairs[rotation.system_id][rotation.part] = rotation
    for pair in pairs.values():
        if len(pair) == len(OnCallPart):
            found += _both_away([pair[part] for part in OnCallPart], loaded, at, at + ahead)
    return sorted(found, key=lambda one: (one.start is None, one.start or at))


def _of_one(rotation: Rotation, loaded: Loaded, start: datetime, end: datetime) -> list[Finding]:
    zone = loaded.zone
    found = [
        Finding(
            "gap",
            rotation,
            _("Nobody is on call for %(what)s from %(start)s to %(end)s.")
            % {"what": words(rotation), "start": moment(opens, zone), "end": moment(closes, zone)},
            opens,
            closes,
        )
        for opens, closes in gaps(loaded.rota, start, end)
        if rotation.part or not _off_hours(loaded, opens)
    ]
    for address in sorted(key for key in loaded.named if isinstance(key, str)):
        sentence = _("%(address)s takes turns for %(what)s, but has no account.")
        said = {"address": address, "what": words(rotation)}
        found.append(Finding("no_account", rotation, sentence % said, tone=Tone.WARN))
    return found


def _off_hours(loaded: Loaded, at: datetime) -> bool:
    """Whether a rotation of certain hours only is simply not on duty then."""
    return any(plan.rule.hours is not None for plan in loaded.rota.plans()) and all(
        slot.planned is None for slot in slots(loaded.rota, at, at + timedelta(seconds=1))
    )


def _both_away(pair: Sequence[Rotation], loaded: dict[int, Loaded], start: datetime, end: datetime) -> list[Finding]:
    """Times at which those whose turns they are, of both parts, are away at once."""
    away: list[list[Window]] = []
    for rotation in pair:
        told = slots(loaded[rotation.pk].rota, start, end)
        absent = [slot for slot in told if slot.planned is not None and slot.person != slot.planned]
        away.append([(max(slot.start, start), min(slot.end, end)) for slot in absent])
    zone = loaded[pair[0].pk].zone
    return [
        Finding(
            "both_away",
            pair[0],
            _("For %(system)s both whose turn it is are away from %(start)s to %(end)s.")
            % {"system": pair[0].system.name, "start": moment(opens, zone), "end": moment(closes, zone)},
            opens,
            closes,
        )
        for opens, closes in common(*away)
    ]
