"""`manage.py load_volume --cases N`: bench data, to measure what the desk costs when it is full."""

import time
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.casework import clock
from config.casework.catalogue.models import System
from incidents import volume


class Command(BaseCommand):
    """Exit codes: 0 done, 2 refused."""

    help = "Write N made-up incidents of two years, 2 % of them open, with clocks, notes and trail. They cannot be taken off again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--cases", type=int, required=True, metavar="N", help="how many incidents to add")

    def handle(self, *, cases: int, verbosity: int, **options: Any) -> None:
        """Add the cases.

        Raises:
            CommandError: the desk is in production, or N is not positive.
        """
        if settings.PRODUCTION:
            raise CommandError(
                "load_volume is refused in production: bench data cannot be taken off the trail again", returncode=2
            )
        if cases < 1:
            raise CommandError("--cases: give a number of at least 1", returncode=2)
        if not System.objects.filter(key=volume.SYSTEM).exists():
            call_command("load_runbooks", changed=True, verbosity=0)
        started = time.monotonic()
        total = volume.load(cases, at=clock.now())
        if verbosity:
            self.stdout.write(
                f"{cases:,} cases added in {time.monotonic() - started:.1f} s; {total:,} of this kind are there now."
            )
