"""Load the desk ahead of time: `python -m config.standby PROGRAM ...` waits for a line on standard input, then is PROGRAM.

`up` starts its children this way, so that they load while the database is made ready. The end of the input without a
line says that `up` is gone; then there is nothing to do.
"""

import gc
import os
import sys
from importlib import import_module

import django
from django.conf import settings
from django.core.management import call_command


def main() -> None:
    """Load everything, wait, and run gunicorn or a management command in this very process."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    gc.disable()
    django.setup()
    import_module(settings.ROOT_URLCONF)
    gunicorn = import_module("gunicorn.app.wsgiapp")
    gc.freeze()  # what is loaded stays: forks share it and no collection walks through it
    gc.enable()
    if not sys.stdin.readline():
        return
    sys.argv = sys.argv[1:]
    if sys.argv[0] == "gunicorn":
        gunicorn.run()
    else:
        call_command(*sys.argv)


if __name__ == "__main__":
    main()
