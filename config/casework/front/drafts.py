"""What was typed on earlier pages of a long form, sealed and carried by the page itself: no cookie, no row."""

import base64
import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from django.http import QueryDict
from django.utils.datastructures import MultiValueDict

from config.casework import crypto
from config.casework.front.forms import DRAFT, TRAP, PublicForm

LIFETIME = timedelta(hours=24)
MAX_LETTERS = 200_000


class BadDraft(Exception):
    """A draft was altered, belongs to another form, or is too old."""


@dataclass(frozen=True)
class Draft:
    """The typed values of the pages that are done, in order. Files cannot be carried: ask for them on the last page."""

    form: str
    pages: tuple[dict[str, list[str]], ...] = ()
    at: str = ""

    @classmethod
    def read(cls, form: str, text: str, *, at: datetime) -> Self:
        """Open a sealed draft; an empty text is an empty draft.

        Raises:
            BadDraft: altered, of another form, or older than a day.
        """
        if not text:
            return cls(form)
        if len(text) > MAX_LETTERS:
            raise BadDraft
        try:
            plain = json.loads(crypto.decrypt(f"draft:{form}", base64.urlsafe_b64decode(text.encode("ascii"))))
        except (ValueError, crypto.DecryptionFailed) as error:
            raise BadDraft from error
        if at - datetime.fromisoformat(plain["at"]) > LIFETIME:
            raise BadDraft
        return cls(form, tuple(plain["pages"]), plain["at"])

    def sealed(self) -> str:
        """The draft as text for a hidden field; an empty draft is an empty text."""
        if not self.pages:
            return ""
        plain = json.dumps({"pages": self.pages, "at": self.at}).encode()
        return base64.urlsafe_b64encode(crypto.encrypt(f"draft:{self.form}", plain)).decode("ascii")

    def with_page(self, posted: QueryDict, *, at: datetime) -> Self:
        """The draft with one more page, as it was typed."""
        left_out = {DRAFT, TRAP, "csrfmiddlewaretoken"}
        page = {name: posted.getlist(name) for name in posted if name not in left_out}
        return type(self)(self.form, (*self.pages, page), at.isoformat())

    def without_last(self) -> Self:
        return type(self)(self.form, self.pages[:-1], self.at)

    def last(self) -> MultiValueDict[str, str]:
        """What was typed on the last page that is done."""
        return MultiValueDict(self.pages[-1])

    def values(self, steps: tuple[type[PublicForm], ...]) -> dict[str, Any]:
        """The cleaned values of all pages that are done.

        Raises:
            BadDraft: the form changed since, and what was typed no longer fits.
        """
        values: dict[str, Any] = {}
        for step, page in zip(steps, self.pages, strict=False):
            form = step(data=MultiValueDict(page))
            if not form.is_valid():
                raise BadDraft
            values |= form.values
        return values
