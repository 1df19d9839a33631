"""Put the made-up week on the desk, and take it off again.

Each story is played by the same services that serve real people, with the desk's clock set to the moment; between two
steps the clocks that ran out fire and the pages that were due are written, as the worker would have done it.
"""

from datetime import datetime, timedelta
from typing import Any

import pghistory
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import Q, QuerySet
from guardian.models import UserObjectPermission

from config.casework import clock
from config.casework.access.models import User
from config.casework.access.services import add_person, operator_organization
from config.casework.approvals.models import Approval
from config.casework.audit.services import record
from config.casework.cases.models import Note
from config.casework.catalogue.models import System
from config.casework.deadlines.models import Deadline
from config.casework.deadlines.services import sweep
from config.casework.files.models import StoredFile
from config.casework.files.services import delete as delete_file
from config.casework.links.models import Grant
from config.casework.work.choices import JobState
from config.casework.work.models import Job
from config.casework.work.registry import find
from config.casework.work.services import self_service
from incidents.demo import settled, underway
from incidents.demo.acts import ACTS, Scene
from incidents.demo.story import DOMAIN, PEOPLE, Story
from incidents.models import Incident, JointDecision, Page
from incidents.procedures.models import Procedure
from incidents.services import open_incident
from incidents.severity.models import Severity
from integrations.messages.models import Message

SYSTEM = "jobarium"
MARK = "Demo: "
KEY = "demo:"  # begins the source key of each story's incident
STORIES = (*settled.STORIES, *underway.STORIES)
SWEPT_AFTER = timedelta(seconds=30)  # the sweep comes once a minute


def made_up() -> QuerySet[Incident]:
    """The incidents of the demo."""
    return Incident.objects.filter(is_demo=True, source_key__startswith=KEY)


def seed(*, at: datetime) -> int:
    """Play the week that ends at `at`, unless it is there already.

    Returns:
        how many incidents were made.
    Raises:
        System.DoesNotExist: the runbook of Jobarium was not loaded.
    """
    with transaction.atomic(), self_service():
        system = System.objects.select_for_update(of=("self",)).select_related("calendar").get(key=SYSTEM)
        if made_up().exists():
            return 0
        people = _people(at)
        for story in sorted(STORIES, key=lambda story: -story.ago):
            _play(story, system, people, at)
    return len(STORIES)


def remove(*, at: datetime) -> int:
    """Delete the demo: its incidents with all that hangs on them, and its people. The trail stays.

    Returns:
        how many incidents were deleted.
    """
    with transaction.atomic():
        ids = list(made_up().select_for_update(of=("self",)).values_list("pk", flat=True))
        people = User.objects.filter(email__endswith=f"@{DOMAIN}")
        if not ids and not people.exists():
            return 0
        _delete_what_hangs_on(ids, at)
        Incident.objects.filter(pk__in=ids).delete()
        people.delete()
        record(operator_organization(), "demo.removed", actor=None, at=at, detail={"incidents": len(ids)})
    return len(ids)


def _people(at: datetime) -> dict[str, User]:
    """Accounts that nobody can sign in to."""
    joined = at - timedelta(days=30)
    with clock.at(joined):
        return {
            person.key: add_person(
                person.email, roles=[person.role], actor=None, at=joined, name=person.name, can_sign_in=False
            )[0]
            for person in PEOPLE
        }


def _play(story: Story, system: System, people: dict[str, User], now: datetime) -> Incident:
    began = (now - story.ago).replace(microsecond=0)
    with clock.at(began):
        incident = open_incident(
            system,
            title=MARK + story.title,
            actor=people.get(story.reporter),
            at=began,
            source=story.source,
            severity=Severity.objects.select_related("system__calendar")
            .filter(system=system, key=story.severity)
            .first(),
            description=story.description,
            source_key=KEY + story.key,
            monitor_key=story.monitor,
            playbook=Procedure.objects.filter(system=system, key=story.playbook).first(),
            impacts_hiring=story.impacts_hiring,
            is_demo=True,
        )
    for step in story.steps:
        moment = began + timedelta(minutes=step.after)
        _let_time_pass(incident, until=moment)
        with clock.at(moment):
            row = Incident.objects.select_related("system__calendar", "severity", "owner").get(pk=incident.pk)
            ACTS[step.act](Scene(row, people[step.who], moment, now, people), **step.values)
    _let_time_pass(incident, until=now)
    return incident


def _let_time_pass(incident: Incident, *, until: datetime) -> None:
    """Do what the worker would have done by `until`, each thing at its own moment."""
    while True:
        clocks = list(
            Deadline.objects.of(incident).only(
                "warn_at", "warned_at", "due_at", "breached_at", "met_at", "cancelled_at"
            )
        )
        jobs = _jobs(incident, clocks)
        fires = [moment for deadline in clocks if deadline.is_open for moment in _moments(deadline)]
        moment = min([*fires, *(job.next_at for job in jobs if job.next_at is not None)], default=None)
        if moment is None or moment > until:
            return
        with clock.at(moment):
            if moment in fires:
                sweep(moment, case=incident)
            for job in jobs:
                if job.next_at is not None and job.next_at <= moment:
                    find(job.kind).work(job)
                    Job.objects.filter(pk=job.pk).update(state=JobState.DONE, attempts=1, finished_at=moment)


def _moments(deadline: Deadline) -> list[datetime]:
    """When an open clock still fires: as it warns, and when the sweep after its end comes."""
    warns = [deadline.warn_at] if deadline.warn_at is not None and deadline.warned_at is None else []
    return (
        [*warns, deadline.due_at + SWEPT_AFTER]
        if deadline.due_at is not None and deadline.breached_at is None
        else warns
    )


def _jobs(incident: Incident, clocks: list[Deadline]) -> list[Job]:
    """Pages and escalations of an incident that were not done yet, the first one first."""
    mine = Q(kind="incidents.page", arguments__incident=incident.pk) | Q(
        kind="incidents.escalate", arguments__deadline__in=[deadline.pk for deadline in clocks]
    )
    return list(Job.objects.filter(mine, state=JobState.DUE).order_by("next_at", "pk"))


def _delete_what_hangs_on(ids: list[int], at: datetime) -> None:
    """Rows that no key leads to: they name their case by type and number."""
    content_type = ContentType.objects.get_for_model(Incident)
    here: dict[str, Any] = {"content_type": content_type, "object_id__in": ids}
    for stored in StoredFile.objects.filter(**here):
        delete_file(stored, actor=None, at=at, reason="demo removed")
    pages = list(Page.objects.filter(incident__in=ids).values_list("pk", flat=True))
    Grant.objects.filter(content_type=ContentType.objects.get_for_model(Page), object_id__in=pages).delete()
    clocks = list(Deadline.objects.filter(**here).values_list("pk", flat=True))
    Job.objects.filter(
        Q(kind="incidents.page", arguments__incident__in=ids)
        | Q(kind="incidents.escalate", arguments__deadline__in=clocks)
    ).delete()
    JointDecision.objects.filter(incident__in=ids).delete()
    for model in (Approval, Deadline, Note, Message):
        model._default_manager.filter(**here).delete()
    UserObjectPermission.objects.filter(content_type=content_type, object_pk__in=[str(pk) for pk in ids]).delete()
    for events in pghistory.core.event_models(tracks_model=Incident):
        events._default_manager.filter(pgh_obj_id__in=ids).delete()
