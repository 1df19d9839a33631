"""What is over: closed with cause, fix, messages, postmortem and action items."""

from datetime import timedelta

from incidents.choices import Source
from incidents.demo.story import Story, step
from incidents.demo.underway import CANDIDATES, HR

REGION = Story(
    key="invites-region",
    title="Invites late in one region",
    ago=timedelta(days=6, hours=4),
    severity="SEV-2",
    source=Source.ALERT,
    monitor="jobarium-invite-success",
    playbook="jobarium-b",
    description="Success of invites in the Nordic region fell to 71 %.",
    steps=(
        step(5, "cto", "acknowledge"),
        step(12, "cto", "triage", severity="SEV-2", scope="Candidates in the Nordic region"),
        step(20, "cto", "tick", place=1, note="The provider answers, but slowly, for one region."),
        step(26, "mia", "tell", template="employer_delay", recipients=HR, feature="Sending invitations", eta="this evening"),
        step(38, "cto", "measure", text="Failover to SMS where consent and number are there"),
        step(41, "cto", "stabilize"),
        step(96, "cto", "impact_over"),
        step(104, "cto", "resolve"),
        step(112, "mia", "tell", template="employer_recovered", recipients=HR, feature="Sending invitations", what_was_late="All delayed invitations have been sent."),
        step(
            300, "cto", "postmortem", publish=True,
            root_cause="All regions share one sending queue; a slow region holds up its own retries until they expire.",
            customer_impact="412 candidates got their invite up to two hours late. None was lost.",
            detection_gap="14 minutes: the monitor looks at all regions together.",
            what_worked="Failover by consent took three minutes.",
            what_failed="Nobody saw at first that only one region was slow.",
            corrective_actions="Give each region its own queue.",
            preventive_actions="Watch success by region.",
        ),
        step(310, "cto", "action", kind="corrective", text="One sending queue for each region", owner="cto", due_in_days=5),
        step(312, "cto", "action", kind="preventive", text="Monitor invite success by region", owner="mia", due_in_days=-1),
        step(2880, "mia", "finish", text="Monitor invite success by region", outcome="Five monitors, tried out with a test alert."),
        step(2890, "cto", "close", cause="One shared sending queue", fix_reference="release 2.31"),
    ),
)  # fmt: skip

PARSER = Story(
    key="cv-codec",
    title="CVs with embedded fonts come out empty",
    ago=timedelta(days=5, hours=2),
    severity="SEV-2",
    source=Source.USER_TICKET,
    reporter="mia",
    playbook="jobarium-a",
    description="Candidates see an empty profile after the upload. All files come from the same design tool.",
    steps=(
        step(12, "cto", "acknowledge"),
        step(19, "cto", "triage", severity="SEV-2", scope="Candidates who use one design tool, about 3 %"),
        step(25, "cto", "tick", place=1, note="Storage and parser are healthy."),
        step(30, "cto", "measure", text="Manual profile entry opened for all", until=150, effect="Candidates go on; 38 filled in their profile by hand."),
        step(35, "cto", "stabilize"),
        step(40, "mia", "tell", template="candidate_issue", recipients=CANDIDATES, feature="Reading your CV", eta="tomorrow morning", fallback_option="You can fill in your profile by hand."),
        step(100, "cto", "resolve"),
        step(110, "cto", "take_back", effect="The parser reads the fonts; entry by hand is no longer offered first."),
        step(115, "mia", "tell", template="candidate_recovered", recipients=CANDIDATES, feature="Reading your CV"),
        step(
            420, "cto", "postmortem", publish=True,
            root_cause="The parser skipped fonts it did not know, and took the empty text for success.",
            customer_impact="About 60 candidates saw an empty profile for 100 minutes.",
            detection_gap="Three hours: an empty result counted as a success.",
            what_worked="Support saw the common tool in the first three mails.",
            what_failed="The monitor counts errors, not empty profiles.",
            corrective_actions="Fail when a CV of more than one page yields no text.",
            preventive_actions="Count empty results as failures.",
        ),
        step(425, "cto", "action", kind="preventive", text="Count empty results as failures", owner="cto", due_in_days=-1),
        step(1500, "ceo", "close", cause="Unknown fonts were skipped silently", fix_reference="commit 8c1f02e"),
    ),
)  # fmt: skip

COSMETIC = Story(
    key="button-colour",
    title="A button of the review page cannot be read in dark mode",
    ago=timedelta(days=4, hours=12),
    severity="SEV-3",
    reporter="jon",
    description="Grey on grey. One employer wrote.",
    steps=(
        step(15, "jon", "acknowledge"),
        step(25, "jon", "triage", severity="SEV-3", scope="Employers who use dark mode"),
        step(300, "cto", "resolve"),
        step(400, "cto", "close", cause="A colour was fixed in one place only", fix_reference="commit 51d0aa7", no_communication_reason="One employer wrote and was answered directly."),
    ),
)  # fmt: skip

WRONG_REJECTIONS = Story(
    key="ranking-order",
    title="Candidates appear in the wrong order after the refresh",
    ago=timedelta(days=6, hours=20),
    severity="SEV-1",
    reporter="mia",
    impacts_hiring=True,
    description="Two employers saw last week's order of candidates as if it were today's.",
    steps=(
        step(7, "cto", "acknowledge"),
        step(13, "cto", "triage", severity="SEV-1", scope="Employers who opened a ranking since 6 o'clock"),
        step(18, "ceo", "tell", template="internal_update", next_update=80),
        step(25, "ceo", "decide", mitigation_path="Hide the order until the refresh is through; nobody is rejected on today's order.", stakeholder_updates="The CEO calls both employers before noon."),
        step(29, "cto", "decide", mitigation_path="Hide the order until the refresh is through; nobody is rejected on today's order.", stakeholder_updates="The CEO calls both employers before noon."),
        step(33, "cto", "measure", text="Order hidden, list sorted by name", until=240, effect="Employers see all candidates, without an order."),
        step(36, "cto", "stabilize"),
        step(82, "cto", "resolve"),
        step(86, "cto", "take_back", effect="The order is today's again."),
        step(90, "ceo", "note", text="Called both employers. Nobody was rejected meanwhile."),
        step(
            500, "cto", "postmortem", publish=True,
            root_cause="The refresh marked itself as finished before its last part was written.",
            customer_impact="Two employers saw an old order for 36 minutes; no decision was taken on it.",
            detection_gap="25 minutes: an employer told us.",
            what_worked="The order was hidden within half an hour.",
            what_failed="The age of a ranking was shown nowhere.",
            corrective_actions="Mark a refresh as finished in the same transaction as its last part.",
            preventive_actions="Show the age of every ranking.",
        ),
        step(510, "cto", "action", kind="preventive", text="Show the age of every ranking", owner="jon", due_in_days=2),
        step(1400, "ceo", "close", cause="A refresh was marked as finished too early", fix_reference="release 2.30.1", no_communication_reason="Both employers were called."),
    ),
)  # fmt: skip

STORIES = (WRONG_REJECTIONS, REGION, PARSER, COSMETIC)
