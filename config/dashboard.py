"""The first page of the desk: what one should do next."""

from typing import Any

from django.http import HttpRequest


def context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    return context


def navigation(request: HttpRequest) -> list[dict[str, Any]]:
    return []
