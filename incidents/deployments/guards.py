"""Why a step of a deployment has to wait: each guard returns the sentence, or None."""

from django.utils.translation import gettext as _

from config.casework.events import publish
from config.casework.transitions import Step
from config.casework.words import duration_words
from incidents.deployments.choices import UNDER_WAY
from incidents.deployments.models import Deployment
from incidents.deployments.selectors import runs_of, watched_until
from incidents.events import DeploymentAsked
from incidents.procedures.choices import Stage
from incidents.procedures.services import missing_for_gate


def prerequisites_are_met(step: Step[Deployment]) -> str | None:
    """INC-71: a start with one of them open is refused, naming it."""
    missing = [item.text for run in runs_of(step.obj, Stage.PREREQUISITES) for item in missing_for_gate(run, step.at)]
    if not missing:
        return None
    return _("Starting needs all prerequisites. Missing: %(items)s.") % {"items": "; ".join(missing)}


def no_other_is_under_way(step: Step[Deployment]) -> str | None:
    rows = Deployment.objects.filter(system=step.obj.system_id, state__in=UNDER_WAY).exclude(pk=step.obj.pk)
    other = rows.first()
    if other is None:
        return None
    return _("%(reference)s is under way for this system. Finish it first.") % {"reference": other.reference}


def nobody_objects(step: Step[Deployment]) -> str | None:
    """Rooms that freeze deployments answer the question with their reason."""
    return next((str(answer) for answer in publish(DeploymentAsked(step.obj, step.at)) if answer), None)


def steps_are_settled(step: Step[Deployment]) -> str | None:
    return _unsettled(step.obj, Stage.STEPS)


def watch_is_over(step: Step[Deployment]) -> str | None:
    """INC-76: done before the watch is over is refused."""
    until = watched_until(step.obj)
    if until is not None and step.at < until:
        return _("The watch is not over. Wait another %(left)s.") % {"left": duration_words(until - step.at)}
    return _unsettled(step.obj, Stage.WATCH)


def knows_the_way_back(step: Step[Deployment]) -> str | None:
    """INC-77: the target of a rollback is the previous version, never a fixed one."""
    if not step.obj.previous_version:
        return _("Say which version ran before: there is nothing to go back to.")
    if step.obj.previous_version == step.obj.version_tag:
        return _("The previous version is the one just deployed. Say which one ran before.")
    return None


def rollback_is_settled(step: Step[Deployment]) -> str | None:
    return _unsettled(step.obj, Stage.ROLLBACK)


def _unsettled(deployment: Deployment, stage: Stage) -> str | None:
    for run in runs_of(deployment, stage):
        missing = [item.text for item in run.steps.open().order_by("position")]
        missing += [item.text for item in run.steps.filter(failed=True).order_by("position")]
        if missing:
            return _("“%(list)s” is not settled. Next: %(step)s") % {"list": run.title, "step": missing[0]}
    return None
