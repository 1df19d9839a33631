"""Taking a step of a state machine from a page, a table or a child row. All of them go through `transitions.apply`."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import models
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from config.casework import clock
from config.casework.access.models import User
from config.casework.audit.models import AuditEntry
from config.casework.choices import Tone
from config.casework.desk.acts import draw_act
from config.casework.desk.base import DeskAdmin, acting_user
from config.casework.desk.forms import StepForm, given_values, step_form
from config.casework.transitions import IllegalTransition, Machine, Refused, StaleState, Step, Transition, apply
from config.casework.words import ago_words


@dataclass(frozen=True)
class Button:
    """One act as the pages draw it (desk/partials/transition_buttons.html)."""

    label: str
    url: str
    tone: str = ""
    refused: str = ""
    one_click: bool = False
    version: int | None = None


@dataclass(frozen=True)
class Stand:
    """What a step is taken on: the row, its machine, and the page one comes from and goes back to."""

    obj: Any
    machine: Machine[Any]
    back: str

    @property
    def version(self) -> int | None:
        return getattr(self.obj, "version", None)


def buttons(stand: Stand, user: User, address: str) -> tuple[Button | None, list[Button]]:
    """The primary act and the rest, of those the state and the person's permissions allow now.

    Args:
        address: where a step lives, with {name} in the place of its name.
    """
    primary: Button | None = None
    more: list[Button] = []
    for name, transition in stand.machine.available(stand.obj, user):
        refused = " ".join(line["text"] for line in _foreseen(stand, name, transition, user))
        button = Button(
            label=str(transition.label),
            url=address.format(name=name),
            tone=str(Tone.DANGER) if transition.tone == Tone.DANGER else "",
            refused=refused,
            version=stand.version,
        )
        if refused or not transition.primary or primary is not None:
            more.append(button)
            continue
        primary = replace(button, one_click=is_harmless(transition))
        if primary.one_click:
            more.insert(0, replace(button, label=_("%(act)s, with time or note") % {"act": transition.label}))
    return primary, sorted(more, key=lambda act: bool(act.refused))


def is_harmless(transition: Transition) -> bool:
    """Whether one click is enough: nothing to fill in and nothing to regret."""
    return not transition.fields and transition.tone not in {Tone.DANGER, Tone.WARN}


def step_page(admin: DeskAdmin, request: HttpRequest, stand: Stand, name: str) -> HttpResponse:
    """Show one step and take it.

    A GET changes nothing. A refusal is shown in words and keeps what was typed; the row stays as it was.

    Raises:
        Http404: the machine has no such step.
        PermissionDenied: the person may not take it.
    """
    transition = stand.machine.transitions.get(name)
    if transition is None:
        raise Http404(f"no step {name}")
    user = acting_user(request)
    if not user.has_perm(transition.permission):
        raise PermissionDenied(f"{user} may not do this on {stand.obj}.")
    form_class = _form_class(admin, request, stand, transition)
    if request.method != "POST":
        form = form_class(initial={**_present(stand.obj, transition), "version": stand.version})
        return _drawn(
            admin, request, stand, transition, form, extra={"missing": _foreseen(stand, name, transition, user)}
        )
    form = form_class(request.POST)
    if form.is_valid() and _taken(request, stand, name, transition, form):
        messages.success(request, _("%(row)s: %(act)s. Done.") % {"row": stand.obj, "act": transition.label})
        return HttpResponseRedirect(stand.back)
    return _drawn(admin, request, stand, transition, form)


def take_for_each(
    admin: DeskAdmin, request: HttpRequest, rows: Iterable[Any], machine: Machine[Any], name: str
) -> HttpResponse | None:
    """Take one step on each chosen row, and say how many were refused and why.

    Each row is a transaction of its own: one refusal stops nothing. A step that demands fields asks for them once.

    Returns:
        the page that asks, or None when it is done.
    """
    transition = machine.transitions[name]
    rows = list(rows)
    if not rows:
        return None
    stand = Stand(rows[0], machine, request.get_full_path())
    form_class = _form_class(admin, request, stand, transition)
    if "confirmed" not in request.POST:
        form = form_class(initial={"version": None})
        return _drawn_for_each(admin, request, stand, transition, form, rows)
    form = form_class(request.POST)
    if not form.is_valid():
        return _drawn_for_each(admin, request, stand, transition, form, rows)
    _report(request, transition, *_each(request, rows, machine, name, transition, form))
    return None


def _each(
    request: HttpRequest, rows: list[Any], machine: Machine[Any], name: str, transition: Transition, form: StepForm
) -> tuple[int, Counter[str]]:
    done, refused = 0, Counter[str]()
    for row in rows:
        try:
            _apply(row, machine, name, transition, form, acting_user(request))
        except ValidationError as error:
            refused[" ".join(error.messages)] += 1
        except PermissionDenied:
            refused[_("You may not do this.")] += 1
        except Refused as error:
            refused[str(error)] += 1
        else:
            done += 1
    return done, refused


def _report(request: HttpRequest, transition: Transition, done: int, refused: Counter[str]) -> None:
    if done:
        messages.success(
            request,
            ngettext("%(act)s: %(count)d done.", "%(act)s: %(count)d done.", done)
            % {"act": transition.label, "count": done},
        )
    for reason, count in refused.most_common():
        messages.warning(
            request,
            ngettext("%(count)d refused: %(reason)s", "%(count)d refused: %(reason)s", count)
            % {"count": count, "reason": reason},
        )


def _form_class(admin: DeskAdmin, request: HttpRequest, stand: Stand, transition: Transition) -> type[StepForm]:
    return step_form(type(stand.obj), transition, lambda column: admin.picker(request, stand.obj, column))


def _present(obj: models.Model, transition: Transition) -> dict[str, Any]:
    """What the form starts with: what the row holds, and what the step suggests."""
    columns: list[Any] = [obj._meta.get_field(name) for name in (*transition.fields, *transition.optional)]
    held = {column.name: column.value_from_object(obj) for column in columns}
    return held | dict(transition.initial(obj) if transition.initial else {})


def _taken(request: HttpRequest, stand: Stand, name: str, transition: Transition, form: StepForm) -> bool:
    """Take the step; a refusal goes into the form."""
    seen_version = form.cleaned_data.get("version")
    now_version = stand.version
    if seen_version is not None and now_version is not None:
        stand.obj.version = seen_version
    try:
        _apply(stand.obj, stand.machine, name, transition, form, acting_user(request))
    except ValidationError as error:
        form.take_errors(error)
    except (StaleState, IllegalTransition) as error:
        overtaken = isinstance(error, StaleState) or (seen_version is not None and seen_version != now_version)
        form.add_error(None, _overtaken(stand, error) if overtaken else str(error))
    except Refused as error:
        form.add_error(None, str(error))
    else:
        return True
    stand.obj.version = now_version
    form.renew_version(now_version)
    return False


def _apply(obj: Any, machine: Machine[Any], name: str, transition: Transition, form: StepForm, user: User) -> None:
    values = given_values(form, obj, transition)
    apply(
        obj,
        name,
        actor=user,
        at=form.cleaned_data.get("at"),
        reason=form.cleaned_data.get("reason", ""),
        machine=machine,
        **values,
    )


def _overtaken(stand: Stand, error: Refused) -> str:
    """Who was faster, and how it is now."""
    case = getattr(stand.obj, "case_root", stand.obj)
    last = (
        AuditEntry.objects.filter(
            case_reference=getattr(case, "reference", ""), action__startswith=f"{stand.machine.noun}."
        )
        .select_related("actor")
        .order_by("-pk")
        .first()
    )
    if last is None:
        return str(error)
    said = {
        "who": last.actor.get_full_name() if last.actor else last.actor_label,
        "when": ago_words(last.at, clock.now()),
        "error": error,
    }
    return _("%(who)s was faster, %(when)s. %(error)s") % said


def _foreseen(stand: Stand, name: str, transition: Transition, user: User) -> list[dict[str, str]]:
    """What stands in the way already; guards are asked only where no form field could change their answer."""
    state = stand.machine.state(stand.obj)
    if state not in transition.sources:
        label = stand.machine.states(state).label
        return [
            {
                "text": str(transition.already)
                or _("“%(step)s” is not possible: it is %(state)s.") % {"step": transition.label, "state": label}
            }
        ]
    if transition.fields or any(stand.obj._meta.get_field(column).editable for column in transition.optional):
        return []
    step = Step(obj=stand.obj, name=name, actor=user, at=clock.now(), values={}, before={})
    return [{"text": refusal} for guard in transition.guards if (refusal := guard(step))]


def _drawn(
    admin: DeskAdmin,
    request: HttpRequest,
    stand: Stand,
    transition: Transition,
    form: StepForm,
    *,
    extra: Mapping[str, Any] | None = None,
    title: str = "",
) -> HttpResponse:
    return draw_act(
        admin,
        request,
        form,
        title=title or str(transition.label),
        submit_label=transition.label,
        back=stand.back,
        consequence=transition.consequence,
        tone=str(transition.tone),
        original=None if title else stand.obj,
        extra=extra,
    )


def _drawn_for_each(
    admin: DeskAdmin, request: HttpRequest, stand: Stand, transition: Transition, form: StepForm, rows: list[Any]
) -> HttpResponse:
    count = len(rows)
    carried = [
        ("action", request.POST.get("action", "")),
        ("confirmed", "1"),
        *(("_selected_action", row.pk) for row in rows),
    ]
    hidden = format_html_join("", '<input type="hidden" name="{}" value="{}">', carried)
    title = ngettext("%(act)s: %(count)d row", "%(act)s: %(count)d rows", count) % {
        "act": transition.label,
        "count": count,
    }
    return _drawn(admin, request, stand, transition, form, extra={"rows": rows, "hidden_fields": hidden}, title=title)
