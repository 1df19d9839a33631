from django.utils.translation import gettext_lazy as _

from config.casework.choices import Tone, TonedChoices


class ProcedureKind(TonedChoices):
    PLAYBOOK = "playbook", Tone.INFO, _("playbook")
    CHECKLIST = "checklist", Tone.INFO, _("checklist")
    DEPLOYMENT = "deployment", Tone.INFO, _("deployment")
    ROLLBACK = "rollback", Tone.WARN, _("rollback")
    RECOVERY = "recovery", Tone.WARN, _("recovery")
    BREACH = "breach", Tone.DANGER, _("breach")
    DRILL = "drill", Tone.NEUTRAL, _("drill")


class StepKind(TonedChoices):
    CHECK = "check", Tone.INFO, _("check")
    MITIGATION = "mitigation", Tone.WARN, _("measure")
    MESSAGE = "message", Tone.INFO, _("message")
    DECISION = "decision", Tone.WARN, _("decision")
    COMMAND = "command", Tone.NEUTRAL, _("command")
    DESK_ACTION = "desk_action", Tone.INFO, _("desk action")
    POLICY = "policy", Tone.NEUTRAL, _("rule")


class RunState(TonedChoices):
    ACTIVE = "active", Tone.INFO, _("under way")
    FINISHED = "finished", Tone.OK, _("finished")
    ABANDONED = "abandoned", Tone.NEUTRAL, _("abandoned")


class StepState(TonedChoices):
    OPEN = "open", Tone.INFO, _("open")
    DONE = "done", Tone.OK, _("done")
    SKIPPED = "skipped", Tone.NEUTRAL, _("skipped")
    NOT_NEEDED = "not_needed", Tone.NEUTRAL, _("not needed")


class Stage(TonedChoices):
    """Which part of a deployment a run is."""

    PREREQUISITES = "prerequisites", Tone.INFO, _("before it starts")
    STEPS = "steps", Tone.INFO, _("the steps")
    WATCH = "watch", Tone.INFO, _("the watch")
    ROLLBACK = "rollback", Tone.WARN, _("the way back")
