"""Faults: how they are written, which request they strike, and at which unit."""

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tandem.simulator.faults import Fault, FaultBoard, Kind, UnreadableFault, parse, parse_target, requested

faults = st.builds(
    Fault,
    st.sampled_from(Kind),
    after=st.integers(0, 99),
    status=st.integers(400, 599),
    close_code=st.integers(1000, 4999),
    retry_after_s=st.floats(0, 100),
    ms=st.floats(0, 1e6),
    times=st.integers(1, 5),
)


@given(faults)
def test_a_written_fault_is_read_as_it_was_meant(fault: Fault) -> None:
    written = ";".join(f"{name}={value}" for name, value in dataclasses.asdict(fault).items())
    assert parse(written) == fault


def test_a_kind_alone_and_commas_will_do() -> None:
    assert parse("stall") == Fault(Kind.STALL)
    assert parse(" slow, ms=20 ") == Fault(Kind.SLOW, ms=20)


@pytest.mark.parametrize(
    "text", ["", "nonsense", "kind=stall;after=two", "stall;colour=3", "stall;ms=-1", "stall;ms=nan"]
)
def test_what_cannot_be_read_is_told(text: str) -> None:
    with pytest.raises(UnreadableFault):
        parse(text)


def test_a_target_names_vendor_route_and_fault() -> None:
    assert parse_target("openai:chat:stall:after=3,ms=5") == ("openai", "chat", Fault(Kind.STALL, after=3, ms=5))
    assert parse_target("groq::cut") == ("groq", "*", Fault(Kind.CUT))


@pytest.mark.parametrize("text", ["openai", "openai:chat", "nobody:chat:stall"])
def test_a_target_that_cannot_be_read_is_told(text: str) -> None:
    with pytest.raises(UnreadableFault):
        parse_target(text)


def test_the_most_particular_fault_strikes() -> None:
    board = FaultBoard()
    for vendor, route, kind in [("*", "*", Kind.SLOW), ("groq", "*", Kind.CUT), ("groq", "chat", Kind.STALL)]:
        board.set(vendor, Fault(kind), route)
    struck = [board.strike(*target) for target in [("openai", "chat"), ("groq", "speech"), ("groq", "chat")]]
    assert [fault and fault.kind for fault in struck] == [Kind.SLOW, Kind.CUT, Kind.STALL]


def test_a_requests_own_fault_wins_and_takes_none_of_the_boards() -> None:
    board = FaultBoard()
    board.set("openai", Fault(Kind.CUT, times=1))
    assert board.strike("openai", "chat", "kind=stall;after=3") == Fault(Kind.STALL, after=3)
    assert board.strike("openai", "chat") == Fault(Kind.CUT, times=1)
    assert board.strike("openai", "chat") is None


@given(st.integers(1, 5), st.integers(0, 9))
def test_a_fault_strikes_as_often_as_it_should(times: int, tries: int) -> None:
    board = FaultBoard()
    board.set("openai", Fault(Kind.CUT, times=times))
    board.peek("openai", "chat")
    assert sum(board.strike("openai", "chat") is not None for _ in range(tries)) == min(times, tries)


def test_clearing_takes_down_one_vendors_faults_or_all() -> None:
    board, seen = FaultBoard(), []
    board.watch(lambda: seen.append(len(board.all())))
    for vendor in ("openai", "groq", "tavily"):
        board.set(vendor, Fault(Kind.CUT))
    board.clear("groq")
    assert [vendor for vendor, _, _ in board.all()] == ["openai", "tavily"]
    board.clear()
    assert seen == [1, 2, 3, 2, 0]


@given(faults, st.integers(0, 200))
def test_a_fault_strikes_at_its_unit_and_a_slow_or_dripping_one_at_its_own(fault: Fault, unit: int) -> None:
    expected = {Kind.SLOW: unit == 0, Kind.DRIP: unit >= fault.after}.get(fault.kind, unit == fault.after)
    assert fault.strikes(unit) is expected


def test_a_request_may_ask_in_a_header_in_its_query_or_in_its_path() -> None:
    header, query, path = {"x-simulate-fault": "cut"}, {"simulate_fault": "drip"}, {"fault": "slow"}
    assert requested(header, query, path) == "cut"
    assert requested({}, query, path) == "drip"
    assert requested({}, {}, path) == "slow"
    assert requested({}, {}, {}) is None
