import base64
from datetime import datetime, timedelta
from typing import Any, cast

import pytest
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from config.casework.access.models import User
from config.casework.links.models import Grant
from config.casework.links.services import LinkExpired, LinkUnknown, issue, look, open_window, prune, revoke, use
from config.casework.links.views import link_page
from tests.casework.cases import a_case

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def a_link(now: datetime, **options: Any) -> tuple[str, Grant]:
    token = issue("status", a_case(), at=now, **{"expires_at": now + HOUR, **options})
    return token, Grant.objects.get()


def columns() -> Any:
    return Grant.objects.values().get()  # type: ignore[misc]  # the plugin takes the generic key for a column


@pytest.mark.django_db
class TestLooking:
    def test_it_finds_what_the_link_grants(self, lead: User, now: datetime) -> None:
        token, grant = a_link(now, person=lead, bound={"step": 2, "round": 1})
        found = look(token, "status", now)
        assert (found.pk, found.object, found.person, found.bound) == (
            grant.pk,
            grant.object,
            lead,
            {"step": 2, "round": 1},
        )

    def test_it_changes_nothing(self, now: datetime) -> None:
        token, _grant = a_link(now, max_starts=1)
        before = columns()
        for _scanner in range(10):
            look(token, "status", now)
        assert columns() == before

    def test_the_token_itself_is_not_kept(self, now: datetime) -> None:
        token, _grant = a_link(now)
        raw = base64.urlsafe_b64decode(token)
        kept = repr(columns())
        assert token not in kept
        assert raw.hex() not in kept

    def test_every_altered_letter_is_found_out_without_the_database(
        self, now: datetime, django_assert_num_queries: Any
    ) -> None:
        token, _grant = a_link(now)
        with django_assert_num_queries(0):
            for place, letter in enumerate(token):
                other = "A" if letter != "A" else "B"
                with pytest.raises(LinkUnknown):
                    look(token[:place] + other + token[place + 1 :], "status", now)

    @pytest.mark.parametrize(
        "change",
        [
            lambda t: t + "A",
            lambda t: t[:-1],
            lambda t: t + "\n",
            lambda t: "",
            lambda t: " " + t,
            lambda t: t[:30] + "!" + t[30:],
        ],
    )
    def test_a_text_of_another_shape_is_unknown(self, change: Any, now: datetime) -> None:
        token, _grant = a_link(now)
        with pytest.raises(LinkUnknown):
            look(change(token), "status", now)

    def test_a_link_serves_its_own_purpose_only(self, now: datetime) -> None:
        token, _grant = a_link(now)
        with pytest.raises(LinkUnknown):
            look(token, "download", now)

    def test_it_ends_exactly_at_its_end(self, now: datetime) -> None:
        token, _grant = a_link(now)
        assert look(token, "status", now + HOUR - timedelta(microseconds=1))
        with pytest.raises(LinkExpired):
            look(token, "status", now + HOUR)

    def test_a_revoked_link_is_over(self, lead: User, chief: User, now: datetime) -> None:
        token, grant = a_link(now, person=lead)
        assert revoke(cast("Model", grant.object), at=now, person=chief) == 0
        assert look(token, "status", now)
        assert revoke(cast("Model", grant.object), at=now, purpose="status") == 1
        with pytest.raises(LinkExpired):
            look(token, "status", now)

    def test_a_key_that_was_replaced_still_reads_and_a_dropped_one_does_not(self, now: datetime, settings: Any) -> None:
        token, _grant = a_link(now)
        settings.DESK_KEYS = ("a-new-key-" * 4, *settings.DESK_KEYS)
        assert look(token, "status", now)
        settings.DESK_KEYS = settings.DESK_KEYS[:1]
        with pytest.raises(LinkUnknown):
            look(token, "status", now)

    def test_more_than_coded_values_cannot_be_bound(self, now: datetime) -> None:
        with pytest.raises(TypeError, match="person"):
            a_link(now, bound={"person": {"name": "Ana"}})


@pytest.mark.django_db
class TestUsing:
    def test_a_link_for_one_use_is_used_up_after_it(self, now: datetime) -> None:
        token, grant = a_link(now, max_starts=1)
        use(look(token, "status", now), now)
        with pytest.raises(LinkExpired):
            use(grant, now)
        with pytest.raises(LinkExpired):
            look(token, "status", now)

    def test_a_link_without_a_limit_is_used_as_often_as_one_likes(self, now: datetime) -> None:
        token, grant = a_link(now)
        for _time in range(20):
            use(grant, now)
        assert look(token, "status", now).starts == 20

    def test_a_stale_copy_cannot_use_what_is_over(self, now: datetime) -> None:
        _token, grant = a_link(now)
        with pytest.raises(LinkExpired):
            use(grant, now + HOUR)
        revoke(cast("Model", grant.object), at=now)
        with pytest.raises(LinkExpired):
            use(grant, now)


@pytest.mark.django_db
class TestWindow:
    def test_it_lasts_a_day_beyond_the_end_of_the_link(self, now: datetime) -> None:
        token, grant = a_link(now)
        open_window(grant, now + HOUR / 2)
        late = now + HOUR / 2 + DAY
        assert look(token, "status", late - timedelta(seconds=1))
        with pytest.raises(LinkExpired):
            look(token, "status", late)
        with pytest.raises(LinkExpired):
            use(grant, late)

    def test_five_starts_then_it_is_over_but_a_started_download_goes_on(self, now: datetime) -> None:
        token, grant = a_link(now)
        open_window(grant, now)
        for _start in range(5):
            use(grant, now)
        with pytest.raises(LinkExpired):
            use(grant, now)
        with pytest.raises(LinkExpired):
            look(token, "status", now)
        assert look(token, "status", now, resuming=True)
        with pytest.raises(LinkExpired):
            look(token, "status", now + DAY, resuming=True)

    def test_opening_it_again_does_not_start_it_anew(self, now: datetime) -> None:
        _token, grant = a_link(now, expires_at=now + 7 * DAY)
        open_window(grant, now)
        use(grant, now)
        open_window(grant, now + HOUR)
        assert (grant.starts, grant.window_until) == (1, now + DAY)
        with pytest.raises(LinkExpired):
            open_window(grant, now + DAY)

    def test_it_cannot_be_opened_when_the_link_is_over(self, now: datetime) -> None:
        _token, grant = a_link(now)
        with pytest.raises(LinkExpired):
            open_window(grant, now + HOUR)


@pytest.mark.django_db
def test_pruning_keeps_what_ended_lately(now: datetime) -> None:
    a_link(now)
    assert prune(now + 30 * DAY) == 0
    assert prune(now + 31 * DAY) == 1


@pytest.mark.django_db
class TestPage:
    @pytest.mark.parametrize(("error", "status"), [(LinkUnknown, 404), (LinkExpired, 410)])
    def test_it_says_what_is_wrong_with_a_link(self, error: type[Exception], status: int, rf: RequestFactory) -> None:
        @link_page
        def view(request: HttpRequest, token: str) -> HttpResponse:
            raise error

        response = view(rf.get("/s/x/"), token="x")
        assert response.status_code == status
        assert response.headers["Cache-Control"] == "no-store"
