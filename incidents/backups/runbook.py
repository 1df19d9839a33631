"""The sections of a runbook file on backups: who answers for the desk's own, and which checklist a proven one settles."""

from collections.abc import Iterator

from config.casework.catalogue.fields import Key
from config.casework.catalogue.sections import Context, Finding, Section, setting


def _check_checklist(key: str, context: Context) -> Iterator[Finding]:
    if context.names("checklists"):
        yield from context.unknown(key, section="checklists", location=())


ANSWERS_FOR_DESK: Section[bool] = setting("answers_for_desk", bool, order=66)
"""Trouble with the desk's own backups becomes an incident of this system."""
BACKUP_CHECKLIST: Section[str] = setting("backup_checklist", Key, order=68, check=_check_checklist)
"""The checklist whose steps `verify_backup` ticks when a backup is proven (INC-91)."""
