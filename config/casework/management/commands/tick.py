"""`manage.py tick`: do everything that is due, at this moment or at another one."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from config.casework import clock
from config.casework.work.services import tick


class Command(BaseCommand):
    """Run all sweeps and do all due work in this process, until nothing more is due."""

    help = "Do everything that is due: clocks, escalations, messages, seals ..."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--now", metavar="ISO", help="the moment to act at, ISO 8601 with zone; the present one by default"
        )
        parser.add_argument(
            "--drill", action="store_true", help="write to the drill lane only (production needs it with --now)"
        )

    def handle(self, **options: Any) -> None:
        """Tick once.

        Raises:
            CommandError: refused or a bad time (exit status 2), or a sweep failed (exit status 1).
        """
        refuse_in_production(now=options["now"], drill=options["drill"])
        moment = parse_moment(options["now"]) if options["now"] else clock.now()
        try:
            done = tick(moment)
        except ExceptionGroup as group:
            names = ", ".join(sorted({type(error).__name__ for error in group.exceptions}))
            raise CommandError(
                f"{len(group.exceptions)} sweeps failed ({names}); the log says where", returncode=1
            ) from group
        self.stdout.write(f"{done} things done at {moment.isoformat()}")


def refuse_in_production(*, now: str | None, drill: bool) -> None:
    """Another moment is for development: in production it would send what is not due.

    Raises:
        CommandError: the desk is in production.
    """
    if not settings.PRODUCTION:
        return
    if drill:
        raise CommandError(
            "--drill: production has no drill lane yet; run drills on a desk with DESK_ENV=development", returncode=2
        )
    if now:
        raise CommandError(
            "--now is refused in production without --drill: it would send what is not due", returncode=2
        )


def parse_moment(text: str, *, option: str = "--now") -> datetime:
    """Read the moment of an option, which the message names.

    Raises:
        CommandError: it cannot be read or has no zone.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(
            f"{option}: {text!r} is no ISO 8601 time such as 2026-03-09T10:00:00+01:00", returncode=2
        ) from error
    if timezone.is_naive(moment):
        raise CommandError(f"{option}: {text!r} has no zone; add Z or an offset such as +01:00", returncode=2)
    return moment
