"""Templates and style sheets: what every page keeps to, whatever it shows."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.conf import settings
from django.template.loader import get_template, render_to_string

from config.casework.choices import Tone
from config.casework.deadlines.models import Deadline
from config.casework.templatetags.desk import clock_words

TEMPLATES = Path(settings.BASE_DIR) / "templates"
STYLES = Path(settings.BASE_DIR) / "config" / "static" / "desk"
NIGHT = datetime(2026, 3, 2, 2, 7, tzinfo=UTC)
PAGES = [path for path in sorted(TEMPLATES.rglob("*.html")) if path.parent.name != "mail"]


class Question(forms.Form):
    name = forms.CharField(label="Your name")
    way = forms.ChoiceField(
        label="What do you want?", choices=[("a", "A copy"), ("b", "Deletion")], widget=forms.RadioSelect
    )
    more = forms.CharField(label="More", required=False)


def page(state: str, **changes: Any) -> str:
    context = {
        "state": state,
        "incident_reference": "INC-2026-0007",
        "system_name": "Jobarium",
        "severity": {"label": "SEV-1", "tone": "danger"},
        "headline": "Invitations are not going out",
        "since": NIGHT,
        "since_words": "4 min ago",
        "impact": "Candidates get no invitations.",
        "first_step": "Open the status page of the mail provider.",
        "other": {"name": "Mira Okafor", "phone": "+49 30 1234567"},
        "form_token": "abc",
        "confirm_until": NIGHT + timedelta(minutes=15),
        "desk_url": "/admin/",
        "taken_by": "Carl Chief",
        "resolved_at": NIGHT,
    }
    return render_to_string("front/page_ack.html", context | changes)


class TestEveryPage:
    @pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(TEMPLATES)))
    def test_it_compiles_and_keeps_to_the_strict_content_policy(self, path: Path) -> None:
        get_template(str(path.relative_to(TEMPLATES)))
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:", text)
        scripts = re.findall(r"<script\b[^>]*>", text)
        allowed = re.compile(r'type="application/json"|src="\{% (?:url|static) ')  # data, or a file of our own
        assert all(allowed.search(script) for script in scripts)

    @pytest.mark.parametrize("code", [400, 403, 404, 410, 413, 429, 500, 503])
    def test_error_pages_need_no_context(self, code: int) -> None:
        text = get_template(f"{code}.html").render()
        assert re.search(r"<h1>[A-Z][^<]+</h1>", text)

    def test_styles_fetch_nothing_from_elsewhere(self) -> None:
        for path in STYLES.glob("*.css"):
            assert not re.search(r"url\(|@import|//", path.read_text(encoding="utf-8")), path.name


class TestForm:
    def test_errors_stand_in_the_title_on_top_and_at_the_field(self) -> None:
        text = render_to_string(
            "front/form.html", {"form": Question({"name": ""}), "title": "Ask", "submit_label": "Send"}
        )
        assert "<title>Error: Ask" in text
        assert '<a href="#id_name">Your name - This field is required.</a>' in text
        assert 'id="id_name_error"' in text
        assert text.index('class="summary"') < text.index("<form")

    def test_a_link_of_the_summary_leads_to_a_group_of_choices_too(self) -> None:
        text = render_to_string(
            "front/form.html", {"form": Question({"name": "x"}), "title": "Ask", "submit_label": "Send"}
        )
        assert 'href="#id_way"' in text
        assert '<div id="id_way">' in text

    def test_a_fresh_form_has_no_summary_and_marks_what_is_optional(self) -> None:
        text = render_to_string("front/form.html", {"form": Question(), "title": "Ask", "submit_label": "Send"})
        assert "<title>Ask" in text
        assert 'class="summary"' not in text
        assert text.count("(optional)") == 1


class TestPageAcknowledgement:
    @pytest.mark.parametrize("state", ["fresh", "provisional", "confirmed", "handed", "taken", "resolved", "expired"])
    def test_it_weighs_less_than_40_kb_with_its_styles_and_has_no_script(self, state: str) -> None:
        text = page(state)
        styles = sum((STYLES / name).stat().st_size for name in ("tones.css", "front.css"))
        assert len(text.encode()) + styles < 40_000
        assert "<script" not in text

    def test_fresh_it_offers_both_acts_and_the_other_number(self) -> None:
        text = page("fresh")
        assert 'value="have">I have it' in text
        assert 'value="hand">Hand to Mira Okafor' in text
        assert 'href="tel:+49301234567"' in text
        assert "Open the status page of the mail provider." in text

    def test_provisional_it_asks_for_the_second_tap_and_says_until_when(self) -> None:
        text = page("provisional")
        assert 'value="confirm">Still on it - confirm' in text
        assert "Mon 2 March 2026, 02:22 (UTC)" in text
        assert 'value="have"' not in text

    @pytest.mark.parametrize("state", ["confirmed", "handed", "taken", "resolved", "expired"])
    def test_afterwards_nobody_can_take_it_or_hand_it_over(self, state: str) -> None:
        text = page(state)
        assert 'value="have"' not in text
        assert 'value="hand"' not in text
        assert ("<form" in text) == (state != "expired")  # whether the page was worth it can be said later too

    def test_without_a_second_person_there_is_nobody_to_hand_it_to(self) -> None:
        text = page("fresh", other=None)
        assert "Hand to" not in text
        assert "tel:" not in text

    def test_an_expired_link_tells_only_the_reference(self) -> None:
        text = page("expired")
        assert "INC-2026-0007" in text
        assert "Invitations" not in text
        assert "Mira" not in text


class TestPartials:
    def test_the_timeline_folds_the_system_and_shows_both_times_when_they_differ(self) -> None:
        entries = [
            {
                "at": NIGHT,
                "recorded_at": NIGHT + timedelta(minutes=9),
                "actor": "Lea",
                "what": "I called them.",
                "kind": "person",
            },
            {"at": NIGHT, "recorded_at": NIGHT, "actor": "", "what": "paged Lea", "kind": "system"},
            {
                "at": NIGHT - timedelta(minutes=2),
                "recorded_at": None,
                "actor": "",
                "what": "case opened",
                "kind": "system",
            },
        ]
        text = render_to_string("desk/partials/timeline.html", {"entries": entries})
        assert text.count("<details>") == 1
        assert "2 entries of the system" in text
        assert text.count("recorded Mon 2 March 2026, 02:16 (UTC)") == 1

    def test_an_empty_timeline_says_why(self) -> None:
        assert "Nothing has happened yet" in render_to_string("desk/partials/timeline.html", {"entries": []})

    def test_what_was_typed_is_never_markup(self) -> None:
        entries = [{"at": NIGHT, "recorded_at": None, "actor": "<b>x", "what": "<script>1</script>", "kind": "person"}]
        text = render_to_string("desk/partials/timeline.html", {"entries": entries})
        assert "<script>" not in text
        assert "<b>" not in text

    def test_a_refused_act_says_why_instead_of_linking(self) -> None:
        act = {"label": "Close", "url": "/close/", "refused": "Closing needs a cause."}
        text = render_to_string("desk/partials/transition_buttons.html", {"primary": None, "more": [act]})
        assert "Closing needs a cause." in text
        assert "/close/" not in text

    def test_a_settled_step_cannot_be_ticked_or_skipped_again(self) -> None:
        steps = [
            {"number": 1, "title": "Look", "state": "done", "url": "/1/"},
            {"number": 2, "title": "Act", "state": "open", "url": "/2/"},
        ]
        text = render_to_string("desk/partials/run.html", {"steps": steps})
        assert text.count('value="tick"') == 1
        assert text.count('value="skip"') == 1
        assert text.count('value="note"') == 2


class TestClockOfADeadline:
    def test_a_cancelled_clock_is_called_off(self) -> None:
        said = clock_words(
            Deadline(kind="acknowledge", started_at=NIGHT, due_at=NIGHT, cancelled_at=NIGHT), NIGHT + timedelta(hours=1)
        )
        assert (said.words, said.tone) == ("called off", Tone.NEUTRAL)

    def test_a_paused_clock_is_not_late(self) -> None:
        said = clock_words(
            Deadline(kind="acknowledge", started_at=NIGHT, due_at=NIGHT, paused_at=NIGHT), NIGHT + timedelta(hours=1)
        )
        assert (said.words, said.tone) == ("paused", Tone.NEUTRAL)

    def test_the_kind_is_said_in_words(self) -> None:
        deadline = Deadline(kind="send_update", started_at=NIGHT, due_at=NIGHT + timedelta(hours=1))
        assert clock_words(deadline, NIGHT).words == "send update within 1 h"


class TestMails:
    @pytest.mark.parametrize("name", ["page", "update"])
    def test_both_twins_say_the_same(self, name: str) -> None:
        context = {
            "headline": "Invitations & more",
            "facts": [{"label": "System", "value": "Jobarium"}],
            "paragraphs": ["41 of 52 failed."],
            "ask": "Tell us that you have it.",
            "until": "Mon 2 March 2026, 03:22 (Berlin)",
            "link": {"url": "https://desk.example.org/a/x/", "label": "I have it"},
            "why": "You are on call.",
        }
        plain = render_to_string(f"mail/{name}.txt", context)
        html = render_to_string(f"mail/{name}.html", context)
        assert plain.startswith("Invitations & more\n")
        assert "Invitations &amp; more" in html
        for part in (
            "Jobarium",
            "41 of 52 failed.",
            "Tell us that you have it.",
            "03:22",
            "https://desk.example.org/a/x/",
            "You are on call.",
        ):
            assert part in plain
            assert part in html
        assert "max-width:560px" in html
        assert "\n\n\n" not in plain
