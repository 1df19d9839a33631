"""`manage.py demo [--remove]`: a made-up week of incidents for newcomers, clearly marked, and gone when told."""

from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from config.casework import clock
from config.casework.catalogue.models import System
from incidents.demo import services


class Command(BaseCommand):
    """Exit codes: 0 done, also when there was nothing to do; 2 refused."""

    help = "Fill the desk with a made-up week of incidents; nothing of it is ever sent."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--remove", action="store_true", help="delete the made-up incidents and people; the trail stays"
        )

    def handle(self, *, remove: bool, verbosity: int, **options: Any) -> None:
        """Add the demo once, or remove it.

        Raises:
            CommandError: the desk is in production.
        """
        if settings.PRODUCTION:
            raise CommandError(
                "demo is refused in production: made-up cases have no place among real ones", returncode=2
            )
        if remove:
            count = services.remove(at=clock.now())
            words = (
                f"{count} made-up incidents and their people are gone; the trail keeps that they were there."
                if count
                else "There is no demo here."
            )
        else:
            if not System.objects.filter(key=services.SYSTEM).exists():
                call_command("load_runbooks", changed=True, verbosity=0)
            count = services.seed(at=clock.now())
            words = (
                f"{count} made-up incidents, marked “Demo”; nothing of them is ever sent. Take them off with: manage.py demo --remove"
                if count
                else "The demo is here already."
            )
        if verbosity:
            self.stdout.write(words)
