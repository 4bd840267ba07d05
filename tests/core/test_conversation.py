"""The conversation: the history that a model reads."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from tandem.core.conversation import MOST_ENTRIES, Conversation
from tandem.core.ports import Message, Role

SYSTEM = Message(Role.SYSTEM, "Be brief.")
# One contribution: the caller's words, or what was heard of a reply.
SAID = st.tuples(st.sampled_from([Role.USER, Role.ASSISTANT]), st.sampled_from(["", "yes", "no it is not"]))


def conversation(*said: tuple[Role, str]) -> Conversation:
    history = Conversation("Be brief.")
    for role, text in said:
        if role is Role.USER:
            history.caller_said(text)
        else:
            history.begin_reply().text = text
    return history


def test_a_new_conversation_is_its_instructions() -> None:
    assert Conversation("Be brief.").messages() == [SYSTEM]


def test_what_was_said_and_heard_stands_in_order() -> None:
    history = conversation((Role.USER, "Hello"), (Role.ASSISTANT, "Hi"), (Role.USER, "Bye"))
    assert history.messages() == [
        SYSTEM,
        Message(Role.USER, "Hello"),
        Message(Role.ASSISTANT, "Hi"),
        Message(Role.USER, "Bye"),
    ]


def test_a_reply_grows_in_its_place() -> None:
    history = conversation((Role.USER, "Hello"))
    reply = history.begin_reply()
    history.caller_said("Wait")
    assert history.messages() == [SYSTEM, Message(Role.USER, "Hello Wait")]
    reply.text = "Hi there"
    assert history.messages()[2] == Message(Role.ASSISTANT, "Hi there")
    reply.text = "Hi"
    assert [message.text for message in history.messages()] == ["Be brief.", "Hello", "Hi", "Wait"]


def test_a_reply_of_which_nothing_was_heard_is_left_out() -> None:
    history = conversation((Role.USER, "Hello"), (Role.ASSISTANT, ""), (Role.USER, "Are you there?"))
    assert history.messages() == [SYSTEM, Message(Role.USER, "Hello Are you there?")]


def test_an_answer_is_due_until_a_word_of_it_was_heard() -> None:
    history = Conversation("Be brief.")
    told = [history.unanswered]
    history.caller_said("Hello")
    told.append(history.unanswered)
    reply = history.begin_reply()
    for heard in ("", "Hi", "Hi there", ""):
        reply.text = heard
        told.append(history.unanswered)
    assert told == [False, True, True, False, False, True]


def test_the_messages_cannot_change_the_history() -> None:
    history = conversation((Role.USER, "Hello"))
    history.messages().clear()
    assert len(history.messages()) == 2


@given(st.lists(SAID, max_size=30))
def test_no_word_is_lost_and_roles_alternate(said: list[tuple[Role, str]]) -> None:
    first, *messages = conversation(*said).messages()
    assert first == SYSTEM
    assert all(before.role is not after.role for before, after in pairwise(messages))
    for role in (Role.USER, Role.ASSISTANT):
        heard = [message.text for message in messages if message.role is role]
        assert " ".join(heard).split() == " ".join(text for by, text in said if by is role).split()


def test_a_call_of_hours_stays_small_and_keeps_its_instructions() -> None:
    history = Conversation("Be brief.")
    for i in range(10 * MOST_ENTRIES):
        history.caller_said(f"question {i}")
        history.begin_reply().text = f"answer {i}"
    messages = history.messages()
    assert len(messages) == MOST_ENTRIES + 1
    assert messages[0] == SYSTEM
    assert messages[-1].text == f"answer {10 * MOST_ENTRIES - 1}"
    assert len(history._entries) == MOST_ENTRIES
