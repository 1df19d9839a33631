"""Keys of the desk: rotation, tampering, cut files, and files that die with their key."""

import io
import os
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from config.casework import crypto
from config.casework.crypto import CHUNK, DecryptionFailed, Keyring

OLD, NEW = "an old key of some length", "a new key of some length"
BEFORE, DURING, AFTER = Keyring((OLD,)), Keyring((NEW, OLD)), Keyring((NEW,))
SIZES = (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 17)


def sealed(data: bytes, ring: Keyring = BEFORE) -> tuple[bytes, bytes]:
    target = io.BytesIO()
    key = ring.encrypt_stream(io.BytesIO(data), target)
    return target.getvalue(), key


def opened(data: bytes, key: bytes, ring: Keyring = BEFORE) -> bytes:
    target = io.BytesIO()
    assert ring.decrypt_stream(io.BytesIO(data), target, key) == len(target.getvalue())
    return target.getvalue()


class Dripping:
    """A source that hands out less than it is asked for, as a pipe does."""

    def __init__(self, data: bytes) -> None:
        self.stream = io.BytesIO(data)

    def read(self, size: int = -1, /) -> bytes:
        return self.stream.read(min(size, 1000))


class TestDerivedKeys:
    def test_each_purpose_and_use_has_its_own(self) -> None:
        keys = {
            BEFORE.seal_key("audit"),
            BEFORE.seal_key("ledger"),
            BEFORE.mac("audit", b""),
            BEFORE.mac("ledger", b""),
        }
        assert len(keys) == 4
        assert all(len(key) == 32 for key in keys)

    def test_they_are_the_same_on_every_node(self) -> None:
        assert Keyring((OLD,)).seal_key("audit") == BEFORE.seal_key("audit")

    def test_they_never_change_with_the_code(self) -> None:
        # Stored seals and digests depend on these values; a change here locks the desk out of its own data.
        assert (
            sha256(Keyring(("k",)).seal_key("audit") + Keyring(("k",)).mac("ledger", b"x")).hexdigest()
            == "604fac3294964222ace0a5b76cea5594543f5f049d1dd649f91e8255b2353034"
        )

    def test_an_older_key_is_reached_by_its_place(self) -> None:
        assert DURING.seal_key("audit", 1) == BEFORE.seal_key("audit")
        assert DURING.seal_key("audit") == AFTER.seal_key("audit")

    @pytest.mark.parametrize("index", [1, -1])
    def test_a_key_that_is_not_there_is_said_so(self, index: int) -> None:
        with pytest.raises(IndexError, match="DESK_KEYS holds 1 keys"):
            BEFORE.seal_key("audit", index)

    @pytest.mark.parametrize("keys", [(), ("",), (NEW, " ")])
    def test_no_key_or_an_empty_one_is_refused(self, keys: tuple[str, ...]) -> None:
        with pytest.raises(ValueError, match="DESK_KEYS"):
            Keyring(keys)

    def test_printing_a_keyring_shows_no_key(self) -> None:
        ring = Keyring((OLD,))
        ring.seal_key("audit")
        assert repr(ring) == "Keyring()"


class TestDigests:
    def test_a_digest_is_known_again_after_a_change_of_keys(self) -> None:
        digest = BEFORE.mac("ledger", b"ana@example.org")
        assert DURING.mac("ledger", b"ana@example.org") != digest
        assert digest in DURING.macs("ledger", b"ana@example.org")
        assert DURING.verify_mac("ledger", b"ana@example.org", digest)

    def test_a_wrong_digest_is_refused(self) -> None:
        digest = BEFORE.mac("ledger", b"ana@example.org")
        assert not BEFORE.verify_mac("ledger", b"ben@example.org", digest)
        assert not BEFORE.verify_mac("audit", b"ana@example.org", digest)
        assert not BEFORE.verify_mac("ledger", b"ana@example.org", digest[:-1])
        assert not BEFORE.verify_mac("ledger", b"ana@example.org", b"")
        assert not AFTER.verify_mac("ledger", b"ana@example.org", digest)


class TestValues:
    @given(st.binary(max_size=300))
    def test_what_is_sealed_opens_again(self, data: bytes) -> None:
        assert BEFORE.decrypt("contacts", BEFORE.encrypt("contacts", data)) == data

    def test_the_same_value_never_looks_the_same(self) -> None:
        assert BEFORE.encrypt("contacts", b"x") != BEFORE.encrypt("contacts", b"x")

    def test_another_purpose_does_not_open_it(self) -> None:
        with pytest.raises(DecryptionFailed):
            BEFORE.decrypt("notes", BEFORE.encrypt("contacts", b"x"))

    def test_any_altered_byte_is_noticed(self) -> None:
        token = BEFORE.encrypt("contacts", b"+49 30 1234")
        for place in range(len(token)):
            altered = bytearray(token)
            altered[place] ^= 1
            with pytest.raises(DecryptionFailed):
                BEFORE.decrypt("contacts", bytes(altered))

    def test_any_cut_is_noticed(self) -> None:
        token = BEFORE.encrypt("contacts", b"+49 30 1234")
        for length in range(len(token)):
            with pytest.raises(DecryptionFailed):
                BEFORE.decrypt("contacts", token[:length])


