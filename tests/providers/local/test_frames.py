"""Frames come out of a pipe as they went in, however the pipe cuts them."""

from hypothesis import given
from hypothesis import strategies as st

from tandem.providers.local.frames import Kind, Unpacker, pack

FRAMES = st.lists(st.tuples(st.sampled_from(Kind), st.integers(0, 2**32 - 1), st.binary(max_size=200)), max_size=20)


@given(FRAMES, st.integers(1, 50))
def test_frames_survive_being_cut_anywhere(frames: list[tuple[Kind, int, bytes]], cut: int) -> None:
    stream = b"".join(pack(*frame) for frame in frames)
    unpacker = Unpacker()
    got = [frame for at in range(0, len(stream), cut) for frame in unpacker.feed(stream[at : at + cut])]
    assert got == frames
