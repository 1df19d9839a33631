"""Take requests for an explanation in, and send what a person has read."""

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework.access.actors import Actor, actor_user
from config.casework.audit.services import record
from config.casework.cases.references import public_reference
from config.casework.choices import Tone
from config.casework.deadlines import services as deadlines
from config.casework.months import month_after
from config.casework.transitions import Machine, Refused, Step, Transition, states
from config.casework.words import moment
from disputes.assessments.models import Assessment
from disputes.explanations import texts
from disputes.explanations.models import OPEN, Explanation, ExplanationState
from disputes.letters.texts import drawn
from integrations.messages.choices import Purpose
from integrations.messages.services import queue_mail

CLOCK = "explain"
REVIEW = "disputes.review_dispute"


def ask(
    assessment: Assessment, *, question: str, email: str, language: str, at: datetime, actor: Actor = None
) -> Explanation:
    """Keep a request and draft its answer; while one is open a second one joins it.

    Args:
        at: when anybody in the company received it, aware; the month runs from then.
    Raises:
        Refused: nothing was assessed yet.
    """
    version = assessment.current
    if version is None:
        raise Refused(_("Nothing was assessed yet, so there is nothing to explain."))
    try:
        with transaction.atomic():
            explanation = Explanation.objects.create(
                reference=public_reference(Explanation.PREFIX, at),
                system=assessment.system,
                organization=assessment.organization,
                title=_("Explanation of an assessment (model %(model)s)") % {"model": version.model_version},
                assessment=assessment,
                result=version,
                email=email or assessment.candidate_email,
                language=language,
                question=question,
                text=texts.draft(version, language=language, at=at),
                received_at=at,
            )
            due, steps = month_after(at)
            deadlines.start(explanation, CLOCK, at=at, due_at=due, steps=steps)
            record(explanation, "explanation.received", actor=actor, at=at)
            _receipt(explanation, due, at=at)
    except IntegrityError:
        explanation = Explanation.objects.get(assessment=assessment, state__in=OPEN)
        record(explanation, "explanation.asked_again", actor=actor, at=at)
    return explanation


def _receipt(explanation: Explanation, due: datetime, *, at: datetime) -> None:
    with translation.override(explanation.language):
        headline = _("We explain the assessment to you")
        words = drawn(
            f"{headline} ({explanation.reference})",
            headline,
            [_("A person reads the explanation before it leaves. You have it by %(when)s at the latest.") % {"when": moment(due, texts.ZONE)}],
            why=_("You get this mail because you asked for an explanation."),
        )  # fmt: skip
    _mail(explanation, words, key="receipt", at=at)


def _sent(step: Step[Explanation]) -> None:
    explanation = step.obj
    with translation.override(explanation.language):
        headline = _("How the assessment came about")
        words = drawn(
            f"{headline} ({explanation.reference})",
            headline,
            explanation.text.split("\n\n"),
            why=_("You get this mail because you asked for an explanation."),
        )
    _mail(explanation, words, key="answer", at=step.at)
    deadlines.meet(explanation, CLOCK, at=step.at)


def _mail(explanation: Explanation, words: Any, *, key: str, at: datetime) -> None:
    queue_mail(
        to=explanation.email,
        subject=words.subject,
        text=words.text,
        html=words.html,
        key=f"explanation:{explanation.pk}:{key}",
        purpose=Purpose.NOTICE,
        at=at,
        case=explanation,
    )


def _by_a_person(step: Step[Explanation]) -> str | None:
    return None if actor_user(step.actor) is not None else _("A person must have read it before it leaves.")


EXPLANATION: Machine[Any] = Machine(
    noun="explanation",
    field="state",
    states=ExplanationState,
    transitions={
        "send": Transition(
            label=gettext_lazy("Read it and send it"),
            action="sent",
            sources=states(ExplanationState.RECEIVED),
            target=ExplanationState.SENT,
            permission=REVIEW,
            fields=("text",),
            stamps=("reviewed_at", "closed_at"),
            actor_stamps=("reviewed_by",),
            guards=(_by_a_person,),
            effects=(_sent,),
            already=gettext_lazy("It was sent already."),
            consequence=gettext_lazy("It goes to the person as it stands here. Read every line; you may change it."),
            tone=Tone.WARN,
            primary=True,
        ),
    },
)
Explanation.MACHINE = EXPLANATION
