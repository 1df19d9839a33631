"""What the making and proving of backups tells the floors above."""

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from incidents.backups.models import BackupVerification


@dataclass(frozen=True)
class BackupRestored:
    """A backup lies restored in a scratch database that is dropped afterwards.

    A listener answers None, or a sentence that keeps the backup from counting as verified (such as "erasures were not
    replayed"). `url` leads to the scratch database as its owner; `made_at` is the moment the backup shows.
    """

    url: str
    made_at: datetime
    at: datetime


@dataclass(frozen=True)
class BackupVerified:
    """A backup was restored, compared and found whole: evidence for whoever keeps a checklist of it."""

    verification: "BackupVerification"
    at: datetime
