"""The turn machine: no dead end, never two replies at once, and every illegal event told by its name."""

from itertools import product

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tandem.core.errors import IllegalTransition
from tandem.core.turn import TRANSITIONS, Effect, Event, State, Turn

NEXT = {state: {event: to for (at, event), (to, _) in TRANSITIONS.items() if at is state} for state in State}
OUTCOMES = {Event.FALSE_ALARM, Event.NOTHING_SAID}
CUT = (Effect.CANCEL_REPLY, Effect.CLEAR_PLAYBACK, Effect.CUT_CONVERSATION)


def reachable_from(state: State) -> set[State]:
    found, edge = {state}, {state}
    while edge:
        edge = {to for at in edge for to in NEXT[at].values()} - found
        found |= edge
    return found


def way_home(state: State, *, avoiding: set[Event]) -> list[Event]:
    """Return the shortest sequence of events from `state` to LISTENING."""
    ways: dict[State, list[Event]] = {state: []}
    while State.LISTENING not in ways:
        longer = {to: [*way, e] for at, way in ways.items() for e, to in NEXT[at].items() if e not in avoiding}
        assert not longer.keys() <= ways.keys(), f"{state} has no way back"
        ways = longer | ways
    return ways[State.LISTENING]


def test_a_call_begins_by_listening() -> None:
    assert Turn().state is State.LISTENING


def test_every_state_is_reached_from_the_first() -> None:
    assert reachable_from(State.LISTENING) == set(State)


@pytest.mark.parametrize("state", State)
def test_every_state_leads_back_to_listening(state: State) -> None:
    assert State.LISTENING in reachable_from(state)


def test_every_event_and_every_effect_occurs() -> None:
    assert {event for _, event in TRANSITIONS} == set(Event)
    assert {effect for _, effects in TRANSITIONS.values() for effect in effects} == set(Effect)


@pytest.mark.parametrize(("state", "event"), TRANSITIONS)
def test_every_row_can_happen_in_a_call(state: State, event: Event) -> None:
    turn = Turn()
    if state is not State.LISTENING:
        for step in _way(state):
            turn.receive(step)
    assert turn.state is state
    to, effects = TRANSITIONS[state, event]
    assert turn.receive(event) == effects
    assert turn.state is to


def _way(state: State) -> list[Event]:
    ways: dict[State, list[Event]] = {State.LISTENING: []}
    while state not in ways:
        ways = {to: [*way, event] for at, way in ways.items() for event, to in NEXT[at].items()} | ways
    return ways[state]


@pytest.mark.parametrize(
    ("state", "event"), [pair for pair in product(State, Event) if pair not in TRANSITIONS], ids=str
)
def test_an_illegal_event_is_told_with_its_state_and_changes_nothing(state: State, event: Event) -> None:
    turn = Turn(state)
    with pytest.raises(IllegalTransition) as caught:
        turn.receive(event)
    assert str(caught.value) == f"{event.value} cannot happen while {state.value}"
    assert turn.state is state


@pytest.mark.parametrize(
    ("state", "event", "to", "effects"),
    [
        (State.LISTENING, Event.SPEECH_STARTED, State.HEARING, ()),
        (State.HEARING, Event.SPEECH_STOPPED, State.PAUSED, ()),
        (State.PAUSED, Event.TURN_ENDED, State.THINKING, (Effect.START_REPLY,)),
        (State.THINKING, Event.REPLY_STARTED, State.SPEAKING, ()),
        (State.SPEAKING, Event.REPLY_FINISHED, State.LISTENING, ()),
        (State.PAUSED, Event.SPEECH_STARTED, State.HEARING, ()),
        (State.THINKING, Event.SPEECH_STARTED, State.HEARING, (Effect.CANCEL_REPLY,)),
        (State.SPEAKING, Event.INTERRUPTED, State.HEARING, CUT),
        (State.PAUSED, Event.FALSE_ALARM, State.SPEAKING, (Effect.RESUME_REPLY,)),
        (State.THINKING, Event.REPLY_FAILED, State.SPEAKING, (Effect.SAY_APOLOGY,)),
        (State.SPEAKING, Event.REPLY_FAILED, State.SPEAKING, (Effect.SAY_APOLOGY,)),
    ],
)
def test_the_drawing_of_the_machine_is_what_it_does(
    state: State, event: Event, to: State, effects: tuple[Effect, ...]
) -> None:
    turn = Turn(state)
    assert turn.receive(event) == effects
    assert turn.state is to


@pytest.mark.parametrize("state", State)
def test_a_caller_can_type_and_press_stop_at_any_time(state: State) -> None:
    for event in (Event.TEXT_RECEIVED, Event.STOP_REQUESTED):
        Turn(state).receive(event)


@pytest.mark.parametrize("state", [state for state in State if state is not State.SPEAKING])
def test_speech_can_start_whenever_nobody_is_heard(state: State) -> None:
    assert state is State.HEARING or Event.SPEECH_STARTED in NEXT[state]


class ACall(RuleBasedStateMachine):
    """Any sequence of events that the table allows, with the life of the reply kept beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.turn = Turn()
        self.reply_lives = False
        self.reply_was_cut = False

    def receive(self, event: Event) -> None:
        before = self.turn.state
        for effect in self.turn.receive(event):
            self.perform(effect, before)
        if event is Event.REPLY_FINISHED:
            self.reply_lives = False

    def perform(self, effect: Effect, before: State) -> None:
        match effect:
            case Effect.START_REPLY | Effect.RESUME_REPLY | Effect.ADDRESS_CALLER:
                assert not self.reply_lives, "two replies at once"
                assert effect is not Effect.RESUME_REPLY or self.reply_was_cut, "there is nothing to resume"
                self.reply_lives, self.reply_was_cut = True, False
            case Effect.CANCEL_REPLY:
                assert self.reply_lives, "no reply to cancel"
                self.reply_lives = False
            case Effect.CLEAR_PLAYBACK:
                assert before is State.SPEAKING
            case Effect.CUT_CONVERSATION:
                assert before is State.SPEAKING, "a reply was cut that had not sounded"
                assert not self.reply_lives, "a reply was cut that still grows"
                self.reply_was_cut = True
            case Effect.SAY_APOLOGY:
                assert self.reply_lives, "an apology for no reply"

    @rule(event=st.sampled_from([event for event in Event if event not in OUTCOMES]))
    def something_happens(self, event: Event) -> None:
        if event in NEXT[self.turn.state]:
            self.receive(event)

    @precondition(lambda self: self.turn.state is State.PAUSED)
    @rule()
    def it_was_no_speech(self) -> None:
        self.receive(Event.FALSE_ALARM if self.reply_was_cut else Event.NOTHING_SAID)

    @invariant()
    def a_reply_lives_exactly_while_one_is_due_or_heard(self) -> None:
        assert self.reply_lives == (self.turn.state in {State.THINKING, State.SPEAKING})

    def teardown(self) -> None:
        for event in way_home(self.turn.state, avoiding=OUTCOMES):
            self.receive(event)
        assert self.turn.state is State.LISTENING
        assert not self.reply_lives


ACall.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestACall = ACall.TestCase
