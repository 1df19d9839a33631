#!/usr/bin/env python
"""Run a management command of the desk, with its database at hand."""

import gc
import os
import sys

from django.core.management import execute_from_command_line

from config.postgres import ServerError, for_command


def main() -> None:
    """Run the command named in the arguments."""
    gc.set_threshold(50_000)  # loading makes many objects, and they stay
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    try:
        with for_command(sys.argv):
            execute_from_command_line(sys.argv)
    except ServerError as error:
        print(f"manage.py: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
