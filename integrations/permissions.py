"""What each role may do with what comes in and goes out."""

from config.casework.access.roles import grant
from config.casework.permissions import READERS


def declare() -> None:
    for role in READERS:
        grant(
            role,
            "integrations.view_monitor",
            "integrations.view_alertgroup",
            "integrations.view_alert",
            "integrations.view_delivery",
        )
