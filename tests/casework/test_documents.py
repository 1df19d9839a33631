"""Reading a YAML file: what is taken, what is refused, and at which line."""

from pathlib import Path

import pytest

from config.casework.catalogue.documents import MAX_BYTES, Document, DocumentRefused, parse_document, read_document

PATH = Path("book.yaml")


def document(text: str) -> Document:
    return parse_document(text.encode(), PATH)


def refusal(text: str | bytes) -> list[str]:
    with pytest.raises(DocumentRefused) as caught:
        parse_document(text if isinstance(text, bytes) else text.encode(), PATH)
    return [str(problem) for problem in caught.value.problems]


class TestValues:
    def test_plain_values_get_their_type(self) -> None:
        assert document("{a: 1, b: 0.9, c: true, d: null, e: text, f: -3, g: , h: [x, 2]}").data == {
            "a": 1, "b": 0.9, "c": True, "d": None, "e": "text", "f": -3, "g": None, "h": ["x", 2],
        }  # fmt: skip

    def test_words_that_older_yaml_would_change_stay_text(self) -> None:
        data = document("{a: 17:00, b: yes, c: on, d: 2026-03-02, e: '1', f: 007, g: 1e3, h: 0x1F, on: off}").data
        assert data == {
            "a": "17:00",
            "b": "yes",
            "c": "on",
            "d": "2026-03-02",
            "e": "1",
            "f": "007",
            "g": "1e3",
            "h": "0x1F",
            "on": "off",
        }

    def test_blocks_keep_their_text(self) -> None:
        assert document("body: |\n  One → two\n  3\n").data == {"body": "One → two\n3\n"}

    def test_a_byte_order_mark_is_no_part_of_the_first_key(self) -> None:
        assert parse_document(b"\xef\xbb\xbfa: 1\n", PATH).data == {"a": 1}


class TestLines:
    def test_each_part_knows_its_line(self) -> None:
        read = document("# head\nsystem:\n  key: a\nplaybooks:\n- id: one\n  checks:\n  - first\n  - second\n")
        assert read.line_of(("system", "key")) == 3
        assert read.line_of(("playbooks", 0)) == 5
        assert read.line_of(("playbooks", 0, "checks", 1)) == 8

    def test_a_missing_part_is_said_to_stand_where_its_parent_stands(self) -> None:
        read = document("system:\n  key: a\nplaybooks:\n- id: one\n")
        assert read.line_of(("playbooks", 0, "title")) == 4
        assert read.line_of(("nothing",)) == 1

    def test_entries_are_named_by_their_id(self) -> None:
        read = document("playbooks:\n- id: one\n  checks: [x, {text: y}]\n")
        assert read.resolve(("playbooks", 0, "checks", 1, "function-after[f()]", "text")) == (
            ("playbooks", 0, "checks", 1, "text"),
            "playbooks[one].checks[2].text",
        )
        assert read.resolve(("playbooks", 0, "title"))[1] == "playbooks[one].title"


class TestRefusals:
    def test_a_key_twice_names_both_lines(self) -> None:
        assert refusal("system:\n  key: a\n  name: b\n  key: c\n") == [
            "book.yaml:4: system.key: stands twice; the first is in line 2"
        ]

    def test_every_doubled_key_is_reported_at_once(self) -> None:
        assert len(refusal("a: 1\na: 2\nb:\n- c: 1\n  c: 2\n")) == 2

    def test_a_tab_is_refused_wherever_it_stands(self) -> None:
        assert refusal("a:\n\tb: 1\nc: x\ty\n") == [
            "book.yaml:2: holds a tab; use spaces",
            "book.yaml:3: holds a tab; use spaces",
        ]

    def test_bytes_that_are_no_utf8_name_their_line(self) -> None:
        assert refusal(b"a: 1\nb: caf\xe9\n") == ["book.yaml:2: is not UTF-8; save the file as UTF-8"]

    @pytest.mark.parametrize("character", ["→", "é", "’", "€", "Ü", "β", "—", "\u00a0", "📣"])
    def test_text_decoded_in_the_wrong_encoding_is_refused(self, character: str) -> None:
        garbled = "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in character.encode())
        (only,) = refusal(f"a: 1\nb: before {garbled} after\n")
        assert only.startswith("book.yaml:2: holds ")

    @pytest.mark.parametrize(
        "text",
        ["Spaß – „CDUÄ“", "naïve café, Ærø", "→ “quoted” … 3 €", "Ångström, Ñandú, ÀÉÎÕÜ", "Привет, γειά", "«Où?»"],
    )
    def test_good_text_is_taken(self, text: str) -> None:
        assert document(f"a: '{text}'\n").data == {"a": text}

    @pytest.mark.parametrize("character", ["\ufffd", "\u0085", "\u0007", "\u202e"])
    def test_characters_that_are_no_text_are_refused(self, character: str) -> None:
        assert f"U+{ord(character):04X}" in refusal(f"a: 1\nb: x{character}y\n")[0]

    def test_anchors_aliases_and_tags_are_refused(self) -> None:
        lines = refusal("a: &x [1]\nb: *x\nc: !!python/name:os.system x\nd: !custom 1\n")
        assert [line.split(":")[1] for line in lines] == ["1", "2", "3", "4"]
        assert "anchor" in lines[0]
        assert "alias" in lines[1]
        assert "tag" in lines[2]

    def test_a_second_document_is_refused(self) -> None:
        assert "second document" in refusal("a: 1\n---\nb: 2\n")[0]

    @pytest.mark.parametrize("text", ["", "# only a remark\n", "- a\n", "word\n"])
    def test_a_file_without_sections_is_refused(self, text: str) -> None:
        assert "must hold sections" in refusal(text)[0]

    def test_broken_yaml_names_its_line(self) -> None:
        assert refusal("a: 1\nb: [1, 2\nc: 3\n")[0].startswith("book.yaml:3: is not YAML:")

    def test_a_key_must_be_plain_text(self) -> None:
        assert refusal("a:\n  ? [1, 2]\n  : 3\n") == ["book.yaml:2: a: has a key that is not plain text"]

    def test_depth_is_bounded(self) -> None:
        assert "levels deep" in refusal("a: " + "[" * 30 + "]" * 30)[0]

    def test_size_is_bounded(self, tmp_path: Path) -> None:
        large = tmp_path / "large.yaml"
        large.write_bytes(b"a: " + b"x" * MAX_BYTES)
        with pytest.raises(DocumentRefused, match="larger than 1024 KiB"):
            read_document(large)

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(DocumentRefused, match=r"absent\.yaml:1: cannot be read"):
            read_document(tmp_path / "absent.yaml")
