"""The breaker: when it trips, how it recovers, and what it must never do, whatever happens in whatever order."""

import asyncio
import math
from collections.abc import Callable

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from fakes import FakeClock
from tandem.core.breaker import Breaker, Change, Outcome, Permit, Reason, State

SUCCESS, SLOW, FAILURE = Outcome.SUCCESS, Outcome.SLOW, Outcome.FAILURE
NEUTRAL, PERMANENT = Outcome.NEUTRAL, Outcome.PERMANENT
OPEN_MS, LEASE_MS, STEP_MS = 5_000, 3_000, 2_000


class Watched:
    """A breaker, the clock that it goes by, and the changes that it announced."""

    def __init__(self, jitter: Callable[[], float] = lambda: 1.0) -> None:
        self.clock = FakeClock()
        self.changes: list[Change] = []
        self.breaker = Breaker(self.clock, changed=self.changes.append, jitter=jitter)

    def state(self) -> State:
        return self.breaker.state

    def saw(self, *outcomes: Outcome, every_ms: float = 0.0) -> None:
        """Serve one request after another, with these outcomes."""
        for outcome in outcomes:
            self.breaker.settle(self.breaker.force(), outcome)
            self.clock.advance(every_ms)

    def probed(self, outcome: Outcome) -> None:
        permit = self.breaker.probe()
        assert permit is not None
        self.breaker.settle(permit, outcome)

    def reasons(self) -> list[Reason]:
        return [change.reason for change in self.changes]

    def cool_downs(self) -> list[float]:
        return [change.cool_down_ms for change in self.changes if change.state is State.OPEN]


def fresh(jitter: Callable[[], float] = lambda: 1.0) -> Watched:
    return Watched(jitter)


def half_open() -> Watched:
    watched = Watched()
    watched.saw(FAILURE, FAILURE, FAILURE)
    watched.clock.advance(OPEN_MS)
    assert watched.state() is State.HALF_OPEN
    return watched


def recovering() -> Watched:
    """Return one that has just closed: its ramp begins."""
    watched = half_open()
    watched.probed(SUCCESS)
    watched.probed(SUCCESS)
    assert watched.state() is State.CLOSED
    return watched


def mixed(**counts: int) -> list[Outcome]:
    """Return so many outcomes of each kind, spread so that no three failures are in a row."""
    kinds = [Outcome(kind) for kind, count in counts.items() for _ in range(count)]
    order = sorted(range(len(kinds)), key=lambda at: (kinds[: at + 1].count(kinds[at]) / counts[kinds[at]], at))
    return [kinds[at] for at in order]


# --- when it trips ---


def test_a_new_breaker_is_closed_and_lets_everybody_in() -> None:
    watched = fresh()
    assert watched.state() is State.CLOSED
    assert all(watched.breaker.admit() == Permit(0) for _ in range(100))
    assert watched.breaker.cool_down_left_ms == 0.0
    assert watched.breaker.probe() is None
    assert watched.changes == []


def test_three_failures_in_a_row_open_it() -> None:
    watched = fresh()
    watched.saw(FAILURE, FAILURE)
    assert watched.state() is State.CLOSED
    watched.saw(FAILURE)
    assert watched.state() is State.OPEN
    assert watched.breaker.admit() is None
    assert watched.breaker.probe() is None
    assert watched.changes == [Change(State.OPEN, Reason.FAILURES, OPEN_MS)]


def test_a_success_between_them_ends_the_row() -> None:
    watched = fresh()
    watched.saw(FAILURE, FAILURE, SUCCESS, FAILURE, FAILURE)
    assert watched.state() is State.CLOSED


def test_an_answer_that_was_only_late_ends_the_row_too() -> None:
    watched = fresh()
    watched.saw(FAILURE, FAILURE, SLOW, FAILURE)
    assert watched.state() is State.CLOSED


