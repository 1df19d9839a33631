"""What is open now: just paged, being worked, stabilised, resolved but not written up."""

from datetime import timedelta

from incidents.choices import Source
from incidents.demo.story import Story, step

HR = ("hr@north.demo.invalid", "people@delta.demo.invalid", "talent@orbit.demo.invalid")
CANDIDATES = ("candidates@lists.demo.invalid",)

PAGED = Story(
    key="invites-stopped",
    title="No invite leaves on the whole platform",
    ago=timedelta(minutes=4),
    severity="SEV-1",
    source=Source.ALERT,
    monitor="jobarium-invite-success",
    playbook="jobarium-b",
    description="Invite success fell to 0 % over the last ten minutes, for all employers at once.",
)

WORKED = Story(
    key="cv-scans",
    title="CV parsing fails for scanned PDFs",
    ago=timedelta(minutes=100),
    severity="SEV-2",
    source=Source.ALERT,
    monitor="jobarium-cv-parse-failure",
    playbook="jobarium-a",
    description="22 % of parses failed within 15 minutes. Text PDFs work, scans do not.",
    steps=(
        step(6, "cto", "acknowledge"),
        step(11, "cto", "triage", severity="SEV-2", scope="Candidates who upload a scanned CV, about one in five"),
        step(14, "cto", "tick", place=1, note="Storage answers. The parser service is healthy and idle."),
        step(18, "cto", "tick", place=2, note="No new rejections by type; the scanner is clean."),
        step(20, "ceo", "tell", template="internal_update", next_update=80),
        step(24, "cto", "tick", place=3, note="The OCR provider answers after 40 s instead of 2 s, and often not at all."),
        step(26, "mia", "note", text="Eleven candidates wrote since 9 o'clock. All of them sent photos or scans; I point them to the manual profile."),
        step(31, "cto", "tick", place=4, note="The deterministic parser runs alone. Scans wait, text PDFs go through."),
        step(32, "cto", "measure", text="Deterministic parser alone, OCR switched off"),
        step(36, "mia", "tell", template="candidate_issue", recipients=CANDIDATES, feature="Reading a scanned CV", eta="this afternoon", fallback_option="You can fill in your profile by hand."),
        step(41, "cto", "skip", place=5, reason="The queue is short; retries would only hit the slow provider again."),
        step(78, "ceo", "tell", template="internal_update", next_update=145),
        step(84, "jon", "note", text="Two employers asked whether profiles are lost. They are not; they wait for the parser."),
    ),
)  # fmt: skip

STABILISED = Story(
    key="qa-sessions",
    title="Q&A answers of one cohort cannot be submitted",
    ago=timedelta(hours=20),
    severity="SEV-2",
    source=Source.ALERT,
    monitor="jobarium-qa-submit-errors",
    playbook="jobarium-c",
    description="Submissions fail for sessions older than 30 minutes; others go through.",
    steps=(
        step(15, "cto", "acknowledge"),
        step(25, "cto", "triage", severity="SEV-2", scope="Candidates of three employers with long question sets"),
        step(32, "cto", "tick", place=1, note="Sessions end after 30 minutes although the page promises 60."),
        step(40, "ceo", "tell", template="internal_update", next_update=240),
        step(
            50,
            "cto",
            "measure",
            text="Session lifetime raised to 8 hours",
            until=23 * 60,
            effect="Submissions succeed again; error share below 1 %.",
        ),
        step(52, "cto", "tick", place=4, note="Raised to 8 hours until the fix is out."),
        step(70, "cto", "stabilize"),
        step(90, "cto", "impact_over"),
        step(235, "ceo", "tell", template="internal_update", next_update=18 * 60),
        step(
            260,
            "mia",
            "note",
            text="All drafts are there. I asked the three employers to extend the answering time by a day.",
        ),
    ),
)

OVERDUE_RECORD = Story(
    key="packets-late",
    title="Packets are ready late in the morning peak",
    ago=timedelta(days=2, hours=3),
    severity="SEV-2",
    source=Source.ALERT,
    monitor="jobarium-packet-readiness-p95",
    playbook="jobarium-d",
    description="p95 of packet readiness was above five minutes for a quarter of an hour.",
    steps=(
        step(9, "cto", "acknowledge"),
        step(16, "cto", "triage", severity="SEV-2", scope="Employers who review packets in the morning"),
        step(30, "mia", "tell", template="employer_delay", recipients=HR, feature="Building packets", eta="noon today"),
        step(45, "cto", "measure", text="Transcript-first packets, oldest sessions first"),
        step(50, "cto", "stabilize"),
        step(118, "cto", "resolve"),
        step(125, "mia", "tell", template="employer_recovered", recipients=HR, feature="Building packets", what_was_late="All delayed packets are ready."),
    ),
)  # fmt: skip

MISSED_PROMISE = Story(
    key="packets-unreadable",
    title="No employer can open a packet",
    ago=timedelta(days=3, hours=5),
    severity="SEV-1",
    source=Source.ALERT,
    monitor="jobarium-packet-failure-spike",
    playbook="jobarium-d",
    description="Every packet opened since the night release shows an empty page.",
    steps=(
        step(24, "cto", "acknowledge"),
        step(28, "cto", "triage", severity="SEV-1", scope="All employers; reviews stand still"),
        step(33, "ceo", "tell", template="internal_update", next_update=95),
        step(40, "ceo", "decide", mitigation_path="Take the night release back, and hold the next one until packets open in the rehearsal.", stakeholder_updates="The CEO calls the five largest employers; the others get a message when packets open again."),
        step(55, "cto", "measure", text="Night release taken back", effect="Packets open again for everybody."),
        step(58, "cto", "stabilize"),
        step(72, "cto", "impact_over"),
        step(90, "mia", "tell", template="employer_recovered", recipients=HR, feature="Opening packets", what_was_late="Nothing was lost; all packets can be opened."),
        step(94, "cto", "resolve", reason="Packets have opened without errors for half an hour."),
        step(150, "cto", "postmortem", customer_impact="No employer could open a packet for 72 minutes, in the middle of the morning."),
        step(160, "ceo", "note", text="The page reached the phone, and nobody looked at it for 24 minutes. We talk about the second person first, not about the phone."),
    ),
)  # fmt: skip

UNJUDGED = Story(
    key="wrong-zone",
    title="Two employers report wrong times in invites",
    ago=timedelta(minutes=35),
    source=Source.USER_TICKET,
    reporter="jon",
    description="Interview times are an hour early in the mail, and right on the page.",
    steps=(
        step(10, "jon", "acknowledge"),
        step(14, "jon", "note", text="Both employers sit in Lisbon. I asked for the original mails."),
    ),
)

MINOR = Story(
    key="figure-lags",
    title="A figure of the employer's overview lags by a day",
    ago=timedelta(hours=26),
    severity="SEV-3",
    reporter="mia",
    description="The count of open packets is the one of yesterday. The list itself is right.",
    steps=(
        step(8, "mia", "acknowledge"),
        step(20, "mia", "triage", severity="SEV-3", scope="Employers who look at the overview; the list is right"),
    ),
)

STORIES = (PAGED, UNJUDGED, WORKED, STABILISED, MINOR, OVERDUE_RECORD, MISSED_PROMISE)
