"""Make an API token and print it, alone on one line."""

import argparse
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from config.casework import clock
from config.casework.access.choices import Scope
from config.casework.access.services import issue_token

NAME_LENGTH = 80


class Command(BaseCommand):
    help = "Makes an API token and prints it; it is shown this once."

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("name", help="What the token is for, such as alertmanager.")
        parser.add_argument(
            "--scope", action="append", default=[], help=f"What it may do; once for each: {', '.join(Scope.values)}."
        )

    def handle(self, *_args: Any, name: str, scope: list[str], **_options: Any) -> None:
        unknown = [one for one in scope if one not in Scope.values]
        if unknown:
            raise CommandError(
                f"unknown scope: {', '.join(unknown)}; scopes are {', '.join(Scope.values)}", returncode=2
            )
        if not 1 <= len(name.strip()) <= NAME_LENGTH:
            raise CommandError(f"the name of a token has 1 to {NAME_LENGTH} characters", returncode=2)
        try:
            token = issue_token(name.strip(), [Scope(one) for one in scope], actor=None, at=clock.now())
        except ValidationError as error:
            raise CommandError(" ".join(error.messages), returncode=2) from error
        self.stdout.write(token)