def test_neutral_outcomes_neither_count_nor_end_the_row() -> None:
    watched = fresh()
    watched.saw(*[NEUTRAL] * 100)
    assert watched.state() is State.CLOSED
    watched.saw(FAILURE, NEUTRAL, FAILURE, NEUTRAL, FAILURE)
    assert watched.reasons() == [Reason.FAILURES]


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ({"failure": 5, "success": 5}, Reason.FAILURE_RATE),
        ({"failure": 2, "slow": 3, "success": 5}, Reason.FAILURE_RATE),
        ({"failure": 4, "success": 6}, None),
        ({"failure": 1, "slow": 3, "success": 6}, None),
        ({"failure": 4, "success": 4}, None),  # too few
        ({"slow": 6, "success": 4}, Reason.SLOW_RATE),
        ({"slow": 5, "success": 5}, None),
        ({"slow": 9}, None),
        ({"slow": 10}, Reason.SLOW_RATE),
        ({"success": 200}, None),
    ],
)
def test_it_opens_by_the_share_of_failed_and_slow_attempts(counts: dict[str, int], reason: Reason | None) -> None:
    # The successes come first, so that the rate is reached with the last attempt only.
    outcomes = sorted(mixed(**counts), key=lambda outcome: outcome is not SUCCESS)
    failures = [outcome for outcome in outcomes if outcome is FAILURE]
    others = [outcome for outcome in outcomes if outcome is not FAILURE]
    watched = fresh()
    for at, outcome in enumerate(others):
        watched.saw(*failures[2 * at : 2 * at + 2], outcome)
    assert watched.reasons() == ([reason] if reason else [])


def test_attempts_that_left_the_window_do_not_count() -> None:
    watched = fresh()
    watched.saw(FAILURE, FAILURE, SUCCESS, FAILURE, FAILURE)
    watched.clock.advance(20_001)
    watched.saw(*[SUCCESS] * 5, FAILURE, SUCCESS, FAILURE, SUCCESS, FAILURE)
    assert watched.state() is State.CLOSED


def test_attempts_within_the_window_count() -> None:
    watched = fresh()
    watched.saw(FAILURE, FAILURE, SUCCESS, FAILURE, FAILURE)
    watched.clock.advance(20_000)
    watched.saw(*[SUCCESS] * 4, FAILURE)
    assert watched.reasons() == [Reason.FAILURE_RATE]


def test_what_happened_before_an_opening_is_forgotten_when_it_closes() -> None:
    watched = recovering()
    watched.clock.advance(3 * STEP_MS)
    watched.breaker.admit()
    watched.saw(FAILURE, FAILURE)
    assert watched.state() is State.CLOSED


# --- how long it stays open ---


def test_it_stays_open_for_five_seconds_and_is_half_open_then() -> None:
    watched = fresh()
    watched.saw(FAILURE, FAILURE, FAILURE)
    watched.clock.advance(OPEN_MS - 1)
    assert watched.state() is State.OPEN
    assert watched.breaker.cool_down_left_ms == pytest.approx(1)
    watched.clock.advance(1)
    assert watched.state() is State.HALF_OPEN
    assert watched.changes[1:] == [Change(State.HALF_OPEN, Reason.COOLED_DOWN)]


def test_each_failed_recovery_makes_the_cool_down_four_times_as_long_up_to_a_minute() -> None:
    watched = half_open()
    for _ in range(6):
        watched.probed(FAILURE)
        watched.clock.advance(watched.breaker.cool_down_left_ms)
    assert watched.cool_downs() == [5_000, 20_000, 60_000, 60_000, 60_000, 60_000, 60_000]


def test_a_provider_that_fails_for_weeks_has_a_finite_cool_down() -> None:
    watched = half_open()
    for _ in range(2_000):
        watched.probed(FAILURE)
        watched.clock.advance(watched.breaker.cool_down_left_ms)
    assert watched.cool_downs()[-1] == 60_000


@pytest.mark.parametrize("factor", [0.8, 1.2])
def test_each_cool_down_has_its_own_jitter(factor: float) -> None:
    watched = fresh(lambda: factor)
    watched.saw(FAILURE, FAILURE, FAILURE)
    assert watched.cool_downs() == [OPEN_MS * factor]
    watched.clock.advance(OPEN_MS * factor - 1)
    assert watched.state() is State.OPEN
    watched.clock.advance(1)
    assert watched.state() is State.HALF_OPEN


def test_a_full_recovery_makes_the_next_cool_down_short_again() -> None:
    watched = half_open()
    watched.probed(FAILURE)
    watched.clock.advance(4 * OPEN_MS)
    watched.probed(SUCCESS)
    watched.probed(SUCCESS)
    watched.clock.advance(3 * STEP_MS)
    assert watched.breaker.admit() is not None
    watched.saw(FAILURE, FAILURE, FAILURE)
    assert watched.cool_downs() == [5_000, 20_000, 5_000]


