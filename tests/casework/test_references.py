"""References: counted ones without gaps or twins, random ones whose check letters see typing errors."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.casework.cases.references import ALPHABET, is_well_formed, next_reference, public_reference

AT = datetime(2026, 3, 9, tzinfo=UTC)


class TestCounted:
    def test_they_count_up_within_a_year(self, db: None) -> None:
        assert [next_reference("INC", AT), next_reference("INC", AT)] == ["INC-2026-000001", "INC-2026-000002"]

    def test_each_year_and_kind_begins_anew(self, db: None) -> None:
        next_reference("INC", AT)
        assert next_reference("INC", AT.replace(year=2027)) == "INC-2027-000001"
        assert next_reference("SUP", AT) == "SUP-2026-000001"


class TestPublic:
    @given(st.integers(0, 5), st.sampled_from(ALPHABET))
    def test_one_wrong_letter_is_seen(self, place: int, letter: str) -> None:
        reference = public_reference("GDPR", AT)
        letters = reference.rpartition("-")[2]
        typed = letters[:place] + letter + letters[place + 1 :]
        assert is_well_formed(f"GDPR-2026-{typed}") == (typed == letters)

    @given(st.integers(0, 4))
    def test_two_swapped_letters_are_seen(self, place: int) -> None:
        letters = public_reference("DSP", AT).rpartition("-")[2]
        typed = letters[:place] + letters[place + 1] + letters[place] + letters[place + 2 :]
        assert is_well_formed(f"DSP-2026-{typed}") == (typed == letters)

    @pytest.mark.parametrize("typed", ["", "GDPR", "GDPR-2026", "GDPR-2026-AB", "GDPR-20x6-ABCDEF", "GDPR-2026-ABCDE0"])
    def test_rubbish_is_not_one(self, typed: str) -> None:
        assert not is_well_formed(typed)

    def test_small_letters_and_blanks_do_not_matter(self) -> None:
        assert is_well_formed(f"  {public_reference('SUP', AT).lower()} ")
