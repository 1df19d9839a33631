"""`manage.py verify_backup PATH`: prove that a backup can be restored, by restoring it."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.casework import clock
from config.casework.management.commands.tick import parse_moment, refuse_in_production
from incidents.backups.choices import VerificationState
from incidents.backups.verification import verify_backup


class Command(BaseCommand):
    """Exit codes: 0 verified, 1 it is not (the findings stand on standard output), 2 bad usage."""

    help = "Restore the newest backup below PATH (or PATH itself) into a scratch database and compare everything."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("path", type=Path, metavar="PATH", help="a backup, or the folder that holds them")
        parser.add_argument("--now", metavar="ISO", help="the moment the result bears, ISO 8601 with zone")

    def handle(self, *, path: Path, now: str | None, **options: Any) -> None:
        """Verify once.

        Raises:
            CommandError: there is no such folder (exit status 2).
        """
        if not path.is_dir():
            raise CommandError(f"{path} is no folder", returncode=2)
        refuse_in_production(now=now, drill=False)
        moment = parse_moment(now) if now else clock.now()
        row = verify_backup(path.resolve(), at=moment)
        if row.state == VerificationState.VERIFIED:
            self.stdout.write(
                f"verified: {row.place}: {row.tables} tables, {row.rows} rows, {row.files} files, "
                f"{row.audit_entries} entries of the trail"
            )
            return
        word = "held back" if row.state == VerificationState.HELD else "failed"
        self.stdout.write(f"{word}: {row.place}")
        for line in row.finding.splitlines():
            self.stdout.write(f"  {line}")
        raise SystemExit(1)
