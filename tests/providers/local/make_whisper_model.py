"""Makes a Whisper model without training: it tells low tones from high ones, and says a sentence for each.

`python make_whisper_model.py FOLDER` writes it as faster-whisper reads it: CTranslate2's format, int8, 0.8 MB. The
network is Whisper's, its weights are set by hand: the encoder has a channel that follows low tones and one that follows
high tones; the decoder looks where one of them sounds, and says the next word of that one's sentence. Where it hears
neither, all words are equally likely, and it is sure that nobody speaks: the library's guards watch for both.
It shows how Tandem uses the library. It shows nothing of how well Whisper hears.
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:  # where it runs, it imports them late: who only wants the sounds may lack the extra packages
    from ctranslate2.specs.attention_spec import MultiHeadAttentionSpec
    from ctranslate2.specs.common_spec import LayerNormSpec, LinearSpec
    from ctranslate2.specs.transformer_spec import FeedForwardSpec
    from ctranslate2.specs.whisper_spec import WhisperEncoderSpec, WhisperSpec
    from tokenizers import Tokenizer

LOW = "ten meters are thirty-three feet."
HIGH = "what time is it in Z\u00fcrich?"
# Where the decoder looks for the first word, and how much later for each further token.
FIRST_MS, EACH_MS = 100.0, 200.0
_WIDTH, _HEAD, _MELS, _FRAMES, _POSITIONS = 64, 32, 80, 1500, 448
_STEPS = 32  # the first channels count what the decoder has said
_LOW, _HIGH, _EAST, _NORTH = range(_STEPS, _STEPS + 4)
_LOW_BANDS, _HIGH_BANDS = slice(4, 11), slice(45, 52)
_TONES_HZ = {LOW: (200, 240, 280, 320, 360, 400), HIGH: (2080, 2170, 2260, 2360, 2460, 2560)}  # in those bands
_SOUNDS_MS, _PAUSES_MS = 120, 80
_UNTIL = {_LOW: "<|1.80|>", _HIGH: "<|2.00|>"}  # when the sentence has ended, by the model's own account
_STEPS_AT_A_LOSS = 12
_FRAME_MS, _TURN_FRAMES = 20.0, 300.0  # a clock of 6 s by which the decoder finds the place of a word

_Array = npt.NDArray[np.float32]


def sound_of(sentence: str, seconds: float = 2.0, rate: int = 16_000) -> bytes:
    """Return mono 16-bit PCM that the model hears as `sentence`, LOW or HIGH: tones, with pauses as speech has."""
    time = np.arange(int(seconds * rate), dtype=np.float64) / rate
    tones = sum(np.sin(2 * np.pi * hz * time + hz) for hz in _TONES_HZ[sentence])
    sounds = time * 1000 % (_SOUNDS_MS + _PAUSES_MS) < _SOUNDS_MS
    return bytes((tones * sounds * 2500).astype("<i2").tobytes())


def make_model(folder: Path, *, languages: tuple[str, ...] = ()) -> Path:
    """Write the model and return `folder`. With `languages` it is multilingual, and says the same in each of them."""
    from ctranslate2.specs.whisper_spec import WhisperSpec

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = _tokenizer(languages)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "preprocessor_config.json").write_text(json.dumps({"feature_size": _MELS}))
    spec = WhisperSpec(1, 2, 1, 2)
    _set_encoder(spec.encoder)
    tokens = _vocabulary(tokenizer, multilingual=bool(languages))
    prompt = 3 if languages else 1
    _set_decoder(spec, tokens, tokenizer, prompt)
    spec.register_vocabulary(tokens)
    spec.config.suppress_ids = []
    spec.config.suppress_ids_begin = []
    spec.config.lang_ids = [tokenizer.token_to_id(f"<|{language}|>") for language in languages]
    spec.config.alignment_heads = [(0, 1)]
    spec.validate()
    spec.optimize(quantization="int8")
    spec.save(str(folder))
    return folder


def _tokenizer(languages: tuple[str, ...]) -> "Tokenizer":
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    letters = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=500, min_frequency=1, initial_alphabet=letters, show_progress=False)
    tokenizer.train_from_iterator([f" {sentence}" for sentence in (LOW, HIGH)], trainer)
    marks = ("translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps")
    named = ("endoftext", "startoftranscript", *languages, *marks)
    tokenizer.add_special_tokens([AddedToken(f"<|{name}|>", special=True) for name in named])
    return tokenizer


def _vocabulary(tokenizer: "Tokenizer", *, multilingual: bool) -> list[str]:
    """Return every token by its id: the tokenizer's, then Whisper's times of 0 to 30 s."""
    tokens = [str(tokenizer.id_to_token(index)) for index in range(tokenizer.get_vocab_size())]
    if multilingual:
        tokens[0] = ""  # by this token, which the English-only models lack, CTranslate2 tells them apart
    return tokens + [f"<|{step * 0.02:.2f}|>" for step in range(1501)]


def _set_encoder(encoder: "WhisperEncoderSpec") -> None:
    tones = _zeros(_WIDTH, _MELS, 3)
    for channel, here, there in ((_LOW, _LOW_BANDS, _HIGH_BANDS), (_HIGH, _HIGH_BANDS, _LOW_BANDS)):
        tones[channel, here, 1] = 1.5 / (here.stop - here.start)
        tones[channel, there, 1] = -1.5 / (there.stop - there.start)
    encoder.conv1.weight = tones
    encoder.conv1.bias = _zeros(_WIDTH)
    encoder.conv1.bias[[_LOW, _HIGH]] = -0.7
    encoder.conv2.weight = _zeros(_WIDTH, _WIDTH, 3)
    encoder.conv2.weight[[_LOW, _HIGH], [_LOW, _HIGH], 1] = 1.0
    encoder.conv2.bias = _zeros(_WIDTH)
    place = _zeros(_FRAMES, _WIDTH)
    place[:, [_EAST, _NORTH]] = 3.0 * _clock(np.arange(float(_FRAMES)))
    encoder.position_encodings.encodings = place
    (layer,) = encoder.layer
    _set_attention(layer.self_attention, 3)
    _set_nothing(layer.ffn)
    _set_norm(encoder.layer_norm)


def _set_decoder(spec: "WhisperSpec", tokens: list[str], tokenizer: "Tokenizer", prompt: int) -> None:
    decoder = spec.decoder
    decoder.embeddings.weight = _zeros(len(tokens), _WIDTH)
    decoder.position_encodings.encodings = np.eye(_STEPS, _WIDTH, dtype=np.float32)[
        np.minimum(np.arange(_POSITIONS), _STEPS - 1)
    ]
    (layer,) = decoder.layer
    _set_attention(layer.self_attention, 3)
    _set_listening(layer.attention, prompt)
    _set_nothing(layer.ffn)
    _set_norm(decoder.layer_norm)
    decoder.projection.weight = _words_by_step(tokens, tokenizer, prompt)
    decoder.projection.bias = _zeros(len(tokens))
    decoder.projection.bias[tokens.index("<|endoftext|>")] = 28.0


def _set_listening(attention: "MultiHeadAttentionSpec", prompt: int) -> None:
    """One head attends to tones, wherever they are; the other to the place where the next word should be."""
    _set_attention(attention, 1)
    ask, listen, tell = attention.linear
    listen.weight, listen.bias = _zeros(2 * _WIDTH, _WIDTH), _zeros(2 * _WIDTH)
    ask.bias[0] = 20.0
    listen.weight[0, [_LOW, _HIGH]] = 1.0
    said = np.maximum(np.arange(_STEPS) - prompt, 0)
    ask.weight[[_HEAD, _HEAD + 1], :_STEPS] = 20.0 * _clock((FIRST_MS + EACH_MS * said) / _FRAME_MS).T
    listen.weight[[_HEAD, _HEAD + 1], [_EAST, _NORTH]] = 1.0
    listen.weight[[_WIDTH, _WIDTH + 1], [_LOW, _HIGH]] = 1.0
    tell.weight[[_LOW, _HIGH], [0, 1]] = 0.3


def _words_by_step(tokens: list[str], tokenizer: "Tokenizer", prompt: int) -> _Array:
    ids = {token: index for index, token in enumerate(tokens)}
    weight = _zeros(len(tokens), _WIDTH)
    weight[: ids["<|endoftext|>"], prompt:_STEPS_AT_A_LOSS] = 3.9
    weight[ids["<|nospeech|>"], [0, _LOW, _HIGH]] = (8.0, -8.0, -8.0)
    weight[ids["<|0.00|>"], prompt - 1] = 8.0
    for sentence, channel in ((LOW, _LOW), (HIGH, _HIGH)):
        words = tokenizer.encode(f" {sentence}").ids
        weight[words] = 0.0
        for step, word in enumerate(words, prompt):
            weight[word, [step, channel]] = 4.0
        weight[ids[_UNTIL[channel]], [prompt + len(words), channel]] = 4.0
    return weight


def _clock(frames: npt.NDArray[np.floating]) -> _Array:
    turn = 2 * np.pi * frames / _TURN_FRAMES
    return np.stack([np.cos(turn), np.sin(turn)], axis=-1).astype(np.float32)


def _set_attention(attention: "MultiHeadAttentionSpec", asked: int) -> None:
    """Make it add nothing; `asked` is how many vectors its first layer gives, 3 where it attends to itself."""
    _set_norm(attention.layer_norm)
    for linear, outputs in zip(attention.linear, (asked, 1, 1), strict=False):
        _set_linear(linear, outputs * _WIDTH, _WIDTH)


def _set_nothing(forward: "FeedForwardSpec") -> None:
    _set_norm(forward.layer_norm)
    _set_linear(forward.linear_0, _WIDTH, _WIDTH)
    _set_linear(forward.linear_1, _WIDTH, _WIDTH)


def _set_linear(linear: "LinearSpec", outputs: int, inputs: int) -> None:
    linear.weight, linear.bias = _zeros(outputs, inputs), _zeros(outputs)


def _set_norm(norm: "LayerNormSpec") -> None:
    norm.gamma, norm.beta = np.ones(_WIDTH, np.float32), _zeros(_WIDTH)


def _zeros(*shape: int) -> _Array:
    return np.zeros(shape, np.float32)


if __name__ == "__main__":
    make_model(Path(sys.argv[1]))
