"""A genome from literal strings with the few methods that the pure modules ask for; lower case is
soft-masked."""

import hashlib

import numpy as np

from gfmtrust.core.alphabet import PAD, encode


def genome_letters(seed: int, length: int) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


class FakeGenome:
    name = "fake.fa"

    def __init__(self, **contigs: str):
        self._letters = contigs
        self._codes = {name: encode(text) for name, text in contigs.items()}
        self.contigs = {name: len(text) for name, text in contigs.items()}
        self.names = list(contigs)

    def codes(self, contig, start, end):
        return self.windows(contig, np.array([start]), end - start)[0]

    def windows(self, contig, starts, width):
        padded = np.concatenate(
            [np.full(width, PAD, np.uint8), self._codes[contig], np.full(width, PAD, np.uint8)]
        )
        at = np.clip(np.asarray(starts, np.int64) + width, 0, len(padded) - width)
        return padded[at[:, None] + np.arange(width)]

    def soft_masked(self, contig, start, end):
        return np.array([letter.islower() for letter in self._letters[contig][start:end]])

    def md5s(self):
        return {
            name: hashlib.md5(text.upper().encode()).hexdigest()
            for name, text in self._letters.items()
        }

    def digest(self):
        return hashlib.sha256(repr(self._letters).encode()).hexdigest()


def random_genome(seed: int = 0, length: int = 20_000, **more: str) -> FakeGenome:
    letters = np.random.default_rng(seed).choice(list("ACGT"), length)
    letters[length // 4 : length // 2] = np.char.lower(letters[length // 4 : length // 2])
    return FakeGenome(chr1="".join(letters), **more)
