"""A real Chromium against the desk's own pages. Errors on the console fail the test: that proves the content policy."""

import base64
import hashlib
import hmac
import os
import shutil
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    missing = not Path(CHROMIUM).exists()
    if missing and not os.environ.get("CI"):
        for item in items:
            if "page" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.skip(reason="Chromium is not installed: apt-get install chromium"))


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    flags = (
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
    )
    return {"executable_path": CHROMIUM, "args": list(flags)}


@pytest.fixture
def quiet_page(page: Page) -> Iterator[Page]:
    """A page whose console must stay free of errors."""
    heard: list[str] = []
    page.on("console", lambda message: heard.append(f"{page.url}: {message.text}") if message.type == "error" else None)
    page.on("pageerror", lambda error: heard.append(f"{page.url}: {error}"))
    page.set_default_timeout(15_000)
    page.set_viewport_size({"width": 1366, "height": 850})
    yield page
    assert heard == []


@pytest.fixture
def picture(quiet_page: Page) -> Callable[[str], None]:
    """Keep a picture of the page under a name, in the folder DESK_PICTURES when it is set."""
    folder = os.environ.get("DESK_PICTURES")

    def take(name: str) -> None:
        if folder:
            quiet_page.screenshot(path=str(Path(folder) / f"{name}.png"), full_page=True)

    return take


def totp(secret: str) -> str:
    """The six digits an authenticator shows now (RFC 6238)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset : offset + 4])[0] & 0x7FFFFFFF) % 10**6:06d}"
