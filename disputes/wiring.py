"""What disputes bring into the house; `AppConfig.ready` calls it once the models exist."""

from importlib import import_module

from config.casework.desk.clocks import name_clock
from config.casework.events import ApprovalGranted, DeadlineBreached, subscribe
from config.casework.work import sweeps
from disputes import clocks, permissions, wording
from disputes.events import DisputeFiled, RehearsalPassed


def connect() -> None:
    permissions.declare()
    wording.declare()
    import_module("disputes.transitions")
    import_module("disputes.explanations.services")
    import_module("disputes.kinds")
    for kind, act in clocks.ACTS.items():
        name_clock(kind, act)
    decisions = import_module("disputes.decisions.services")
    undecided = import_module("disputes.undecided.services")
    subscribe(ApprovalGranted, decisions.granted)
    subscribe(ApprovalGranted, undecided.granted)
    subscribe(DeadlineBreached, undecided.clock_ran_out)
    subscribe(DisputeFiled, undecided.filed)
    checklists = import_module("disputes.checklists")
    checklists.declare()
    subscribe(RehearsalPassed, checklists.settle)
    sweeps.register("disputes out of time", "disputes.undecided.services.sweep", order=20)
    sweeps.register("circumstances", "disputes.undecided.services.sweep_settled", order=700)
    sweeps.register("disputes kept long enough", "disputes.retention.sweep", order=840)
    sweeps.register("dispute forms", "disputes.filing.services.sweep", order=710)
    import_module("disputes.review.deeds").declare()
    import_module("disputes.decisions.deeds").declare()
    import_module("disputes.dashboard").declare()
