"""`manage.py ops_report`: how the desk and the machine below it are doing, as text."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.casework import clock
from config.casework.management.commands.tick import parse_moment
from incidents.figures import machine
from incidents.figures.machine import Told
from incidents.figures.reports import DAILY, REPORTS

DB = "db"
PARTS = (*REPORTS, DB, "slow-queries", "disk", "host", "clock")


class Command(BaseCommand):
    """Exit codes: 0 done, 1 something of it is wrong (it stands on standard error), 2 bad usage."""

    help = "Tells the report of the day or the week, or figures of database, disk, host and clock."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("part", nargs="?", choices=PARTS, default=DAILY, help="what to tell (%(default)s)")
        parser.add_argument("--sizes", action="store_true", help="with db: all tables, the largest first")
        parser.add_argument("--now", metavar="ISO", help="the moment of the report, ISO 8601 with zone")

    def handle(self, *, part: str, sizes: bool, now: str | None, **options: Any) -> None:
        """Tell one part.

        Raises:
            CommandError: bad usage (exit status 2), or something is wrong (exit status 1).
        """
        if sizes and part != DB:
            raise CommandError("--sizes goes with db", returncode=2)
        moment = parse_moment(now) if now else clock.now()
        if part in REPORTS:
            with clock.at(moment):
                self.stdout.write(REPORTS[part](moment).text.rstrip())
            return
        told = self._told(part, sizes=sizes)
        for line in told.lines:
            self.stdout.write(line)
        if told.wrong:
            raise CommandError("; ".join(told.wrong), returncode=1)

    def _told(self, part: str, *, sizes: bool) -> Told:
        match part:
            case "db":
                return machine.database(sizes=sizes)
            case "slow-queries":
                return machine.slow_queries()
            case "disk":
                return machine.disk()
            case "host":
                return machine.host()
        return machine.clock_skew()
