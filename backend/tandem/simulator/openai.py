"""OpenAI's REST API as simulated: chat completions, speech and transcriptions; Groq's, which speaks the same, too."""

import itertools
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tandem.simulator.faults import Kind
from tandem.simulator.http import Body, Instead, Then, Wording, played, read_json
from tandem.simulator.latency import Slot
from tandem.simulator.openai_audio import Transcript, spoken, uploaded
from tandem.simulator.openai_chat import CREATED, Reply, frame
from tandem.simulator.scripts import Answer, text_of
from tandem.simulator.stage import Stage, Stride
from tandem.simulator.wav import UnreadableWav, samples

_MODELS = {
    "openai": ("gpt-5.2", "gpt-5.2-mini", "gpt-4o-mini", "gpt-4o-mini-tts", "gpt-4o-transcribe", "whisper-1"),
    "groq": ("llama-3.3-70b-versatile", "openai/gpt-oss-120b", "whisper-large-v3", "whisper-large-v3-turbo"),
}
_CODES = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    402: ("insufficient_quota", "insufficient_quota"),
    403: ("invalid_request_error", "model_not_allowed"),
    404: ("invalid_request_error", "model_not_found"),
    429: ("requests", "rate_limit_exceeded"),
    498: ("capacity", "capacity_exceeded"),
}
_SPEEDS = (0.25, 4.0)  # the least and the most that `speed` may be
_BROKE_STATUS = {"openai": 429, "groq": 402}


def routes(stage: Stage) -> list[BaseRoute]:
    """Return the routes of both vendors."""
    return [
        route
        for vendor, prefix in (("openai", "/v1"), ("groq", "/openai/v1"))
        for route in _Service(stage, vendor).routes(prefix)
    ]


def error_body(status: int, message: str = "simulated", code: str | None = None) -> Body:
    """Return the body of an error status, or of an error within a stream."""
    kind, usual = _CODES.get(status, ("server_error", "server_error"))
    code = code or usual
    return {"error": {"message": message, "type": code if code == "insufficient_quota" else kind, "code": code}}


