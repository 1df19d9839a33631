"""Disputes and explanations on the HTTP API of cases; the rules are those of every other way."""

from datetime import datetime
from typing import Any

from config.casework.access.actors import Actor
from config.casework.access.models import User
from config.casework.cases.kinds import Kind, register
from config.casework.cases.models import Case
from config.casework.transitions import apply
from disputes.choices import OPEN_STATES
from disputes.explanations.models import OPEN, Explanation
from disputes.models import Dispute


def take(case: Case, name: str, *, actor: Actor, at: datetime | None, reason: str, **values: Any) -> object:
    """A token takes no step that is a person's: the machine refuses it in words."""
    return apply(case, name, actor=actor, at=at, reason=reason, **values)


def _details(dispute: Any) -> dict[str, Any]:
    return {"severity": None, "acknowledged_at": getattr(dispute, "acknowledged_at", None)}


def _nobody(_case: Any, _key: str) -> User | None:
    return None


DISPUTE = register(
    Kind(
        key="dispute",
        model=Dispute,
        open_states=tuple(OPEN_STATES),
        details=_details,
        lookups={"acknowledged_by": _nobody, "decided_by": _nobody},
        take=take,
        extras={},
    )
)
EXPLANATION = register(
    Kind(
        key="explanation",
        model=Explanation,
        open_states=tuple(OPEN),
        details=_details,
        lookups={},
        take=take,
        extras={},
    )
)
