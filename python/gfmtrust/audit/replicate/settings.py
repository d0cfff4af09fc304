"""The settings of a replication: what is trained, on how much, and how much is measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from gfmtrust.core.errors import UsageError, message

SIX_MER, BPE, TEXT, SHUFFLED = "6-mer", "BPE", "text", "shuffled"
CORPORA = (SIX_MER, BPE, TEXT, SHUFFLED)
"""DNA as k-mers (6 as published), DNA by byte pair encoding, English by byte pair encoding, and DNA with its
dinucleotides shuffled, as 6-mers."""
DNA = (SIX_MER, BPE)
"""The corpora that the claims are about."""
LETTERS_PER_TOKEN = 8
"""More letters than a window's tokens have on average, for the sizes of the held-out part."""
SPECIAL = ("<UNK>", "<PAD>", "<CLS>", "<SEP>", "<MASK>")
PAD = SPECIAL.index("<PAD>")
MASKED, MASKED_FOR_DISTRIBUTIONS = 0.15, 0.10
"""Shares of masked tokens in the training, the embeddings and the Fisher information, and in the
output distributions. Source: the public code."""

LEAST_MEMBERS = 2


def kind(tied: bool) -> str:
    """The word for a network whose decoder has the matrix of the token embeddings, or one of its own."""
    return "tied" if tied else "untied"


@dataclass(frozen=True)
class Settings:
    """What decides the weights of a member, and the sequences that are measured.

    tokens: that each member is trained on. batch: sequences of one update. sequences: held-out
    sequences of each corpus. vocabulary: entries of the byte pair encodings, special ones included. k: letters of a k-mer.
    The intermediate layers have twice the width, and there is no dropout: it would follow the seed
    of a member as its weights do, and the members are to differ in their weights alone. The bias of
    the decoder starts at the logarithms of the token frequencies, which a thousand times as many
    tokens would teach it.
    """

    tokens: int
    layers: int = 4
    width: int = 128
    heads: int = 4
    length: int = 512
    members: int = 3
    vocabulary: int = 4096
    k: int = 6
    batch: int = 2
    rate: float = 2e-3
    sequences: int = 64
    seed: int = 1

    def __post_init__(self) -> None:
        """Raises UsageError (64) for one member, which has no other to be compared with."""
        if self.members < LEAST_MEMBERS:
            expected = f"at least {LEAST_MEMBERS}, because members are compared with each other"
            raise UsageError(message("--members", str(self.members), expected, "train more"))

    @property
    def steps(self) -> int:
        """Updates of each member."""
        return max(1, round(self.tokens / (self.batch * self.length)))

    @property
    def held_out_letters(self) -> int:
        """Letters at the end of a corpus that no member is trained on."""
        return self.sequences * self.length * LETTERS_PER_TOKEN

    def plain(self) -> dict:
        """The settings as JSON values."""
        return asdict(self)


PUBLISHED = {
    "network": "12 x 768, 12 heads, 90 M parameters",
    "tied": "tied",
    "members": "5",
    "corpora": "Wikipedia, genic windows, cDNA and ncRNA",
    "tokens of a member": "5.1 billion",
    "tokens of a sequence": "512",
    "sequences of an update": "96",
    "highest learning rate": "1e-4",
    "held-out sequences": "256",
}
"""Sizes of the published experiment, by their names in the table of sizes."""


def sizes(settings: Settings) -> list[tuple[str, str, str]]:
    """Rows of the table of sizes: name, here, published."""
    here = {
        "network": f"{settings.layers} x {settings.width}, {settings.heads} heads",
        "tied": "tied, and untied",
        "members": str(settings.members),
        "corpora": "the user's genome, the same shuffled, and a text",
        "tokens of a member": f"{settings.tokens:,}",
        "tokens of a sequence": str(settings.length),
        "sequences of an update": str(settings.batch),
        "highest learning rate": f"{settings.rate:g}",
        "held-out sequences": str(settings.sequences),
    }
    return [(name, here[name], published) for name, published in PUBLISHED.items()]
