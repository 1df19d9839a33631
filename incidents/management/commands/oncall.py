"""`manage.py oncall`: who is or will be on call."""

import json
from argparse import ArgumentParser
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from config.casework import clock
from config.casework.management.commands.tick import parse_moment
from config.casework.words import moment
from incidents.oncall.models import Rotation
from incidents.oncall.selectors import Shift, begins_at, shifts

WRONG, REFUSED = 1, 2
LONGEST = timedelta(days=3660)


class Command(BaseCommand):
    """Exit codes: 0 told, 1 at some moment nobody is on call, 2 refused."""

    help = "Says who is on call now, at a moment, or in a stretch of time: each shift with its start and end."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--rotation", metavar="KEY", help="one rotation, as KEY or SYSTEM.KEY; all when left out")
        parser.add_argument("--at", metavar="ISO", help="a moment, ISO 8601 with zone; now when left out")
        parser.add_argument("--from", dest="start", metavar="ISO", help="the start of a stretch of time, with --to")
        parser.add_argument("--to", dest="end", metavar="ISO", help="its end, which does not belong to it")
        parser.add_argument("--json", action="store_true", help="a list of shifts as JSON")

    def handle(
        self, *, rotation: str | None, at: str | None, start: str | None, end: str | None, **options: Any
    ) -> None:
        """Tell the shifts, whole, in order.

        Raises:
            CommandError: refused (exit status 2), or somewhere nobody is on call (1).
        """
        opens, closes = _stretch(at, start, end)
        found: list[Shift] = []
        for row in _rotations(rotation):
            begins = begins_at(row)
            if begins is not None and begins < closes:
                found += shifts(row, max(opens, begins), closes)
        if options["json"]:
            self.stdout.write(json.dumps([_plain(shift) for shift in found], indent=2))
        else:
            for shift in found:
                self.stdout.write(_line(shift))
        self._report(found)

    def _report(self, found: list[Shift]) -> None:
        for address in sorted({shift.address for shift in found if shift.planned is None and shift.address}):
            self.stderr.write(f"{address} takes turns, but has no account: manage.py staff {address} --role ROLE")
        empty = [shift for shift in found if shift.person is None and not shift.address]
        absent = [shift for shift in found if shift.person is None and shift.planned is not None]
        if empty or absent:
            raise CommandError(f"nobody is on call in {len(empty) + len(absent)} stretches of time", returncode=WRONG)


def _stretch(at: str | None, start: str | None, end: str | None) -> tuple[datetime, datetime]:
    if at is not None and (start is not None or end is not None):
        raise CommandError("--at goes without --from and --to", returncode=REFUSED)
    if (start is None) != (end is None):
        raise CommandError("--from and --to go together", returncode=REFUSED)
    if start is None or end is None:
        moment_asked = parse_moment(at, option="--at") if at is not None else clock.now()
        return moment_asked, moment_asked + timedelta(microseconds=1)
    opens, closes = parse_moment(start, option="--from"), parse_moment(end, option="--to")
    if closes <= opens:
        raise CommandError(f"--to: {end!r} is not later than --from", returncode=REFUSED)
    if closes - opens > LONGEST:
        raise CommandError("--to: at most ten years after --from", returncode=REFUSED)
    return opens, closes


def _rotations(name: str | None) -> list[Rotation]:
    rows = Rotation.objects.filter(retired_at=None).select_related("system").order_by("system__key", "part", "key")
    if name is None:
        return list(rows.filter(over=None))
    found = [row for row in rows if name in (row.key, str(row))]
    if not found:
        known = ", ".join(str(row) for row in rows) or "there is none yet"
        raise CommandError(f"--rotation: {name!r} is unknown (known: {known})", returncode=REFUSED)
    return found


def _plain(shift: Shift) -> dict[str, str | None]:
    """The shift as the contract says; an address without an account still says whose turn it is."""
    return {
        "rotation": shift.rotation.key,
        "person": _address(shift),
        "start": shift.start.isoformat(),
        "end": shift.end.isoformat(),
        "source": shift.source,
    }


def _address(shift: Shift) -> str | None:
    if shift.person is not None:
        return shift.person.email
    return shift.address or None if shift.planned is None else None


def _line(shift: Shift) -> str:
    zone = shift.rotation.zone
    who = shift.person.get_full_name() if shift.person else _address(shift) or "NOBODY"
    by_hand = " (entered by hand)" if shift.source == "override" else ""
    return f"{shift.rotation}: {who}, {moment(shift.start, zone)} to {moment(shift.end, zone)}{by_hand}"
