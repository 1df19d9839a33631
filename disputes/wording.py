"""How the timeline says what happened on the dispute desk."""

from django.utils.translation import gettext_lazy as _

from config.casework.cases.timeline import describe


def declare() -> None:
    for action, words in WORDS.items():
        describe(action, words)


WORDS = {
    "dispute.accepted": _("the dispute was accepted; the assessment is under review"),
    "dispute.joined": _("the candidate sent a further form"),
    "dispute.acknowledged": _("reviews it"),
    "dispute.handed_back": _("handed it back"),
    "dispute.decided": _("decided: %(outcome)s"),
    "dispute.appealed": _("the candidate appealed"),
    "dispute.withdrawn_undecided": _("nobody decided in time; the label is withdrawn"),
    "dispute.ended_by_candidate": _("the candidate ended it"),
    "dispute.accounted": _("said why it stayed undecided"),
    "dispute.closed": _("closed it"),
    "dispute.escalated": _("a missed promise was carried to %(to)s"),
    "decision.proposed": _("proposed a decision: %(outcome)s"),
    "decision.refused": _("tried to decide and was refused"),
    "evidence.viewed": _("looked at evidence: %(what)s"),
    "review.impression": _("noted a first impression"),
    "review.score_seen": _("saw the score"),
    "review.check_ticked": _("ticked the check %(check)s"),
    "review.code_answered": _("answered for a reason code"),
    "second_look.asked": _("asked for a second look"),
    "second_look.answered": _("gave a second opinion"),
    "fault.recorded": _("recorded a fault of the pipeline: %(kind)s"),
    "fault.incident_opened": _("opened the incident %(incident)s about the fault"),
    "rescore.asked": _("asked for a new score"),
    "rescore.asked_for_all": _("asked for %(count)s new scores"),
    "rescore.done": _("the new score arrived; the first one stays beside it"),
    "rescore.failed": _("the new score failed"),
    "hearing.asked": _("the candidate wants to be heard"),
    "hearing.appointed": _("appointed a call"),
    "hearing.held": _("noted what the candidate said"),
    "letter.told_by_hand": _("told somebody by hand"),
    "reversal.noted": _("noted a consequence of the label"),
    "reversal.finished": _("put a consequence right"),
    "reversal.dropped": _("found a consequence not to be put right"),
    "rehearsal.passed": _("the rehearsal went through to the decision"),
    "circumstances.deleted": _("what was said of circumstances was deleted"),
    "explanation.received": _("an explanation was asked for"),
    "explanation.asked_again": _("the explanation was asked for again"),
    "explanation.sent": _("read the explanation and sent it"),
}
