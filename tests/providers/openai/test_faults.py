"""What a refusal of an OpenAI-compatible server means."""

from typing import Any

import pytest

from tandem.core.errors import Fault
from tandem.providers.openai.faults import frame_fault, retry_after_ms, status_fault


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (400, Fault.REJECTED),
        (401, Fault.REJECTED),
        (403, Fault.REJECTED),
        (404, Fault.REJECTED),
        (408, Fault.TIMEOUT),
        (422, Fault.REJECTED),
        (429, Fault.RATE_LIMITED),
        (500, Fault.UNAVAILABLE),
        (503, Fault.UNAVAILABLE),
        (529, Fault.UNAVAILABLE),
    ],
)
def test_a_status_has_its_fault_and_is_named_in_the_detail(status: int, fault: Fault) -> None:
    assert status_fault(status)[0] is fault
    assert str(status) in status_fault(status)[1]


@pytest.mark.parametrize(
    ("codes", "fault"),
    [
        (("rate_limit_exceeded", None), Fault.RATE_LIMITED),
        (("insufficient_quota", "insufficient_quota"), Fault.RATE_LIMITED),
        ((None, "server_error"), Fault.UNAVAILABLE),
        ((None, "overloaded_error"), Fault.UNAVAILABLE),
        (("503", "x"), Fault.UNAVAILABLE),
        ((429, None), Fault.RATE_LIMITED),
        (("invalid_api_key", "invalid_request_error"), Fault.REJECTED),
        (("model_not_found", None), Fault.REJECTED),
        ((None, None), Fault.MALFORMED),
        (("x", "y"), Fault.MALFORMED),
    ],
)
def test_an_error_frame_has_the_fault_of_its_code(codes: tuple[Any, Any], fault: Fault) -> None:
    assert frame_fault(*codes)[0] is fault


def test_an_error_frame_whose_code_is_a_sentence_is_not_quoted() -> None:
    assert frame_fault("invalid: my secret words")[1] == "error frame"


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({}, None),
        ({"retry-after": "2"}, 2_000),
        ({"retry-after": "0.5"}, 500),
        ({"retry-after-ms": "250", "retry-after": "1"}, 250),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Fri, 20 Nov 2026 10:00:30 GMT", "date": "Fri, 20 Nov 2026 10:00:00 GMT"}, 30_000),
        ({"retry-after": "Fri, 20 Nov 2026 09:00:00 GMT", "date": "Fri, 20 Nov 2026 10:00:00 GMT"}, 0),
        ({"retry-after": "Fri, 20 Nov 2026 10:00:30 GMT"}, None),
        ({"retry-after": "Fri, 20 Nov 2026 10:00:30", "date": "Fri, 20 Nov 2026 10:00:00 GMT"}, None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers: dict[str, str], wait: float | None) -> None:
    assert retry_after_ms(headers) == wait
