"""The page log, and the paging policy of a severity level."""

from typing import Any

from django import forms
from django.contrib import admin
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.casework import clock
from config.casework.access.models import User
from config.casework.choices import Tone
from config.casework.desk.acts import Act
from config.casework.desk.base import ReadOnlyAdmin
from config.casework.desk.forms import ActForm
from incidents.models import Page, Severity
from incidents.paging.policies import as_lines, set_policy
from incidents.paging.services import judge
from incidents.severity.choices import Paging


class PolicyForm(ActForm):
    paging = forms.ChoiceField(label=gettext_lazy("Pages"), choices=Paging.choices)
    steps = forms.CharField(
        label=gettext_lazy("Steps"),
        help_text=gettext_lazy(
            "One a line: the time since the first page, then whom. PT0S primary, PT15M secondary, PT20M cto, PT20M person chief@example.com, "
            "PT30M rotation platform, PT30M channel slack. A line may end with: in business hours."
        ),
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
        required=False,
    )
    repeat = forms.IntegerField(label=gettext_lazy("Rounds after the first"), min_value=0, max_value=24)
    every = forms.CharField(label=gettext_lazy("Time between two rounds"), max_length=20, initial="PT15M")
    lasts = forms.CharField(
        label=gettext_lazy("An acknowledgement lasts"),
        max_length=20,
        required=False,
        help_text=gettext_lazy(
            "Such as PT4H. Without any work on the case for this long, paging begins anew. Empty: it lasts."
        ),
    )


def _set(actor: User, level: Severity, form: PolicyForm) -> str:
    values = form.cleaned_data
    set_policy(
        level,
        lines=values["steps"],
        repeat=values["repeat"],
        every=values["every"],
        lasts=values["lasts"],
        paging=values["paging"],
        actor=actor,
        at=clock.now(),
    )
    return _("Kept. Incidents under way go on as they began.")


def _present(level: Severity) -> dict[str, Any]:
    return {
        "paging": level.paging,
        "steps": as_lines(level),
        "repeat": level.paging_repeat,
        "every": level.paging_every,
        "lasts": level.paging_lasts,
    }


POLICY = Act(
    "policy",
    gettext_lazy("Change the paging policy"),
    "incidents.change_severity",
    _set,
    form=PolicyForm,
    consequence=gettext_lazy("It holds for incidents that open from now on."),
    initial=_present,
)


def _judge(worth_it: bool) -> Any:
    def perform(actor: User, page: Page, _form: ActForm) -> str:
        judge(page, worth_it=worth_it, actor=actor, at=clock.now())
        return _("Noted.")

    return perform


@admin.register(Page)
class PageAdmin(ReadOnlyAdmin):
    list_display = ("paged_at", "incident", "person", "reason", "state", "worth_it")
    list_filter = ("reason", "state", "worth_it")
    list_select_related = ("incident", "person")
    narrow_columns = ("paged_at", "incident", "state")
    acts = (
        Act(
            "not_worth",
            gettext_lazy("Not worth it"),
            "incidents.change_page",
            _judge(worth_it=False),
            tone=Tone.WARN,
            available=lambda page: page.person_id is not None and page.worth_it is not False,
        ),
        Act(
            "worth",
            gettext_lazy("It was worth it"),
            "incidents.change_page",
            _judge(worth_it=True),
            available=lambda page: page.person_id is not None and page.worth_it is not True,
        ),
    )
