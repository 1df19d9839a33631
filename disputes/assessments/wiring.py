"""What the rooms about assessments bring into the house; `AppConfig.ready` calls it."""

from config.casework.catalogue import sections
from config.casework.work import sweeps


def connect() -> None:
    sections.announce("disputes.assessments.runbook")
    sweeps.register("notices of labels", "disputes.assessments.notices.sweep", order=120)
