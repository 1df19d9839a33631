"""`manage.py load_runbooks [PATH...] [--check] [--export SYSTEM]`: runbook files into the database, what differs, and back."""

from argparse import ArgumentParser
from itertools import groupby
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config.casework import clock
from config.casework.catalogue.loader import Report, RunbookRefused, blanks, compare, load
from config.casework.catalogue.loader import export as export_runbook
from config.casework.catalogue.models import System

CHECKED_AND_WRONG, REFUSED = 1, 2


class Command(BaseCommand):
    """Exit codes: 0 done or no difference, 1 the database differs from the files, 2 refused."""

    help = "Load runbook files: all of config/runbooks/*.yaml, or the files named. A broken file is refused whole."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="*", type=Path, metavar="PATH", help="runbook files or folders of them")
        choice = parser.add_mutually_exclusive_group()
        choice.add_argument("--check", action="store_true", help="change nothing; list where the database differs")
        choice.add_argument(
            "--changed",
            action="store_true",
            help="leave out files loaded before as they are, so that edits in the admin stay",
        )

        choice.add_argument(
            "--export", metavar="SYSTEM", help="write the runbook of a system to standard output, as a file that loads"
        )

    def handle(
        self,
        *args: Any,
        paths: list[Path],
        check: bool,
        changed: bool,
        export: str | None,
        verbosity: int,
        **options: Any,
    ) -> None:
        if export is not None:
            self._export(export, paths)
            return
        files = runbook_files(paths)
        try:
            if check:
                self._check(files)
            else:
                report = load(files, at=clock.now(), skip_known=changed)
                if verbosity:
                    self._say(report)
        except RunbookRefused as refusal:
            for problem in refusal.problems:
                self.stderr.write(str(problem))
            count = len(refusal.problems)
            raise CommandError(
                f"{count} problem{'s' if count > 1 else ''}, nothing was loaded.", returncode=REFUSED
            ) from refusal

    def _export(self, key: str, paths: list[Path]) -> None:
        if paths:
            raise CommandError("--export takes no file; direct its output into one.", returncode=REFUSED)
        system = System.objects.filter(key=key).first()
        if system is None:
            there = ", ".join(System.objects.order_by("key").values_list("key", flat=True)) or "none"
            raise CommandError(f"There is no system {key!r}; there: {there}.", returncode=REFUSED)
        self.stdout.write(export_runbook(system), ending="")

    def _check(self, files: list[Path]) -> None:
        drifts = compare(files, at=clock.now())
        for (path, section), found in groupby(drifts, key=lambda drift: (drift.path, drift.section)):
            lines = list(found)
            plural = "s" if len(lines) > 1 else ""
            self.stdout.write(f"{path.name}, section {section}: {len(lines)} difference{plural}")
            for drift in lines:
                self.stdout.write(f"  {drift}")
        for key, words in blanks(System.objects.order_by("key")):
            self.stdout.write(f"{key}: left open: {words}")
        if drifts:
            count = len(drifts)
            raise CommandError(
                f"{count} difference{'s' if count > 1 else ''} between files and database.",
                returncode=CHECKED_AND_WRONG,
            )
        self.stdout.write("No difference.")

    def _say(self, report: Report) -> None:
        for file in report.files:
            total = file.total
            counts = (
                f"{total.created} new, {total.changed} changed, {total.removed} removed, {total.unchanged} as before"
            )
            self.stdout.write(f"{file.system}: {counts} ({file.path})")


def runbook_files(paths: list[Path]) -> list[Path]:
    """Return the files meant: those named, those in the folders named, or all of config/runbooks.

    Raises:
        CommandError: a folder holds none.
    """
    files: list[Path] = []
    for path in paths or [settings.BASE_DIR / "config" / "runbooks"]:
        found = sorted(path.glob("*.yaml")) if path.is_dir() else [path]
        if not found:
            raise CommandError(f"{path} holds no .yaml file.", returncode=REFUSED)
        files += found
    return files
