"""A client as an operated system would write it: two seconds, and without an answer it decides for the person."""

import json
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

SECONDS = 2


class Platform:
    """Asks the desk what it may show and do."""

    def __init__(self, base: str, token: str) -> None:
        self.base, self.token = base, token

    def label(self, assessment: str) -> str | None:
        """The label to show; none without an answer."""
        answer = self._call("GET", f"/api/assessments/{assessment}/standing")
        return answer["label"] if answer else None

    def may_reject(self, assessment: str, *reasons: str) -> bool:
        """Whether a rejection may go out by itself; not without an answer."""
        body = {"assessment": assessment, "reasons": list(reasons), "decision": "reject"}
        answer = self._call("POST", "/api/hiring-decisions/check", body)
        return bool(answer and answer["allowed"])

    def _call(self, method: str, path: str, body: Any = None) -> dict[str, Any] | None:
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        try:
            with urlopen(Request(self.base + path, data, headers, method=method), timeout=SECONDS) as response:
                answer: dict[str, Any] = json.load(response)
                return answer
        except (HTTPError, OSError, ValueError):
            return None