def _spoiled_stream(kind: Kind, unit: bytes) -> Instead:
    match kind:
        case Kind.MALFORMED:
            return Instead(unit[: len(unit) // 2] + b"\n\n")
        case Kind.UNKNOWN_TYPE:
            return Instead(frame({"id": "novelty", "object": "simulated.novelty", "choices": []}) + unit)
        case Kind.MISSING_FIELD:
            return Instead(frame({"id": "chatcmpl-simulated", "object": "chat.completion.chunk"}))
        case _:
            then = Then.END if kind is Kind.ERROR_CLOSE else Then.HOLD
            return Instead(frame(error_body(500)), then)


def _spoiled_body(kind: Kind, unit: bytes) -> Instead:
    match kind:
        case Kind.MALFORMED:
            return Instead(unit[: len(unit) // 2], Then.END)
        case Kind.UNKNOWN_TYPE:
            return Instead(b'{"object": "simulated.novelty", "simulated": true}', Then.END)
        case Kind.MISSING_FIELD:
            return Instead(b"{}", Then.END)
        case _:
            return Instead(json.dumps(error_body(500)).encode(), Then.END)


def _spoiled_audio(kind: Kind, unit: bytes) -> Instead:
    """Raw audio has neither types nor fields; a sample that lacks its second byte is all that can be unreadable."""
    return Instead(unit[:-1], Then.END) if kind is Kind.MALFORMED else Instead(unit)


STREAM = Wording(error_body, _spoiled_stream)
WHOLE = Wording(error_body, _spoiled_body)
AUDIO = Wording(error_body, _spoiled_audio)


@dataclass(frozen=True, slots=True)
class _Service:
    """One vendor's routes."""

    stage: Stage
    vendor: str
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def routes(self, prefix: str) -> list[BaseRoute]:
        posts: Mapping[str, Callable[[Request], Awaitable[Response]]] = {
            "/chat/completions": self.chat,
            "/audio/speech": self.speech,
            "/audio/transcriptions": self.transcriptions,
        }
        return [
            Route(f"{prefix}/models", self.models, methods=["GET"]),
            *(Route(prefix + path, answer, methods=["POST"]) for path, answer in posts.items()),
        ]

    async def models(self, request: Request) -> Response:
        if refusal := self._refusal(request):
            return refusal
        about = {"object": "model", "created": CREATED, "owned_by": "simulated"}
        return JSONResponse({"object": "list", "data": [{"id": name, **about} for name in _MODELS[self.vendor]]})

    async def chat(self, request: Request) -> Response:
        stride = Stride()  # from here on the client waits
        body = await read_json(request)
        asked = self.stage.requests.note(self.vendor, "chat", request, body)
        if refusal := self._refusal(request):
            return refusal
        if body is None or not isinstance(body.get("messages"), list) or not isinstance(body.get("model"), str):
            return JSONResponse(error_body(400, "a model and messages are needed"), 400)

        def units(empty: bool) -> AsyncGenerator[bytes, None]:
            return self._units(body, self._reply(body, empty), stride)

        if body.get("stream"):
            return await played(self.stage, request, asked, STREAM, units, media_type="text/event-stream")
        return await played(self.stage, request, asked, WHOLE, units)

    async def _units(self, body: Body, reply: Reply, stride: Stride) -> AsyncGenerator[bytes, None]:
        latency = self.stage.latency
        await stride.wait_ms(latency.first_ms(Slot.LLM))
        if not body.get("stream"):
            await stride.wait_ms(sum(latency.unit_ms(Slot.LLM) for _ in reply.tokens))
            yield reply.whole()
            return
        opening = reply.chunk({"role": "assistant", "content": ""})
        for delta in reply.deltas():
            yield opening + reply.chunk(delta)
            opening = b""
            await stride.wait_ms(latency.unit_ms(Slot.LLM))
        yield opening + reply.ending(usage=bool((body.get("stream_options") or {}).get("include_usage")))

    def _reply(self, body: Body, empty: bool) -> Reply:
        messages = [message for message in body["messages"] if isinstance(message, dict)]
        tools = [str(tool.get("function", {}).get("name")) for tool in body.get("tools") or []]
        answer = Answer() if empty else self.stage.answers.answer(messages, tools)
        most = body.get("max_completion_tokens") or body.get("max_tokens") or len(answer.tokens)
        tokens = answer.tokens[:most]
        cut = "length" if len(tokens) < len(answer.tokens) else "stop"
        finish = "tool_calls" if answer.call else cut
        asked = sum(len(text_of(message).split()) for message in messages)
        return Reply(self.vendor, next(self.numbers), body["model"], answer, tokens, finish, asked)

    async def speech(self, request: Request) -> Response:
        body = await read_json(request)
        asked = self.stage.requests.note(self.vendor, "speech", request, body)
        if refusal := self._refusal(request):
            return refusal
        form = str((body or {}).get("response_format", "mp3"))
        if body is None or not isinstance(body.get("input"), str) or form not in ("pcm", "wav"):
            return JSONResponse(error_body(400, "an input is needed; the simulator speaks pcm and wav"), 400)
        speed = body.get("speed", 1.0)
        if not isinstance(speed, int | float) or not _SPEEDS[0] <= speed <= _SPEEDS[1]:
            return JSONResponse(error_body(400, "speed must be between 0.25 and 4.0"), 400)

        def units(empty: bool) -> AsyncGenerator[bytes, None]:
            return spoken(self.stage, "" if empty else body["input"], speed, as_wav=form == "wav")

        return await played(self.stage, request, asked, AUDIO, units, media_type=f"audio/{form}")

    async def transcriptions(self, request: Request) -> Response:
        fields = uploaded(request.headers.get("content-type", ""), await request.body())
        known = {name: value.decode("utf-8", "replace") for name, value in fields.items() if name != "file"}
        asked = self.stage.requests.note(self.vendor, "transcriptions", request, known)
        if refusal := self._refusal(request):
            return refusal
        try:
            pcm, rate = samples(fields.get("file", b""))
        except UnreadableWav as error:
            return JSONResponse(error_body(400, str(error)), 400)
        form, language = known.get("response_format", "json"), known.get("language", "english")

        async def units(empty: bool) -> AsyncGenerator[bytes, None]:
            words = [] if empty else [word for word in self.stage.voice.hear(pcm, rate) if word.whole]
            await Stride().wait_ms(self.stage.latency.first_ms(Slot.STT, len(pcm) / 2 / rate * 1000))
            yield Transcript(words, len(pcm) / 2 / rate, language).written(form)

        media_type = "text/plain" if form == "text" else "application/json"
        return await played(self.stage, request, asked, WHOLE, units, media_type=media_type)

    def _refusal(self, request: Request) -> Response | None:
        """Return the answer to a key that is none, wrong ("bad") or without credit ("broke")."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or key in ("", "bad"):
            return JSONResponse(error_body(401, "Incorrect API key provided"), 401)
        if key == "broke":
            status = _BROKE_STATUS[self.vendor]
            return JSONResponse(error_body(status, "You exceeded your current quota", "insufficient_quota"), status)
        return None