class TestRotation:
    def test_an_old_value_opens_while_its_key_is_listed(self) -> None:
        token = BEFORE.encrypt("contacts", b"x")
        assert DURING.decrypt("contacts", token) == b"x"
        with pytest.raises(DecryptionFailed, match="DESK_KEYS"):
            AFTER.decrypt("contacts", token)

    def test_a_rotated_value_no_longer_needs_the_old_key(self) -> None:
        token = BEFORE.encrypt("contacts", b"x")
        assert not DURING.is_current("contacts", token)
        rotated = DURING.rotate("contacts", token)
        assert DURING.is_current("contacts", rotated)
        assert AFTER.decrypt("contacts", rotated) == b"x"
        with pytest.raises(DecryptionFailed):
            BEFORE.decrypt("contacts", rotated)

    def test_a_files_key_is_rotated_without_touching_the_file(self) -> None:
        data, key = sealed(b"evidence")
        assert opened(data, DURING.rotate("files:key", key), AFTER) == b"evidence"


class TestStreams:
    @pytest.mark.parametrize("size", SIZES)
    def test_a_stream_of_any_length_opens_again(self, size: int) -> None:
        plain = os.urandom(size)
        data, key = sealed(plain)
        assert opened(data, key) == plain
        assert plain == b"" or plain[:32] not in data or size < 8

    def test_a_source_that_drips_gives_the_same(self) -> None:
        plain = os.urandom(2 * CHUNK + 5)
        middle, target = io.BytesIO(), io.BytesIO()
        key = BEFORE.encrypt_stream(Dripping(plain), middle)
        BEFORE.decrypt_stream(Dripping(middle.getvalue()), target, key)
        assert target.getvalue() == plain

    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("offset", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 16])
    def test_a_download_is_resumed_at_any_byte(self, size: int, offset: int) -> None:
        plain = os.urandom(size)
        data, key = sealed(plain)
        if offset < size:
            assert b"".join(BEFORE.decrypt_from(io.BytesIO(data), key, offset)) == plain[offset:]
        elif offset > size:
            with pytest.raises(DecryptionFailed):
                list(BEFORE.decrypt_from(io.BytesIO(data), key, offset))

    @pytest.mark.parametrize("size", SIZES)
    def test_a_cut_stream_is_noticed_wherever_it_is_cut(self, size: int) -> None:
        data, key = sealed(os.urandom(size))
        piece = CHUNK + 16
        for length in {0, 3, 4, 4 + piece, 4 + 2 * piece, len(data) - 16, len(data) - 1} - {len(data)}:
            if 0 <= length < len(data):
                with pytest.raises(DecryptionFailed):
                    opened(data[:length], key)

    def test_a_lengthened_stream_is_noticed(self) -> None:
        for size in SIZES:
            data, key = sealed(os.urandom(size))
            for tail in (b"\0", data[4:], b"\0" * 16):
                with pytest.raises(DecryptionFailed):
                    opened(data + tail, key)

    def test_an_altered_byte_is_noticed_in_every_piece(self) -> None:
        data, key = sealed(os.urandom(2 * CHUNK + 100))
        for place in (0, 4, 100, 4 + CHUNK + 16, len(data) - 1):
            altered = bytearray(data)
            altered[place] ^= 1
            with pytest.raises(DecryptionFailed):
                opened(bytes(altered), key)

    def test_exchanged_pieces_are_noticed(self) -> None:
        data, key = sealed(os.urandom(3 * CHUNK))
        piece = CHUNK + 16
        first, second, third = (data[4 + number * piece : 4 + (number + 1) * piece] for number in range(3))
        for order in ((second, first, third), (first, first, third), (first, third)):
            with pytest.raises(DecryptionFailed):
                opened(data[:4] + b"".join(order), key)

    def test_nothing_altered_is_handed_out_before_the_error(self) -> None:
        plain = os.urandom(2 * CHUNK)
        data, key = sealed(plain)
        altered = bytearray(data)
        altered[-1] ^= 1
        target = io.BytesIO()
        with pytest.raises(DecryptionFailed, match="piece 2"):
            BEFORE.decrypt_stream(io.BytesIO(bytes(altered)), target, key)
        assert target.getvalue() == plain[:CHUNK]


class TestDestruction:
    def test_without_its_key_a_file_stays_shut_for_the_desk_itself(self) -> None:
        data, _ = sealed(b"evidence")
        _, other = sealed(b"evidence")
        for key in (other, b"", BEFORE.encrypt("files:key", os.urandom(32))):
            with pytest.raises(DecryptionFailed):
                opened(data, key)

    def test_a_wrapped_key_of_another_purpose_does_not_fit(self) -> None:
        target = io.BytesIO()
        key = BEFORE.encrypt_stream(io.BytesIO(b"x"), target, purpose="packages")
        with pytest.raises(DecryptionFailed):
            opened(target.getvalue(), key)

    def test_the_wrapped_key_hides_the_key(self) -> None:
        _, key = sealed(b"evidence")
        assert BEFORE.decrypt("files:key", key) not in key


class TestKeysOfTheSettings:
    def test_the_functions_follow_the_settings(self, settings: Settings) -> None:
        settings.DESK_KEYS = [OLD]
        token, digest = crypto.encrypt("contacts", b"x"), crypto.mac("ledger", b"x")
        target, back = io.BytesIO(), io.BytesIO()
        key = crypto.encrypt_stream(io.BytesIO(b"evidence"), target)
        settings.DESK_KEYS = [NEW, OLD]
        assert crypto.decrypt("contacts", token) == b"x"
        assert crypto.verify_mac("ledger", b"x", digest)
        assert crypto.macs("ledger", b"x")[1] == digest
        assert crypto.seal_key("audit", 1) == BEFORE.seal_key("audit")
        assert crypto.decrypt_stream(io.BytesIO(target.getvalue()), back, key) == 8
        settings.DESK_KEYS = [NEW]
        with pytest.raises(DecryptionFailed):
            crypto.decrypt("contacts", token)
