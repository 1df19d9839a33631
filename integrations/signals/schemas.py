"""The webhook message of Alertmanager, version 4."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ModelWrapValidatorHandler, PrivateAttr, model_validator
from pydantic_core import PydanticCustomError

from config.casework import clock
from config.casework.api.schemas import AHEAD, Input, Moment, read_moment


def _read_end(value: Any) -> Any:
    """The year 1 is how Go writes "no time": the alert is still open."""
    if value is None or value == "" or (isinstance(value, str) and value.startswith("0001-")):
        return None
    return read_moment(value)


def _has_name(labels: dict[str, str]) -> dict[str, str]:
    if len(labels.get("alertname", "")) > 200:
        raise PydanticCustomError("alertname", "The label alertname has at most 200 characters.")
    return labels


type Labels = dict[str, str]
End = Annotated[datetime | None, BeforeValidator(_read_end)]


class AlertmanagerAlert(Input):
    """One alert of a message."""

    status: Literal["firing", "resolved"]
    labels: Annotated[Labels, AfterValidator(_has_name)]
    annotations: Labels = {}
    startsAt: Moment
    endsAt: End = None
    generatorURL: str = ""
    fingerprint: str = Field(min_length=1, max_length=64, pattern=r"^[0-9A-Za-z_-]+$")

    @model_validator(mode="after")
    def _resolved_in_the_past(self) -> "AlertmanagerAlert":
        if self.status == "resolved" and self.endsAt is not None and self.endsAt > clock.now() + AHEAD:
            raise PydanticCustomError(
                "time_ahead", "It is resolved, yet endsAt lies more than 5 minutes in the future."
            )
        return self


class AlertmanagerMessage(Input):
    """A group of alerts as Alertmanager posts it."""

    version: Literal["4"] = "4"
    groupKey: str = Field(min_length=1, max_length=20_000)
    status: Literal["firing", "resolved"]
    receiver: str = Field(default="", max_length=200)
    truncatedAlerts: int = Field(default=0, ge=0, le=2_147_483_647)
    groupLabels: Labels = {}
    commonLabels: Labels = {}
    commonAnnotations: Labels = {}
    externalURL: str = Field(default="", max_length=2_000)
    alerts: list[AlertmanagerAlert]

    _raw: dict[str, Any] = PrivateAttr(default_factory=dict)

    @model_validator(mode="wrap")
    @classmethod
    def _keep_raw(cls, data: Any, handler: ModelWrapValidatorHandler["AlertmanagerMessage"]) -> "AlertmanagerMessage":
        message = handler(data)
        message._raw = data if isinstance(data, dict) else message.model_dump(mode="json")
        return message

    @property
    def raw(self) -> dict[str, Any]:
        """The message as it came."""
        return self._raw


class Ingested(Input):
    """What came of a message: how many alerts it held, and the cases they belong to."""

    accepted: int
    incidents: list[str]
