"""Which calls are up, and whether there is room for another."""

import pytest

from tandem.core.errors import CallRefused
from tandem.session.registry import Registry


def registry(most_calls: int = 2) -> Registry:
    calls = Registry(most_calls=most_calls)
    calls.equip(object())  # type: ignore[arg-type]  # nothing is served here
    return calls


def test_a_call_holds_its_place_until_it_is_over() -> None:
    calls = registry()
    with calls.place("a"):
        assert len(calls) == 1
    assert len(calls) == 0


def test_an_id_that_is_up_is_refused() -> None:
    calls = registry()
    with calls.place("a"), pytest.raises(CallRefused) as refused, calls.place("a"):
        pass
    assert refused.value.status == 409


def test_one_call_too_many_is_refused_with_when_to_try_again() -> None:
    calls = registry(most_calls=1)
    with calls.place("a"):
        assert calls.reasons == ["all lines are busy"]
        with pytest.raises(CallRefused) as refused, calls.place("b"):
            pass
    assert (refused.value.status, refused.value.retry_after_s) == (503, 5)
    assert calls.reasons == []


def test_before_it_is_equipped_no_call_can_begin() -> None:
    calls = Registry(most_calls=1)
    assert calls.reasons == ["the providers are not loaded"]
    with pytest.raises(CallRefused), calls.place("a"):
        pass
