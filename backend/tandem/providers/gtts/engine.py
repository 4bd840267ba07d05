"""The blocking half: a piece of text goes to Google Translate through gTTS, its MP3 becomes PCM through PyAV.

Imported only where both are installed, and in a thread: it takes 200 ms.
"""

import io
import logging
from collections.abc import Iterator

import av
import requests
from av.audio.frame import AudioFrame
from av.filter import Graph
from gtts import gTTS, gTTSError
from gtts.lang import tts_langs
from urllib3.exceptions import MaxRetryError, ReadTimeoutError

from tandem.core.audio import BYTES_PER_SAMPLE
from tandem.core.errors import Fault, ProviderError
from tandem.providers.gtts import wire


class _Speech(gTTS):  # type: ignore[misc]  # gTTS has no types
    """gTTS, with another address to send to than Google's."""

    def __init__(self, piece: wire.Piece, base_url: str, timeout_s: tuple[float, float]) -> None:
        super().__init__(piece.text, tld=piece.tld, lang=piece.language, lang_check=False, timeout=timeout_s)
        self._base_url = base_url.rstrip("/")

    def _prepare_requests(self) -> list[requests.PreparedRequest]:
        prepared: list[requests.PreparedRequest] = super()._prepare_requests()
        if self._base_url:
            for request in prepared:
                request.prepare_url(self._base_url + request.path_url, None)
        return prepared


class Engine:
    """Speaks a piece at a time; safe for many threads, because it keeps nothing."""

    def __init__(self, name: str, base_url: str, connect_ms: float, read_ms: float) -> None:
        """`connect_ms` bounds the wait for a connection, `read_ms` each wait for bytes."""
        self._name = name
        self._base_url = base_url
        self._timeout_s = (connect_ms / 1000, read_ms / 1000)
        self.languages = frozenset(tts_langs())
        # gTTS logs all that it speaks at the level DEBUG.
        logging.getLogger("gtts").setLevel(logging.WARNING)

    def speak(self, piece: wire.Piece) -> bytes:
        """Return the piece as mono 16-bit PCM at 24 kHz; ProviderError as Google fails."""
        try:
            return self._decoded(self._fetched(piece), piece.speed)
        except gTTSError as error:
            raise self._translated(error, piece.late) from error
        except requests.RequestException as error:
            raise ProviderError(Fault.REFUSED, self._name, "an address that cannot be used") from error
        except (av.FFmpegError, ValueError) as error:  # no MP3, or before that no UTF-8 or no base64
            raise ProviderError(Fault.MALFORMED, self._name, "an answer that cannot be read") from error

    def _fetched(self, piece: wire.Piece) -> bytes:
        speech = _Speech(piece, self._base_url, self._timeout_s)
        answers = list(speech.stream())
        # gTTS passes over an answer without its mark, and so over words.
        if len(answers) < len(speech.get_bodies()):
            raise ProviderError(Fault.MALFORMED, self._name, "an answer without audio")
        if not (mp3 := b"".join(answers)):
            raise ProviderError(Fault.EMPTY, self._name, "no audio")
        return mp3

    def _decoded(self, mp3: bytes, speed: float) -> bytes:
        with av.open(io.BytesIO(mp3), "r", format="mp3") as container:
            pcm = b"".join(_filtered(container.decode(audio=0), speed))
        if not pcm:
            raise ProviderError(Fault.MALFORMED, self._name, "audio without a sample")
        return pcm

    def _translated(self, error: gTTSError, late: Fault) -> ProviderError:
        response, cause = error.rsp, error.__context__
        if response is not None and response.status_code >= 400:
            status = response.status_code
            after = wire.retry_after_ms(response.headers)
            return ProviderError(wire.status_fault(status), self._name, f"status {status}", retry_after_ms=after)
        if response is not None:
            return ProviderError(Fault.MALFORMED, self._name, "an answer without audio")
        inner = cause.args[0] if cause is not None and cause.args else None
        if isinstance(cause, requests.Timeout) or isinstance(inner, ReadTimeoutError):
            return ProviderError(late, self._name, "nothing in time")
        if isinstance(inner, MaxRetryError):  # what urllib3 makes of all that goes wrong before the request is sent
            return ProviderError(Fault.REFUSED, self._name, "no connection")
        if isinstance(cause, requests.ConnectionError | requests.exceptions.ChunkedEncodingError):
            return ProviderError(Fault.CUT, self._name, "the connection broke")
        return ProviderError(Fault.MALFORMED, self._name, "an answer that cannot be read")


def _filtered(frames: Iterator[AudioFrame], speed: float) -> Iterator[bytes]:
    """Yield the PCM of `frames` at the one rate, faster or slower by `speed` at the same pitch."""
    graph: Graph | None = None
    for frame in frames:
        graph = graph or _graph(frame, speed)
        graph.push(frame)
        yield from _pulled(graph)
    if graph is not None:
        graph.push(None)
        yield from _pulled(graph)


def _graph(first: AudioFrame, speed: float) -> Graph:
    graph = Graph()
    nodes = [graph.add_abuffer(sample_rate=first.sample_rate, format=first.format.name, layout=first.layout.name)]
    if speed != 1.0:
        nodes.append(graph.add("atempo", f"{speed:.3f}"))
    shape = f"sample_fmts=s16:channel_layouts=mono:sample_rates={wire.SAMPLE_RATE}"
    nodes += [graph.add("aformat", shape), graph.add("abuffersink")]
    graph.link_nodes(*nodes).configure()
    return graph


def _pulled(graph: Graph) -> Iterator[bytes]:
    while True:
        try:
            frame = graph.pull()
        except (av.BlockingIOError, av.EOFError):  # it wants more first, or there is no more
            return
        assert isinstance(frame, AudioFrame)
        yield bytes(frame.planes[0])[: frame.samples * BYTES_PER_SAMPLE]