@pytest.mark.parametrize(("asked_ms", "waits_ms"), [(700, 700), (30_000, 30_000), (86_400_000, 60_000)])
def test_a_provider_that_asks_to_wait_is_left_alone_for_as_long_but_at_most_a_minute(
    asked_ms: float, waits_ms: float
) -> None:
    watched = fresh(lambda: 1.2)
    watched.breaker.settle(watched.breaker.force(), FAILURE, retry_after_ms=asked_ms)
    assert watched.changes == [Change(State.OPEN, Reason.ASKED_TO_WAIT, waits_ms)]
    assert watched.breaker.cool_down_left_ms == waits_ms


def test_what_a_provider_asks_for_wins_over_the_grown_cool_down() -> None:
    watched = half_open()
    permit = watched.breaker.probe()
    assert permit is not None
    watched.breaker.settle(permit, FAILURE, retry_after_ms=700)
    assert watched.cool_downs()[-1] == 700


def test_who_succeeds_may_not_ask_to_wait() -> None:
    watched = fresh()
    watched.breaker.settle(watched.breaker.force(), SUCCESS, retry_after_ms=700)
    assert watched.state() is State.CLOSED


@pytest.mark.parametrize("make", [fresh, half_open, recovering])
def test_a_refused_account_opens_it_at_once_for_five_minutes(make: Callable[[], Watched]) -> None:
    watched = make()
    watched.saw(PERMANENT)
    assert watched.changes[-1] == Change(State.OPEN, Reason.PERMANENT, 300_000)
    watched.clock.advance(299_999)
    assert watched.state() is State.OPEN
    watched.clock.advance(1)
    assert watched.state() is State.HALF_OPEN


# --- half-open ---


async def test_of_fifty_attempts_at_once_one_probes() -> None:
    watched = half_open()
    gate = asyncio.Event()
    permits: list[Permit] = []

    async def attempt() -> None:
        await gate.wait()
        assert watched.breaker.admit() is None
        if permit := watched.breaker.probe():
            permits.append(permit)
            await asyncio.sleep(0)
            watched.breaker.settle(permit, NEUTRAL)

    async with asyncio.TaskGroup() as attempts:
        for _ in range(50):
            attempts.create_task(attempt())
        await asyncio.sleep(0)
        gate.set()
    assert len(permits) == 1


def test_a_half_open_breaker_serves_nobody() -> None:
    watched = half_open()
    assert watched.breaker.admit() is None
    assert watched.breaker.cool_down_left_ms == 0.0


def test_a_probe_that_says_nothing_for_three_seconds_is_given_up() -> None:
    watched = half_open()
    assert watched.breaker.probe() is not None
    watched.clock.advance(LEASE_MS - 1)
    assert watched.breaker.probe() is None
    watched.clock.advance(1)
    assert watched.breaker.probe() is not None
    assert watched.state() is State.HALF_OPEN


def test_a_probe_that_was_given_up_does_not_free_the_permit_of_its_successor() -> None:
    watched = half_open()
    late = watched.breaker.probe()
    watched.clock.advance(LEASE_MS)
    assert watched.breaker.probe() is not None
    assert late is not None
    watched.breaker.settle(late, NEUTRAL)
    assert watched.breaker.probe() is None


def test_a_cancelled_probe_frees_its_permit_and_says_nothing() -> None:
    watched = half_open()
    for _ in range(100):
        watched.probed(NEUTRAL)
    assert watched.state() is State.HALF_OPEN
    watched.probed(SUCCESS)
    assert watched.state() is State.HALF_OPEN


def test_two_good_probes_close_it() -> None:
    watched = half_open()
    watched.probed(SUCCESS)
    assert watched.state() is State.HALF_OPEN
    watched.probed(SUCCESS)
    assert watched.changes[-1] == Change(State.CLOSED, Reason.RECOVERED)


@pytest.mark.parametrize("outcome", [FAILURE, SLOW])
def test_a_bad_probe_opens_it_again_for_twice_as_long(outcome: Outcome) -> None:
    watched = half_open()
    watched.probed(SUCCESS)
    watched.probed(outcome)
    assert watched.changes[-1] == Change(State.OPEN, Reason.PROBE_FAILED, 4 * OPEN_MS)
    watched.clock.advance(4 * OPEN_MS)
    watched.probed(SUCCESS)
    assert watched.state() is State.HALF_OPEN


# --- the ramp ---


