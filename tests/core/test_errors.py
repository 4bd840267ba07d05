"""Errors: what each of them carries, and that the drawn tree is the real one."""

import re

import pytest

from tandem.core import errors
from tandem.core.errors import (
    CallerError,
    CallRefused,
    ChainSpent,
    Fault,
    IllegalTransition,
    ProviderError,
    TandemError,
)


def test_the_drawn_tree_names_every_error() -> None:
    drawn = set(re.findall(r"[├└]── (\w+)", errors.__doc__ or ""))
    real = {kind.__name__ for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, TandemError)}
    assert drawn == real - {"TandemError"}


def test_a_provider_error_says_who_failed_how_and_why() -> None:
    error = ProviderError(Fault.RATE_LIMITED, "groq", "429", retry_after_ms=2000)
    assert str(error) == "groq: rate-limited (429)"
    assert (error.fault, error.provider, error.detail, error.retry_after_ms) == (
        Fault.RATE_LIMITED,
        "groq",
        "429",
        2000,
    )


def test_a_spent_chain_tells_every_cause_in_order() -> None:
    causes = (ProviderError(Fault.TIMEOUT, "a", "late"), ProviderError(Fault.CUT, "b", "broke"))
    spent = ChainSpent("llm", causes)
    assert spent.causes == causes
    assert spent.slot == "llm"
    assert str(spent) == "no llm provider could serve: a: timeout (late); b: cut (broke)"


def test_a_spent_chain_without_providers_says_so() -> None:
    assert "no provider is configured" in str(ChainSpent("tts", ()))


def test_an_illegal_transition_names_event_and_state() -> None:
    assert str(IllegalTransition("paused", "reply started")) == "reply started cannot happen while paused"


@pytest.mark.parametrize("fatal", [False, True])
def test_a_caller_error_has_a_word_for_programs_and_a_sentence_for_people(fatal: bool) -> None:
    error = CallerError("bad_frame", "That frame cannot be read.", fatal=fatal)
    assert (error.code, error.message, str(error)) == ("bad_frame", "That frame cannot be read.", error.message)
    assert error.fatal is fatal
    assert 4000 <= error.close_code <= 4999


def test_a_refused_call_says_when_to_try_again() -> None:
    error = CallRefused(503, "All lines are busy.", retry_after_s=5)
    assert (error.status, error.message, error.retry_after_s) == (503, "All lines are busy.", 5)


def test_fault_words_are_those_of_the_vocabulary() -> None:
    assert {fault.value for fault in Fault} == {
        "refused",
        "timeout",
        "stalled",
        "cut",
        "rate-limited",
        "rejected",
        "invalid",
        "unavailable",
        "malformed",
        "empty",
    }
