"""The trace header of the W3C: strict in what it takes."""

import threading

import pytest

from config.traceparent import TraceContext, activate, current, new, parse

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
HEADER = f"00-{TRACE}-{SPAN}-01"


class TestParse:
    def test_it_reads_the_example_of_the_standard(self) -> None:
        assert parse(HEADER) == TraceContext(TRACE, SPAN, 1)

    @pytest.mark.parametrize(
        ("flags", "kept", "sampled"),
        [("00", 0, False), ("01", 1, True), ("02", 2, False), ("03", 3, True), ("ff", 3, True), ("fc", 0, False)],
    )
    def test_it_keeps_the_flags_it_knows(self, flags: str, kept: int, sampled: bool) -> None:
        trace = parse(f"00-{TRACE}-{SPAN}-{flags}")
        assert trace is not None
        assert (trace.flags, trace.sampled) == (kept, sampled)

    @pytest.mark.parametrize(
        "header", [f"cc-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-01-what-comes-later", f"01-{TRACE}-{SPAN}-01-"]
    )
    def test_it_reads_later_versions_by_their_first_fields(self, header: str) -> None:
        assert parse(header) == TraceContext(TRACE, SPAN, 1)

    @pytest.mark.parametrize(
        "header",
        [
            "",
            "garbage",
            f"ff-{TRACE}-{SPAN}-01",
            f"00-{'0' * 32}-{SPAN}-01",
            f"00-{TRACE}-{'0' * 16}-01",
            f"00-{TRACE.upper()}-{SPAN}-01",
            f"00-{TRACE}-{SPAN.upper()}-01",
            f"00-{TRACE[:-1]}-{SPAN}-01",
            f"00-{TRACE}0-{SPAN}-01",
            f"00-{TRACE}-{SPAN}-1",
            f"00-{TRACE}-{SPAN}",
            f"00-{TRACE}-{SPAN}-01-extra",
            f"00-{TRACE}-{SPAN}-01-",
            f"cc-{TRACE}-{SPAN}-01extra",
            f"cc-{TRACE}-{SPAN}-01.extra",
            f"0-{TRACE}-{SPAN}-01",
            f"0g-{TRACE}-{SPAN}-01",
            f"00-{TRACE[:-1]}g-{SPAN}-01",
            f"00-{TRACE[:-1]}٣-{SPAN}-01",
            f" {HEADER}",
            f"{HEADER} ",
            f"{HEADER}\n",
            f"cc-{TRACE}-{SPAN}-01-a\nb",
            f"00_{TRACE}_{SPAN}_01",
            f"{HEADER},{HEADER}",
        ],
    )
    def test_it_ignores_what_the_standard_forbids(self, header: str) -> None:
        assert parse(header) is None


class TestMake:
    def test_a_header_reads_back(self) -> None:
        trace = new()
        assert parse(trace.header()) == trace

    def test_each_trace_is_another(self) -> None:
        assert new().trace_id != new().trace_id

    def test_a_child_keeps_the_trace_and_takes_its_own_span(self) -> None:
        parent = TraceContext(TRACE, SPAN, 1)
        child = parent.child()
        assert (child.trace_id, child.flags) == (TRACE, 1)
        assert child.span_id != SPAN
        assert parse(child.header()) == child

    def test_a_later_version_is_sent_on_as_version_00(self) -> None:
        trace = parse(f"cc-{TRACE}-{SPAN}-ff-later")
        assert trace is not None
        assert trace.header() == f"00-{TRACE}-{SPAN}-03"


class TestCurrent:
    def test_there_is_none_outside(self) -> None:
        assert current() is None

    def test_it_is_current_inside_the_block_and_the_outer_one_comes_back(self) -> None:
        outer, inner = new(), new()
        with activate(outer) as given:
            assert given is current() is outer
            with activate(inner):
                assert current() is inner
            assert current() is outer
        assert current() is None

    def test_it_goes_also_when_the_block_fails(self) -> None:
        with pytest.raises(RuntimeError), activate(new()):
            raise RuntimeError
        assert current() is None

    def test_another_thread_does_not_see_it(self) -> None:
        seen: list[TraceContext | None] = []
        with activate(new()):
            thread = threading.Thread(target=lambda: seen.append(current()))
            thread.start()
            thread.join()
        assert seen == [None]