def test_a_provider_that_recovered_gets_ten_then_fifty_then_a_hundred_percent() -> None:
    watched = recovering()
    shares = []
    for _ in range(4):
        shares.append(sum(watched.breaker.admit() is not None for _ in range(1_000)))
        watched.clock.advance(STEP_MS)
    assert shares == [100, 500, 1_000, 1_000]


def test_the_share_of_few_requests_is_kept_too() -> None:
    watched = recovering()
    assert [watched.breaker.admit() is not None for _ in range(10)] == [False] * 9 + [True]


@pytest.mark.parametrize("into_ms", [0, STEP_MS, 3 * STEP_MS - 1])
def test_a_failure_in_the_ramp_opens_it_again_for_twice_as_long(into_ms: float) -> None:
    watched = recovering()
    watched.clock.advance(into_ms)
    watched.saw(SUCCESS, FAILURE)
    assert watched.changes[-1] == Change(State.OPEN, Reason.PROBE_FAILED, 4 * OPEN_MS)


def test_after_the_ramp_one_failure_is_one_of_three_again() -> None:
    watched = recovering()
    watched.clock.advance(3 * STEP_MS)
    assert watched.breaker.admit() is not None
    watched.saw(FAILURE)
    assert watched.state() is State.CLOSED


def test_the_ramp_ends_by_itself_even_if_only_requests_that_began_before_go_on() -> None:
    watched = recovering()
    watched.clock.advance(3_600_000)
    watched.saw(FAILURE)
    assert watched.state() is State.CLOSED


# --- permits ---


@pytest.mark.parametrize("outcome", [SUCCESS, SLOW, FAILURE, PERMANENT])
def test_a_permit_of_an_older_generation_says_nothing(outcome: Outcome) -> None:
    watched = fresh()
    old = watched.breaker.admit()
    assert old is not None
    watched.saw(FAILURE, FAILURE, FAILURE)
    watched.clock.advance(OPEN_MS)
    probe = watched.breaker.probe()
    for _ in range(5):
        watched.breaker.settle(old, outcome, retry_after_ms=9)
    assert watched.state() is State.HALF_OPEN
    assert watched.breaker.probe() is None
    assert probe is not None


def test_failures_that_were_on_their_way_when_it_opened_do_not_lengthen_the_cool_down() -> None:
    watched = fresh()
    permits = [watched.breaker.force() for _ in range(50)]
    for permit in permits:
        watched.breaker.settle(permit, FAILURE)
    assert watched.cool_downs() == [OPEN_MS]


def test_leave_is_forced_in_any_state() -> None:
    watched = fresh()
    watched.saw(FAILURE, FAILURE, FAILURE)
    watched.saw(*[FAILURE] * 10)
    assert watched.cool_downs() == [OPEN_MS]
    watched.saw(SUCCESS, SUCCESS)
    assert watched.changes[-1] == Change(State.CLOSED, Reason.RECOVERED)


# --- operators ---


def test_a_provider_that_an_operator_holds_is_left_alone_for_ever() -> None:
    watched = fresh()
    watched.breaker.hold_open()
    watched.clock.advance(1e12)
    assert watched.state() is State.OPEN
    assert watched.breaker.cool_down_left_ms == math.inf
    assert watched.breaker.admit() is None
    assert watched.breaker.probe() is None
    assert watched.changes == [Change(State.OPEN, Reason.OPERATOR, math.inf)]


@pytest.mark.parametrize("outcome", [SUCCESS, FAILURE, SLOW, PERMANENT])
def test_what_comes_of_forced_requests_does_not_undo_what_an_operator_did(outcome: Outcome) -> None:
    watched = fresh()
    watched.breaker.hold_open()
    watched.saw(*[outcome] * 20)
    assert watched.state() is State.OPEN
    assert watched.breaker.cool_down_left_ms == math.inf
    assert watched.reasons() == [Reason.OPERATOR]


@pytest.mark.parametrize("make", [fresh, half_open, recovering])
def test_an_operator_closes_it_as_if_it_had_never_failed(make: Callable[[], Watched]) -> None:
    watched = make()
    watched.breaker.hold_open()
    watched.breaker.close()
    assert watched.changes[-1] == Change(State.CLOSED, Reason.OPERATOR)
    assert all(watched.breaker.admit() is not None for _ in range(20))
    watched.saw(FAILURE, FAILURE)
    assert watched.state() is State.CLOSED
    watched.saw(FAILURE)
    assert watched.cool_downs()[-1] == OPEN_MS


