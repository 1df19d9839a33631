from config.casework.access.models import ApiToken, Membership, User
from config.casework.api.models import IdempotencyKey
from config.casework.approvals.models import Approval, Deputy, Signature
from config.casework.audit.models import AuditEntry, AuditSeal, SubjectPseudonym
from config.casework.cases.models import Case, Note, ReferenceCounter
from config.casework.catalogue.models import Calendar, Organization, System
from config.casework.deadlines.models import Deadline
from config.casework.files.models import StoredFile
from config.casework.front.models import RateCounter
from config.casework.links.models import Grant
from config.casework.work.models import Heartbeat, Job

__all__ = [
    "ApiToken",
    "Approval",
    "AuditEntry",
    "AuditSeal",
    "Calendar",
    "Case",
    "Deadline",
    "Deputy",
    "Grant",
    "Heartbeat",
    "IdempotencyKey",
    "Job",
    "Membership",
    "Note",
    "Organization",
    "RateCounter",
    "ReferenceCounter",
    "Signature",
    "StoredFile",
    "SubjectPseudonym",
    "System",
    "User",
]
