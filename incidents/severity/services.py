"""Keep a borrowed severity scheme the same as the lender's (INC-17)."""

from typing import Any

from config.casework.catalogue.models import System
from config.casework.catalogue.rows import sync
from config.casework.catalogue.sections import Changes
from incidents.severity.models import Severity
from incidents.severity.selectors import borrowers

LENT = (
    "name", "meaning", "examples", "rank", "acknowledge", "mitigate", "mitigate_by_release_window", "clock", "warn", "paging",
    "update_every", "postmortem", "phases", "is_untriaged",
)  # fmt: skip


def write_levels(system: System, wanted: dict[str, dict[str, Any]]) -> Changes:
    """Make the levels of a system exactly the wanted ones, by key, and those of who borrows them the same."""
    existing = list(Severity.objects.filter(system=system))
    for row in existing:  # one level may hold the mark; it leaves the old one before the new one gets it
        if row.is_untriaged and not wanted.get(row.key, {}).get("is_untriaged"):
            row.is_untriaged = False
            row.save(update_fields=["is_untriaged"])
    changes = sync(existing, wanted, by="key", make=Severity, system=system)
    for borrower in borrowers(system):
        changes += write_levels(borrower, lent_by(system))
    return changes


def lent_by(lender: System) -> dict[str, dict[str, Any]]:
    """The levels of a system as another one gets them: all but who is paged, which each says itself."""
    rows = Severity.objects.filter(system=lender)
    return {row.key: {name: getattr(row, name) for name in LENT} for row in rows}


def follow_lender(lender: System) -> Changes:
    """Give the borrowers of a scheme its levels as they are now, after an edit by hand."""
    changes = Changes()
    for borrower in borrowers(lender):
        changes += write_levels(borrower, lent_by(lender))
    return changes
