"""What the floor of messages tells the floors above."""

from dataclasses import dataclass
from datetime import datetime

from integrations.messages.models import Message


@dataclass(frozen=True)
class MessageFailed:
    """A message did not leave, and no further attempt is made; whoever sent it may choose another channel."""

    message: Message
    at: datetime


@dataclass(frozen=True)
class MessageAccepted:
    """The next server took a message; it may still come back."""

    message: Message
    at: datetime
