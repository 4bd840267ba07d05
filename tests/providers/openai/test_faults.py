"""What a refusal of an OpenAI-compatible server means."""

from typing import Any

import pytest

from tandem.core.errors import Fault
from tandem.providers.openai.faults import frame_fault, refusal, retry_after_ms


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (400, Fault.INVALID),
        (401, Fault.REJECTED),
        (402, Fault.REJECTED),
        (403, Fault.REJECTED),
        (404, Fault.REJECTED),
        (408, Fault.TIMEOUT),
        (413, Fault.INVALID),
        (422, Fault.INVALID),
        (429, Fault.RATE_LIMITED),
        (500, Fault.UNAVAILABLE),
        (503, Fault.UNAVAILABLE),
        (529, Fault.UNAVAILABLE),
    ],
)
@pytest.mark.parametrize("body", [None, "a page", [], {}, {"error": "words"}, {"details": "x"}, {"details": [7]}])
def test_a_status_has_its_fault_and_is_named_in_the_detail(status: int, fault: Fault, body: object) -> None:
    assert refusal(status, body)[0] is fault
    assert str(status) in refusal(status, body)[1]


_KEY_OF_GOOGLE = {"code": 400, "status": "INVALID_ARGUMENT", "details": [{"reason": "API_KEY_INVALID"}]}


@pytest.mark.parametrize(
    ("status", "error", "fault"),
    [
        (429, {"code": "insufficient_quota", "type": "insufficient_quota"}, Fault.REJECTED),
        (429, {"code": "billing_not_active"}, Fault.REJECTED),
        (429, {"code": "rate_limit_exceeded", "type": "tokens"}, Fault.RATE_LIMITED),
        (429, {"code": "429", "message": "You exceeded your current quota"}, Fault.RATE_LIMITED),
        (400, {"code": "content_filter"}, Fault.INVALID),
        (400, {"code": "context_length_exceeded", "type": "invalid_request_error"}, Fault.INVALID),
        (400, {"code": "unsupported_parameter", "type": "invalid_request_error"}, Fault.REJECTED),
        (400, {"code": "invalid_request_error", "message": "Model Not Exist"}, Fault.REJECTED),
        (400, {"code": None, "message": "the caller said: model not exist"}, Fault.INVALID),
        (400, _KEY_OF_GOOGLE, Fault.REJECTED),
        (400, {"code": 400, "status": "INVALID_ARGUMENT"}, Fault.INVALID),
        (503, {"code": "insufficient_quota"}, Fault.UNAVAILABLE),
    ],
)
def test_what_is_refused_for_every_request_is_told_from_what_is_wrong_with_one(
    status: int, error: dict[str, Any], fault: Fault
) -> None:
    for body in (error, {"error": error}, [{"error": error}]):
        assert refusal(status, body)[0] is fault


@pytest.mark.parametrize(
    ("codes", "fault"),
    [
        (("rate_limit_exceeded", None), Fault.RATE_LIMITED),
        (("insufficient_quota", "insufficient_quota"), Fault.REJECTED),
        (("content_filter", None), Fault.INVALID),
        (("context_length_exceeded", "invalid_request_error"), Fault.INVALID),
        ((None, "invalid_request_error"), Fault.INVALID),
        ((400, None), Fault.INVALID),
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
