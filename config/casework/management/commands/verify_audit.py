"""`manage.py verify_audit`: is the trail whole?"""

from typing import Any

from django.core.management.base import BaseCommand

from config.casework.audit.verification import examine


class Command(BaseCommand):
    """Prove that nothing in the trail was changed, removed, slipped in, reordered or cut off."""

    help = "Verify the audit trail: exit 0 when it is whole, 1 with one line for each thing that is wrong."

    def handle(self, **options: Any) -> None:
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
