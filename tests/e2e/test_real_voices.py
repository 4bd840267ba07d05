"""Real voices too: what two of them say together is understood as well as what each says alone."""

import random
import sys
from dataclasses import replace

import needs
from real_voices import RATE, SENTENCES, Cut, errors, said
from tandem.core.audio import duration_ms
from tandem.providers.local import espeak, flite, moonshine

CUTS = 50
MOST_MORE = 0.03  # of the words


async def test_a_phrase_that_two_voices_share_is_understood_as_well_as_one_of_a_single_voice() -> None:
    needs.require(flite.missing() is None, str(flite.missing()))
    needs.require(espeak.missing() is None, str(espeak.missing()))
    dice, joined = random.Random(20), []
    async with flite.Flite.open() as with_flite, espeak.Espeak.open(1) as with_espeak:
        first, second = Cut("slt", with_flite, "slt"), Cut("espeak", with_espeak, "en-us")
        alone = {voice.name: [await said(text, voice) for text in SENTENCES] for voice in (first, second)}
        for cut in range(CUTS):
            at = cut % len(SENTENCES)
            after_ms = dice.random() * duration_ms(len(alone["slt"][at]), RATE)
            joined.append(await said(SENTENCES[at], replace(first, after_ms=after_ms), second))
    async with moonshine.Moonshine.open(2) as recogniser:
        rates = {name: await errors(recogniser, SENTENCES, audio) for name, audio in alone.items()}
        texts = [SENTENCES[cut % len(SENTENCES)] for cut in range(CUTS)]
        rates["joined"] = await errors(recogniser, texts, joined)
    table = ", ".join(f"{name} {100 * rate:.1f} %" for name, rate in rates.items())
    sys.stdout.write(f"Words misheard: {table}\n")
    assert rates["joined"] <= (rates["slt"] + rates["espeak"]) / 2 + MOST_MORE, table
