"""How the timeline says what happened on the incident desk."""

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework.audit.models import AuditEntry
from config.casework.cases.timeline import describe
from incidents.choices import Clock
from incidents.paging.choices import PageReason


def declare() -> None:
    for action, words in WORDS.items():
        describe(action, words)
    describe("clock.missed", _clock_missed)
    describe("incident.escalated", _escalated)
    describe("page.sent", _paged)
    describe("incident.customer_called", _called)
    describe("phase.overdue", _phase_overdue)
    describe("alert.firing", _firing)
    describe("alert.resolved", _recovered)


WORDS = {
    "incident.opened": gettext_lazy("opened the incident"),
    "incident.acknowledged": gettext_lazy("has it"),
    "incident.acknowledged_late": gettext_lazy("acknowledged after it was resolved"),
    "incident.acknowledgement_confirmed": gettext_lazy("confirmed the acknowledgement"),
    "incident.acknowledgement_lapsed": gettext_lazy("the acknowledgement was not confirmed; paging goes on"),
    "incident.handed_over": gettext_lazy("handed it to %(to)s"),
    "incident.triaged": gettext_lazy("judged severity and scope"),
    "incident.reclassified": gettext_lazy("changed severity or scope"),
    "incident.severity_raised": gettext_lazy("a graver alert raised the severity"),
    "incident.data_loss_flagged": gettext_lazy("an alert says that data may be lost"),
    "incident.stabilized": gettext_lazy("stabilised it"),
    "incident.impact_over": gettext_lazy("said that the impact is over"),
    "incident.resolved": gettext_lazy("resolved it"),
    "incident.reopened": gettext_lazy("reopened it"),
    "incident.closed": gettext_lazy("closed it"),
    "incident.escalation_without_person": gettext_lazy("nobody holds the role %(to)s; the next step follows at once"),
    "incident.moved_up": gettext_lazy("escalated it to %(to)s: %(person)s leads now"),
    "incident.moved_up_without_person": gettext_lazy("escalated it to %(to)s, but nobody stands behind that role"),
    "incident.routed": gettext_lazy("routed it: %(reference)s"),
    "capacity.warning": gettext_lazy("%(limit)s is at %(share)s %% of its limit"),
    "capacity.full": gettext_lazy("%(limit)s has reached its limit: %(share)s %%"),
    "capacity.room": gettext_lazy("%(limit)s has room again: %(share)s %%"),
    "incident.acknowledgement_expired": gettext_lazy("nothing was done for too long; paging begins anew"),
    "incident.acknowledgement_renewed": gettext_lazy("is still on it"),
    "clock.kept": gettext_lazy("a clock marked as missed was kept: an earlier time was recorded"),
    "page.held": gettext_lazy("pages are held back; they begin anew afterwards"),
    "page.channel_switched": gettext_lazy("a way of reaching the person failed; the next one is tried"),
    "page.undeliverable": gettext_lazy("no way led to %(to)s; the next step follows at once"),
    "page.judged": gettext_lazy("said whether the page was worth it"),
    "storm.opened": gettext_lazy("many alerts came at once: this case takes in the further ones"),
    "storm.joined": gettext_lazy("took in another alert"),
    "storm_member.resolved": gettext_lazy("a member is over"),
    "storm_member.fired_again": gettext_lazy("a member fires again"),
    "storm_member.taken_out": gettext_lazy("took a member out; it has its own case"),
    "mitigation.applied": gettext_lazy("took a measure"),
    "mitigation.reverted": gettext_lazy("took a measure back"),
    "communication.sent": gettext_lazy("told %(recipients)s recipients (%(template)s)"),
    "incident.channel_opened": gettext_lazy("opened a channel to talk about it"),
    "incident.customer_affected": gettext_lazy("%(customer)s is affected"),
    "incident.customer_not_affected": gettext_lazy("%(customer)s is not affected after all"),
    "incident.notice_came_back": gettext_lazy("a mail came back; that customer counts as not told"),
    "run.started": gettext_lazy("began the procedure %(procedure)s"),
    "run.finished": gettext_lazy("the procedure %(procedure)s is finished"),
    "run_step.done": gettext_lazy("ticked step %(step)s"),
    "run_step.skipped": gettext_lazy("skipped step %(step)s"),
    "postmortem.started": gettext_lazy("began the postmortem"),
    "postmortem.written": gettext_lazy("wrote on the postmortem"),
    "postmortem.published": gettext_lazy("published the postmortem"),
    "postmortem.revised": gettext_lazy("took the postmortem back for revision"),
    "action_item.added": gettext_lazy("noted an action item, due %(due_on)s"),
    "action_item.finished": gettext_lazy("finished an action item"),
    "action_item.dropped": gettext_lazy("dropped an action item"),
    "action_item.changed": gettext_lazy("changed an action item"),
    "action_item.reminded": gettext_lazy("the desk reminded of an action item"),
    "factor.added": gettext_lazy("noted a contributing factor"),
    "summary.written": gettext_lazy("wrote the summary for people outside"),
    "summary.approved": gettext_lazy("approved the summary for people outside"),
    "summary.withdrawn": gettext_lazy("took the approval of the summary back"),
    "incident.linked": gettext_lazy("linked it with %(to)s"),
    "incident.unlinked": gettext_lazy("removed the link with %(to)s"),
    "incident.merged": gettext_lazy("merged it into %(into)s"),
    "incident.merged_in": gettext_lazy("merged %(from)s into it"),
    "incident.split": gettext_lazy("split it off %(from)s again"),
    "incident.split_off": gettext_lazy("split %(incident)s off again"),
    "action_item.reopened": gettext_lazy("reopened an action item"),
    "page.skipped": gettext_lazy("nobody holds %(to)s, so nobody was paged; the next step follows at once"),
    "approval.requested": gettext_lazy("the joint decision of CEO and CTO is asked for"),
    "approval.signed": gettext_lazy("signed the joint decision as %(role)s"),
    "approval.withdrawn": gettext_lazy("the joint decision is not asked for any more"),
    "approval.granted": gettext_lazy("the joint decision stands"),
}


def _clock_missed(entry: AuditEntry) -> str:
    return _("missed: %(clock)s") % {"clock": Clock(entry.detail["clock"]).label}


def _phase_overdue(entry: AuditEntry) -> str:
    return _("the %(phase)s is overdue") % {"phase": entry.detail["phase"].replace("_", " ")}


def _escalated(entry: AuditEntry) -> str:
    return _("escalated to %(to)s: %(clock)s was missed") % {
        "to": entry.detail["to"].upper(),
        "clock": Clock(entry.detail["clock"]).label,
    }


def _paged(entry: AuditEntry) -> str:
    return _("paged %(person)s (%(to)s): %(reason)s") % {
        "person": entry.detail["person"],
        "to": entry.detail["to"],
        "reason": PageReason(entry.detail["reason"]).label,
    }


def _called(entry: AuditEntry) -> str:
    said = (
        _("spoke to %(customer)s") if entry.detail["result"] == "spoken" else _("did not reach %(customer)s by phone")
    )
    return said % {"customer": entry.detail["customer"]}


def _firing(entry: AuditEntry) -> str:
    return _("alerts fire: %(count)s") % {"count": len(entry.detail["alerts"])}


def _recovered(entry: AuditEntry) -> str:
    return _("alerts report recovery: %(count)s") % {"count": len(entry.detail["alerts"])}
