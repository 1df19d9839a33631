"""Add a person to the desk, or give one further roles."""

import argparse
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from config.casework import clock
from config.casework.access.choices import Role
from config.casework.access.services import add_person
from config.casework.catalogue.models import Organization


class Command(BaseCommand):
    help = "Adds a person with roles and prints a one-time password; an existing person gets the roles besides."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("email")
        parser.add_argument("--role", action="append", default=[], help=f"Once for each: {', '.join(Role.values)}.")
        parser.add_argument(
            "--organization", metavar="KEY", help="Where the person belongs; the operator when left out."
        )

    def handle(self, *_args: Any, email: str, role: list[str], organization: str | None, **_options: Any) -> None:
        unknown = [one for one in role if one not in Role.values]
        if unknown:
            raise CommandError(f"unknown role: {', '.join(unknown)}; roles are {', '.join(Role.values)}", returncode=2)
        place = Organization.objects.filter(key=organization).first() if organization else None
        if organization and place is None:
            raise CommandError(f"unknown organization: {organization}", returncode=2)
        try:
            person, password = add_person(
                email, roles=[Role(one) for one in role], actor=None, at=clock.now(), organization=place
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages), returncode=2) from error
        if password is None:
            self.stderr.write(f"{person} was there already and has the roles now; the password stays as it is.")
        else:
            self.stdout.write(password)
