"""`manage.py backup PATH`: save database, files and runbooks into a dated folder."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.casework import clock
from config.casework.management.commands.tick import parse_moment, refuse_in_production
from incidents.backups.choices import BackupResult
from incidents.backups.services import KEEP, back_up


class Command(BaseCommand):
    """Exit codes: 0 saved, 1 it failed (an incident is open), 2 refused."""

    help = "Save the desk into a dated folder below PATH: database, files, runbooks, heads of the trail, manifest. Keys are not in it."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, metavar="PATH", help="the folder that holds the backups")
        parser.add_argument(
            "--keep-days",
            type=int,
            default=KEEP.days,
            metavar="N",
            help="remove backups that are older; the newest stays (%(default)s)",
        )
        parser.add_argument(
            "--now", metavar="ISO", help="the moment it bears, ISO 8601 with zone; the present by default"
        )

    def handle(self, *, path: Path, keep_days: int, now: str | None, **options: Any) -> None:
        """Back up once.

        Raises:
            CommandError: bad usage (exit status 2), or it failed (exit status 1).
        """
        if keep_days < 1:
            raise CommandError("--keep-days: give a number of at least 1", returncode=2)
        if path.exists() and not path.is_dir():
            raise CommandError(f"{path} is no folder", returncode=2)
        refuse_in_production(now=now, drill=False)
        moment = parse_moment(now) if now else clock.now()
        run = back_up(path.resolve(), at=moment, keep=timedelta(days=keep_days))
        if run.result == BackupResult.FAILED:
            raise CommandError(f"the backup failed: {run.error}", returncode=1)
        head = f"; head of the trail {run.head}" if run.head else ""
        self.stdout.write(f"{run.place}\n{run.rows} rows, {run.files} files, {run.size} bytes{head}")
