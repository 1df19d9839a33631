"""The API class of the desk: strict bodies, problems as errors, and a schema that says so."""

from typing import Any

from ninja import NinjaAPI
from ninja.openapi.schema import OpenAPISchema

from config.casework.api import errors
from config.casework.api.bodies import StrictParser
from config.casework.api.schemas import Problem

REFUSALS = frozenset({400, 401, 403, 413, 422, 429, 503})


def answers(success: dict[int, Any], *further: int) -> dict[Any, Any]:
    """The responses of a call for its `response=`: what it gives, and the problems it may answer with.

    Args:
        further: statuses beyond those of every call, such as 404 or 409.
    """
    return {**success, REFUSALS | frozenset(further): Problem}


class DeskAPI(NinjaAPI):
    """A ninja API whose errors are problem+json, in the answers and in the schema."""

    def __init__(self, **options: Any) -> None:
        super().__init__(parser=StrictParser(), **options)
        errors.install(self)

    def get_openapi_schema(self, **options: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**options)
        for methods in schema["paths"].values():
            for operation in methods.values():
                for status, response in operation["responses"].items():
                    content = response.get("content", {})
                    if int(status) >= 400 and "application/json" in content:
                        content[errors.CONTENT_TYPE] = content.pop("application/json")
        return schema
