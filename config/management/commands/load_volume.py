"""`manage.py load_volume --cases N`: bench data, to measure what the desk costs when it is full."""

import time
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.casework import clock
from config.casework.catalogue.models import System
from disputes.assessments import volume as assessed
from incidents import volume


class Command(BaseCommand):
    """Exit codes: 0 done, 2 refused."""

    help = "Write N made-up incidents of two years, 2 % of them open, with clocks, notes and trail. They cannot be taken off again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--cases", type=int, default=0, metavar="N", help="how many incidents to add")
        parser.add_argument("--assessments", type=int, default=0, metavar="N", help="how many assessments to add")

    def handle(self, *, cases: int, assessments: int = 0, verbosity: int, **options: Any) -> None:
        """Add the cases and assessments.

        Raises:
            CommandError: the desk is in production, or N is not positive.
        """
        if settings.PRODUCTION:
            raise CommandError(
                "load_volume is refused in production: bench data cannot be taken off the trail again", returncode=2
            )
        if min(cases, assessments) < 0 or cases + assessments < 1:
            raise CommandError("--cases: give a number of at least 1, or --assessments", returncode=2)
        if not System.objects.filter(key=volume.SYSTEM).exists():
            call_command("load_runbooks", changed=True, verbosity=0)
        for what, count, load in (("cases", cases, volume.load), ("assessments", assessments, assessed.load)):
            if not count:
                continue
            started = time.monotonic()
            total = load(count, at=clock.now())
            if verbosity:
                seconds = time.monotonic() - started
                self.stdout.write(f"{count:,} {what} added in {seconds:.1f} s; {total:,} of this kind are there now.")