def test_an_operator_may_close_one_that_cools_down() -> None:
    watched = fresh()
    watched.saw(PERMANENT)
    watched.breaker.close()
    assert watched.state() is State.CLOSED
    assert watched.breaker.cool_down_left_ms == 0.0


# --- whatever happens ---


class BreakerMachine(RuleBasedStateMachine):
    """Calls of all kinds, an operator and the clock, in any order."""

    permits: Bundle[Permit] = Bundle("permits")
    only_well = False

    def __init__(self) -> None:
        super().__init__()
        self.clock = FakeClock()
        self.state = State.CLOSED
        self.open_until = 0.0
        self.held = False
        self.probes: list[tuple[Permit, float]] = []  # those that are out, and until when they are leased
        self.breaker = Breaker(self.clock, changed=self.on_change, jitter=lambda: 1.2)

    def on_change(self, change: Change) -> None:
        by_operator = change.reason is Reason.OPERATOR
        self.held = by_operator and change.state is State.OPEN
        assert change.state is not self.state or change.reason in (
            Reason.OPERATOR,
            Reason.PERMANENT,  # an open one may learn that it has to wait longer
            Reason.ASKED_TO_WAIT,
        )
        allowed = {State.CLOSED: {State.OPEN}, State.OPEN: {State.HALF_OPEN, State.CLOSED, State.OPEN}}
        assert by_operator or change.state in allowed.get(self.state, {State.OPEN, State.CLOSED})
        assert not self.only_well or by_operator
        self.state = change.state
        self.probes.clear()  # of an older generation
        if change.state is State.OPEN and not by_operator:
            assert 0 <= change.cool_down_ms <= 300_000
            self.open_until = self.clock() + change.cool_down_ms

    @rule(ms=st.sampled_from([0, 1, 100, 1_000, 2_000, 2_999, 3_000, 5_000, 6_000, 20_000, 72_000, 300_000]))
    def time_passes(self, ms: float) -> None:
        self.clock.advance(ms)

    @rule(target=permits)
    def a_request_comes(self) -> Permit:
        state, permit = self.breaker.state, self.breaker.admit()
        assert permit is None or state is State.CLOSED
        return permit or self.breaker.force()

    @rule(target=permits)
    def a_probe_is_asked_for(self) -> Permit:
        state, permit = self.breaker.state, self.breaker.probe()
        live = [until for _, until in self.probes if self.clock() < until]
        assert (permit is not None) == (state is State.HALF_OPEN and not live)
        if permit:
            self.probes.append((permit, self.clock() + LEASE_MS))
        return permit or self.breaker.force()

    @rule(permit=permits, outcome=st.sampled_from(Outcome), retry=st.sampled_from([None, None, 1.0, 9_000.0, 9e9]))
    def it_ends(self, permit: Permit, outcome: Outcome, retry: float | None) -> None:
        if self.only_well and outcome not in (SUCCESS, NEUTRAL):
            outcome = SUCCESS
        self.probes = [probe for probe in self.probes if probe[0] != permit]
        held = self.held
        self.breaker.settle(permit, outcome, retry_after_ms=retry)
        assert self.held == held

    @rule()
    def an_operator_holds_it(self) -> None:
        self.breaker.hold_open()

    @rule()
    def an_operator_closes_it(self) -> None:
        self.breaker.close()

    @invariant()
    def it_is_open_only_while_it_cools_down_or_is_held(self) -> None:
        state, left_ms = self.breaker.state, self.breaker.cool_down_left_ms
        assert state is self.state
        if state is State.OPEN:
            assert self.held or self.clock() < self.open_until
            assert left_ms == (math.inf if self.held else pytest.approx(self.open_until - self.clock()))
        else:
            assert not self.held
            assert left_ms == 0.0

    @invariant()
    def leave_is_refused_whenever_it_is_not_closed(self) -> None:
        if self.breaker.state is not State.CLOSED:
            assert self.breaker.admit() is None
        if self.breaker.state is not State.HALF_OPEN:
            assert self.breaker.probe() is None


class HealthyMachine(BreakerMachine):
    """The same, with a provider that never fails: only an operator opens its breaker."""

    only_well = True

    @rule()
    def an_operator_holds_it(self) -> None:
        """Not here."""


_SETTINGS = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestWhateverHappens = BreakerMachine.TestCase
TestWhateverHappens.settings = _SETTINGS
TestAHealthyProviderIsNeverLeftAlone = HealthyMachine.TestCase
TestAHealthyProviderIsNeverLeftAlone.settings = _SETTINGS
