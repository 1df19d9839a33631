"""`manage.py verify_audit`: is the trail whole?"""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from config.casework import clock
from config.casework.audit.verification import examine
from config.casework.management.commands.tick import parse_moment


class Command(BaseCommand):
    """Prove that nothing in the trail was changed, removed, slipped in, reordered or cut off."""

    help = "Verify the audit trail: exit 0 when it is whole, 1 with one line for each thing that is wrong."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--now", metavar="ISO", help="judge what is not sealed yet as of this moment (for restored backups)"
        )

    def handle(self, *, now: str | None, **options: Any) -> None:
        with clock.at(parse_moment(now) if now else clock.now()):
            report = examine()
        if report.findings:
            for finding in report.findings:
                self.stdout.write(f"{finding.code}: {finding.text}")
            raise SystemExit(1)
        head = (
            f"last head {report.head.number} {report.head.mac}, head file from seal {report.heads_from}"
            if report.head
            else "nothing is sealed yet"
        )
        self.stdout.write(f"ok: {report.entries} entries, {report.sealed} of them under {report.seals} seals; {head}")
