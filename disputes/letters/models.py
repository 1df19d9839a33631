"""What was told to whom about a dispute, one row for each person, tracked until it arrived."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone, TonedChoices
from config.casework.personal import Erasure, Subject, holds, personal
from integrations.messages.models import Message


class Audience(TonedChoices):
    CANDIDATE = "candidate", Tone.INFO, _("candidate")
    EMPLOYER = "employer", Tone.INFO, _("employer")
    RECIPIENT = "recipient", Tone.NEUTRAL, _("recipient of the label")


class LetterKind(TonedChoices):
    CONFIRM = "confirm", Tone.NEUTRAL, _("please confirm")
    UNKNOWN = "unknown", Tone.NEUTRAL, _("nothing found")
    ACCEPTED = "accepted", Tone.INFO, _("accepted")
    JOINED = "joined", Tone.INFO, _("added to the dispute")
    UNDER_REVIEW = "under_review", Tone.INFO, _("under review")
    TAKEN = "taken", Tone.INFO, _("a person has it")
    CALL = "call", Tone.INFO, _("appointment for the call")
    OUTCOME = "outcome", Tone.OK, _("outcome")
    APPEAL = "appeal", Tone.INFO, _("appeal received")
    UNDECIDED = "undecided", Tone.DANGER, _("withdrawn undecided")
    ENDED = "ended", Tone.NEUTRAL, _("ended by the candidate")


@personal(
    plain=("kind", "audience", "key"),
    case="dispute",
    name=holds(Subject.CONTACT, erase=Erasure.CLEAR),
)
class Letter(models.Model):
    """One letter. Without an address it waits for a person who tells them by hand."""

    dispute = models.ForeignKey("disputes.Dispute", on_delete=models.CASCADE, related_name="letters")
    kind = models.CharField(max_length=14, choices=LetterKind)
    audience = models.CharField(max_length=10, choices=Audience)
    name = models.CharField(_("to"), max_length=254, blank=True)
    key = models.CharField(max_length=120, unique=True, editable=False)
    message = models.ForeignKey(Message, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    written_at = models.DateTimeField()
    told_by_hand_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("written_at", "pk")
        default_permissions = ("view", "change")
        verbose_name = _("letter")
        indexes = [
            models.Index(fields=["written_at"], condition=Q(message=None, told_by_hand_at=None), name="letter_by_hand"),
        ]

    def __str__(self) -> str:
        return f"letter {self.kind} {self.pk}"
