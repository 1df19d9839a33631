"""How work fails, and what may be said about it: exceptions of others may carry addresses in their text."""

from datetime import timedelta
from pathlib import Path

from django.conf import settings

LONGEST = 500
DEEPEST = 12


class Retry(Exception):
    """The work failed for now; it is tried again.

    Args:
        reason: our own coded words about why, without personal data; kept on the row.
        after: what the other side asked for (Retry-After), a floor for the waiting time.
    """

    def __init__(self, reason: str, after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.after = after


class Permanent(Exception):
    """The work cannot succeed as it stands; it is parked for a person.

    Args:
        reason: our own coded words about why, without personal data; kept on the row.
    """


def words(error: BaseException) -> str:
    """What a row may keep of an error: the class, and the text only when it is our own."""
    name = type(error).__name__
    return f"{name}: {error}"[:LONGEST] if isinstance(error, Retry | Permanent) else name


def whereabouts(error: BaseException) -> list[str]:
    """Where an exception arose, the innermost place last, without its text."""
    places = []
    trace = error.__traceback__
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{_short(code.co_filename)}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return places[-DEEPEST:]


def _short(filename: str) -> str:
    path = Path(filename)
    return str(path.relative_to(settings.BASE_DIR)) if path.is_relative_to(settings.BASE_DIR) else path.name
