"""The admin pages of the dispute desk's rooms."""

from disputes.review import admin as review

__all__ = ["review"]
