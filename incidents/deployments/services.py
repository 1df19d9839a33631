"""Plan a deployment; follow its lists; suspect it of what breaks in its watch."""

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import transaction

from config.casework.access.actors import Actor, actor_user
from config.casework.access.services import operator_organization, require
from config.casework.audit.services import record
from config.casework.cases.references import next_reference
from config.casework.catalogue.models import System
from config.casework.transitions import apply
from incidents.deployments.choices import DeploymentState
from incidents.deployments.effects import begin_stage
from incidents.deployments.models import Deployment
from incidents.deployments.selectors import running_version, runs_of
from incidents.models import Incident
from incidents.procedures.choices import RunState, Stage
from incidents.procedures.models import Run

GRAVE_RANK = 2  # the two gravest levels of a system are held against what was just deployed (INC-76)
NEXT_STEP = {
    Stage.STEPS: (DeploymentState.RUNNING, "watch"),
    Stage.ROLLBACK: (DeploymentState.ROLLING_BACK, "rolled_back"),
}


def plan_deployment(
    system: System, *, version: str, actor: Actor, at: datetime, previous_version: str = "", title: str = ""
) -> Deployment:
    """Record that a version is to be deployed, with its prerequisites to be ticked.

    Args:
        previous_version: what runs now; the version deployed last when left out.
    Raises:
        ValidationError: keyed by field.
        PermissionDenied: the actor may not deploy.
    """
    require(actor, "incidents.add_deployment")
    version, previous_version = version.strip(), previous_version.strip()
    deployment = Deployment(
        reference="DEP-",
        system=system,
        organization=operator_organization(),
        title=title.strip() or f"{system.name} {version}"[:200],
        version_tag=version,
        previous_version=previous_version or running_version(system),
        owner=actor_user(actor),
        received_at=at,
    )
    deployment.clean_fields(exclude={"reference"})
    if deployment.previous_version == version:
        raise ValidationError({"version_tag": f"{version} runs already."})
    with transaction.atomic():
        deployment.reference = next_reference(Deployment.PREFIX, at)
        deployment.save(force_insert=True)
        record(deployment, "deployment.planned", actor=actor, at=at, detail={"version": version})
        begin_stage(deployment, Stage.PREREQUISITES, actor=actor, at=at)
    return deployment


def run_finished(run: Run, *, actor: Actor, at: datetime) -> None:
    """The steps are through: the watch begins by itself; the way back is through: it is rolled back."""
    if run.deployment is None or run.stage not in NEXT_STEP:
        return
    state, name = NEXT_STEP[Stage(run.stage)]
    deployment = Deployment.objects.get(pk=run.deployment.pk)
    still_open = any(other.state == RunState.ACTIVE for other in runs_of(deployment, Stage(run.stage)))
    if deployment.state == state and not still_open:
        apply(deployment, name, actor=actor, at=at)


def suspect(incident: Incident, *, at: datetime) -> Deployment | None:
    """Hold a grave incident against the version that is being deployed or watched (INC-76)."""
    if incident.severity is None or incident.severity.rank > GRAVE_RANK:
        return None
    states = (DeploymentState.RUNNING, DeploymentState.WATCHING)
    deployment: Deployment | None = Deployment.objects.filter(system=incident.system_id, state__in=states).first()
    if deployment is None or deployment.suspect_of.filter(pk=incident.pk).exists():
        return deployment
    if deployment.started_at is not None and incident.received_at < deployment.started_at:
        return None
    deployment.suspect_of.add(incident)
    record(deployment, "deployment.suspected", actor=None, at=at, detail={"incident": incident.reference})
    record(incident, "incident.deployment_suspected", actor=None, at=at, detail={"deployment": deployment.reference})
    return deployment
