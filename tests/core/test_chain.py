"""The chain: who is tried next, who beside, and what is kept of what came of it."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fakes import FakeClock, FakeModel, Recorder
from tandem.core.breaker import Outcome, Reason, State
from tandem.core.chain import Chain, Lease
from tandem.core.errors import Fault, ProviderError
from tandem.core.events import BreakerChanged
from tandem.core.ports import Slot

COOL_DOWN_MS, RAMP_MS = 5_000, 6_000
Links = Chain[FakeModel]


class Links3:
    """A chain of a, b and c."""

    def __init__(self, *last_resorts: str, names: str = "abc") -> None:
        self.clock = FakeClock()
        self.told = Recorder()
        self.chain: Links = Chain(
            Slot.LLM,
            [FakeModel(name) for name in names],
            clock=self.clock,
            notify=self.told,
            last_resorts=last_resorts,
        )

    def open(self, *names: str) -> None:
        for name in names:
            breaker = self.chain.member(name).breaker
            for _ in range(3):
                breaker.settle(breaker.force(), Outcome.FAILURE)

    def half_open(self, *names: str) -> None:
        self.open(*names)
        self.clock.advance(COOL_DOWN_MS)
        assert all(self.chain.member(name).breaker.state is State.HALF_OPEN for name in names)

    def recovering(self, name: str) -> None:
        self.half_open(name)
        for _ in range(2):
            probe = self.chain.probe()
            assert probe is not None
            probe.succeeded(slow=False)

    def next(self, tried: str = "", incumbent: str = "") -> str:
        return name_of(self.chain.next(set(tried), incumbent=incumbent))

    def rival(self, tried: str) -> str:
        return name_of(self.chain.rival(set(tried)))


def name_of(lease: Lease[FakeModel] | None) -> str:
    return lease.member.name if lease else ""


def error(fault: Fault = Fault.CUT, retry_after_ms: float | None = None) -> ProviderError:
    return ProviderError(fault, "a", "as scripted", retry_after_ms=retry_after_ms)


def first(links: Links3) -> Lease[FakeModel]:
    lease = links.chain.next()
    assert lease is not None
    return lease


# --- whom to try next ---


def test_providers_are_tried_in_order() -> None:
    links = Links3()
    assert [links.next(), links.next("a"), links.next("ab"), links.next("abc")] == ["a", "b", "c", ""]


def test_the_incumbent_comes_first_unless_it_was_tried() -> None:
    links = Links3()
    assert [links.next(incumbent="c"), links.next("c", "c"), links.next("", "nobody")] == ["c", "a", "a"]


def test_who_is_open_is_passed_over() -> None:
    links = Links3()
    links.open("a")
    assert [links.next(), links.next(incumbent="a"), links.next("b")] == ["b", "b", "c"]


def test_who_is_on_trial_serves_nobody() -> None:
    links = Links3()
    links.half_open("a")
    assert links.next() == "b"


def test_when_all_are_open_they_are_tried_in_order_all_the_same() -> None:
    links = Links3()
    links.open("a", "b", "c")
    assert [links.next(), links.next("a"), links.next("ab"), links.next("abc")] == ["a", "b", "c", ""]


def test_when_those_that_are_left_are_open_they_are_tried_all_the_same() -> None:
    links = Links3()
    links.open("b", "c")
    assert links.next("a") == "b"


def test_a_provider_that_recovered_takes_back_its_requests_step_by_step() -> None:
    links = Links3()
    links.recovering("a")
    shares = []
    for _ in range(4):
        shares.append(sum(links.next() == "a" for _ in range(100)))
        links.clock.advance(2_000)
    assert shares == [10, 50, 100, 100]


@given(tried=st.sets(st.sampled_from("abc")), open_=st.sets(st.sampled_from("abc")), incumbent=st.sampled_from("abc"))
def test_somebody_is_tried_as_long_as_anybody_is_left(tried: set[str], open_: set[str], incumbent: str) -> None:
    links = Links3()
    links.open(*open_)
    name = links.next("".join(tried), incumbent)
    left = [name for name in "abc" if name not in tried]
    well = [name for name in left if name not in open_] or left
    assert name == (incumbent if incumbent in well else (well or [""])[0])


# --- a rival ---


def test_a_rival_is_the_first_equal_that_was_not_tried() -> None:
    links = Links3()
    assert [links.rival("a"), links.rival("b"), links.rival("ab"), links.rival("abc")] == ["b", "a", "c", ""]


def test_a_last_resort_is_nobodys_rival() -> None:
    links = Links3("c", "b")
    assert links.rival("a") == ""
    assert Links3("b").rival("a") == "c"


@pytest.mark.parametrize("name", "abc")
@pytest.mark.parametrize("make", [Links3.open, Links3.half_open])
def test_there_is_a_rival_only_while_every_breaker_is_closed(make: Callable[[Links3, str], None], name: str) -> None:
    links = Links3()
    make(links, name)
    assert not links.chain.calm
    assert links.rival("a" if name != "a" else "b") == ""


def test_there_is_a_rival_only_while_the_budget_lasts() -> None:
    links = Links3()
    assert [links.rival("a") for _ in range(11)] == ["b"] * 10 + [""]
    links.clock.advance(1_000)
    assert [links.rival("a"), links.rival("a")] == ["b", ""]


@pytest.mark.parametrize("reason", ["no equal", "not calm", "not trusted yet"])
def test_a_rival_that_is_refused_costs_nothing(reason: str) -> None:
    links = Links3("b", "c") if reason == "no equal" else Links3()
    if reason == "not calm":
        links.open("c")
    if reason == "not trusted yet":
        links.recovering("b")
    assert [links.rival("a") for _ in range(9)] == [""] * 9
    taken = 0
    while links.chain.hedges.take():
        taken += 1
    assert taken == 10


# --- probes ---


def test_nobody_is_probed_while_nobody_is_on_trial() -> None:
    links = Links3()
    links.open("a")
    assert links.chain.probe() is None
    assert not links.chain.on_trial


def test_each_provider_on_trial_is_probed_once_at_a_time() -> None:
    links = Links3()
    links.half_open("a", "c")
    assert links.chain.on_trial
    assert [name_of(links.chain.probe()) for _ in range(3)] == ["a", "c", ""]


# --- going back ---


def test_only_a_preferred_provider_is_better() -> None:
    links = Links3()
    assert [links.chain.has_better_than(name) for name in "abc"] == [False, True, True]
    links.open("a")
    assert [links.chain.has_better_than(name) for name in "abc"] == [False, False, True]
    links.clock.advance(COOL_DOWN_MS)
    assert not links.chain.has_better_than("b")


def test_a_provider_that_gets_only_a_share_of_the_requests_is_not_better_yet() -> None:
    links = Links3()
    links.recovering("a")
    assert not links.chain.has_better_than("b")
    links.clock.advance(RAMP_MS)
    assert links.chain.has_better_than("b")


# --- leases and records ---


def test_a_lease_settles_once() -> None:
    links = Links3()
    for _ in range(3):
        lease = first(links)
        lease.succeeded(slow=False)
        for _ in range(5):
            lease.failed(error(Fault.REJECTED))
            lease.released()
    member = links.chain.member("a")
    assert member.breaker.state is State.CLOSED
    assert (member.record.failures, member.record.last_fault) == (0, None)


def test_a_failure_stands_whatever_is_said_after_it() -> None:
    links = Links3()
    for _ in range(3):
        lease = first(links)
        lease.failed(error(Fault.STALLED))
        lease.succeeded(slow=False)
    member = links.chain.member("a")
    assert member.breaker.state is State.OPEN
    assert (member.record.failures, member.record.last_fault) == (3, Fault.STALLED)


@pytest.mark.parametrize("fault", Fault)
def test_what_a_fault_says_of_its_provider(fault: Fault) -> None:
    links = Links3()
    first(links).failed(error(fault))
    once = links.chain.member("a").breaker.state
    for _ in range(20):
        first_of = links.chain.member("a").breaker.force()
        Lease(links.chain.member("a"), first_of).failed(error(fault))
    often = links.chain.member("a").breaker.state
    expected = {Fault.REJECTED: (State.OPEN, State.OPEN), Fault.INVALID: (State.CLOSED, State.CLOSED)}
    assert (once, often) == expected.get(fault, (State.CLOSED, State.OPEN))


def test_a_provider_may_ask_to_be_left_alone() -> None:
    links = Links3()
    first(links).failed(error(Fault.RATE_LIMITED, retry_after_ms=900))
    assert links.told.events == [BreakerChanged(Slot.LLM, "a", State.OPEN, Reason.ASKED_TO_WAIT, 900)]
    assert links.next() == "b"


def test_what_came_to_nothing_counts_for_nothing() -> None:
    links = Links3()
    for _ in range(100):
        first(links).released()
    assert links.chain.calm
    assert links.chain.member("a").record.failures == 0


def test_late_answers_open_it_when_they_are_many() -> None:
    links = Links3()
    for _ in range(10):
        first(links).succeeded(slow=True)
    assert [event.reason for event in links.told.of(BreakerChanged)] == [Reason.SLOW_RATE]


def test_a_renewed_lease_is_settled_on_its_own() -> None:
    links = Links3()
    lease = first(links)
    for _ in range(3):
        lease.succeeded(slow=False)
        lease = lease.renewed()
    lease.failed(error())
    assert links.chain.member("a").record.failures == 1


def test_providers_have_breakers_of_their_own_and_say_whose_changed() -> None:
    links = Links3()
    links.open("b")
    assert [(event.slot, event.provider, event.state) for event in links.told.of(BreakerChanged)] == [
        (Slot.LLM, "b", State.OPEN)
    ]
    assert [member.breaker.state for member in links.chain.members] == [State.CLOSED, State.OPEN, State.CLOSED]


def test_an_empty_chain_has_nobody() -> None:
    links = Links3(names="")
    assert (links.next(), links.rival(""), links.chain.probe(), links.chain.names) == ("", "", None, [])
    assert links.chain.calm
