"""The turn machine: whose turn it is, and what has to be done when something happens."""

from dataclasses import dataclass
from enum import Enum, StrEnum

from tandem.core.errors import IllegalTransition


class State(StrEnum):
    LISTENING = "listening"  # nobody speaks
    HEARING = "hearing"  # the caller speaks
    PAUSED = "paused"  # the caller fell silent; the turn may be over
    THINKING = "thinking"  # the turn is over; a reply is due
    SPEAKING = "speaking"  # the caller hears the reply


class Event(Enum):
    """What happened."""

    SPEECH_STARTED = "speech started"
    SPEECH_STOPPED = "speech stopped"
    TURN_ENDED = "turn ended"  # endpointing decided, and there are words to answer
    NOTHING_SAID = "nothing said"  # what sounded like speech had no words, and no reply was cut for it
    FALSE_ALARM = "false alarm"  # the same, but a reply was cut for it: a cough
    TEXT_RECEIVED = "text received"  # the caller typed
    STOP_REQUESTED = "stop requested"  # the caller pressed a button
    INTERRUPTED = "interrupted"  # the caller speaks over the reply
    SILENCE_LASTED = "silence lasted"  # nobody has spoken for long
    REPLY_STARTED = "reply started"  # its first audio was sent
    REPLY_FINISHED = "reply finished"  # its last audio was heard
    REPLY_FAILED = "reply failed"  # no provider of a slot could go on


class Effect(Enum):
    """What to do."""

    START_REPLY = "start reply"
    CANCEL_REPLY = "cancel reply"
    CLEAR_PLAYBACK = "clear playback"
    CUT_CONVERSATION = "cut conversation"  # history keeps what was heard
    RESUME_REPLY = "resume reply"  # from the first unheard word
    SAY_APOLOGY = "say apology"
    ADDRESS_CALLER = "address caller"  # who was not heard for long


_CUT = (Effect.CANCEL_REPLY, Effect.CLEAR_PLAYBACK, Effect.CUT_CONVERSATION)

TRANSITIONS: dict[tuple[State, Event], tuple[State, tuple[Effect, ...]]] = {
    (State.LISTENING, Event.SPEECH_STARTED): (State.HEARING, ()),
    (State.LISTENING, Event.TEXT_RECEIVED): (State.THINKING, (Effect.START_REPLY,)),
    (State.LISTENING, Event.STOP_REQUESTED): (State.LISTENING, ()),
    (State.LISTENING, Event.SILENCE_LASTED): (State.SPEAKING, (Effect.ADDRESS_CALLER,)),
    (State.HEARING, Event.SPEECH_STOPPED): (State.PAUSED, ()),
    (State.HEARING, Event.TEXT_RECEIVED): (State.THINKING, (Effect.START_REPLY,)),
    (State.HEARING, Event.STOP_REQUESTED): (State.HEARING, ()),
    (State.PAUSED, Event.SPEECH_STARTED): (State.HEARING, ()),
    (State.PAUSED, Event.TURN_ENDED): (State.THINKING, (Effect.START_REPLY,)),
    (State.PAUSED, Event.TEXT_RECEIVED): (State.THINKING, (Effect.START_REPLY,)),
    (State.PAUSED, Event.STOP_REQUESTED): (State.PAUSED, ()),
    (State.PAUSED, Event.NOTHING_SAID): (State.LISTENING, ()),
    (State.PAUSED, Event.FALSE_ALARM): (State.SPEAKING, (Effect.RESUME_REPLY,)),
    # The caller went on before the reply began: both texts become one turn.
    (State.THINKING, Event.SPEECH_STARTED): (State.HEARING, (Effect.CANCEL_REPLY,)),
    (State.THINKING, Event.TEXT_RECEIVED): (State.THINKING, (Effect.CANCEL_REPLY, Effect.START_REPLY)),
    (State.THINKING, Event.STOP_REQUESTED): (State.LISTENING, (Effect.CANCEL_REPLY,)),
    (State.THINKING, Event.REPLY_STARTED): (State.SPEAKING, ()),
    (State.THINKING, Event.REPLY_FINISHED): (State.LISTENING, ()),
    (State.THINKING, Event.REPLY_FAILED): (State.SPEAKING, (Effect.SAY_APOLOGY,)),
    (State.SPEAKING, Event.INTERRUPTED): (State.HEARING, _CUT),
    (State.SPEAKING, Event.TEXT_RECEIVED): (State.THINKING, (*_CUT, Effect.START_REPLY)),
    (State.SPEAKING, Event.STOP_REQUESTED): (State.LISTENING, _CUT),
    # A resumed reply is SPEAKING from its start; its first audio says so once more.
    (State.SPEAKING, Event.REPLY_STARTED): (State.SPEAKING, ()),
    (State.SPEAKING, Event.REPLY_FINISHED): (State.LISTENING, ()),
    (State.SPEAKING, Event.REPLY_FAILED): (State.SPEAKING, (Effect.SAY_APOLOGY,)),
}


@dataclass(slots=True)
class Turn:
    """The machine itself: feed it an event, perform the effects it returns, in order."""

    state: State = State.LISTENING

    def receive(self, event: Event) -> tuple[Effect, ...]:
        """Move to the next state; raises IllegalTransition for an event that cannot happen in this one."""
        try:
            self.state, effects = TRANSITIONS[self.state, event]
        except KeyError:
            raise IllegalTransition(self.state, event.value) from None
        return effects
