"""The oracle model as ordinary bundles: one Markov table read in each of the ways of reading, with
the answers that it must give.

    oracle = Oracle(draw_table(3, seed=1, symmetric=False), Reading.MASKED)
    bundle = write_bundle(oracle, directory)      # opened, run and scored like any other
    oracle.distribution(codes, index)             # what it must answer, float64

Its golden windows have the answers of the closed forms, not those of the graph. Strands and views
are treated in `selfcheck`.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from enum import StrEnum
from itertools import product
from pathlib import Path

import numpy as np

from gfmtrust.bundle import bundle, graph_contract, schema
from gfmtrust.bundle.tokenizers import Text
from gfmtrust.core.alphabet import PAD, N, reverse_complement
from gfmtrust.validation.oracle import closed_forms, markov_graph
from gfmtrust.validation.oracle.markov import MarkovTable

FAMILY = "oracle"
KMER = 3
"""The number of letters of a k-mer token: the shortest with a letter on either side of the scored
one."""
BATCH = 64
DIGITS = 6
GOLDEN_SEED = 9


class Reading(StrEnum):
    """How a model reads: with the site masked, from the left alone, or with each base tried and
    scored by what follows; letter by letter or by k-mers."""

    MASKED = "masked"
    CAUSAL = "causal"
    KMER_MARGINAL = "kmer_marginal"
    KMER_CONDITIONAL = "kmer_conditional"
    CAUSAL_FULL = "causal_full"
    CAUSAL_KMER = "causal_kmer"
    CAUSAL_KMER_FULL = "causal_kmer_full"


KMER_METHODS = {Reading.KMER_MARGINAL: "marginal", Reading.KMER_CONDITIONAL: "conditional"}
LETTER_BY_LETTER = (Reading.MASKED, Reading.CAUSAL, Reading.CAUSAL_FULL)
WINDOWS = {
    # window_bp, site_forward, site_reverse, shifts, neighbour offsets, and whether these need no
    # pass; a window of even length has two middles
    Reading.MASKED: (72, 36, 35, [-9, 9], [-20, -15, -10, -5, 5, 10, 15, 20], False),
    Reading.CAUSAL: (41, 40, 40, [], [-8, -7, -6, -5, -4, -3, -2, -1], True),
    Reading.KMER_MARGINAL: (66, 33, 32, [-1, 0, 1], [-12, -6, 6, 12], False),
    Reading.KMER_CONDITIONAL: (66, 33, 32, [-1, 0, 1], [-12, -6, 6, 12], False),
    Reading.CAUSAL_FULL: (56, 40, 40, [], [-8, -7, -6, -5, -4, -3, -2, -1], True),
    Reading.CAUSAL_KMER: (40, 39, 39, [], [-12, -9, -6, -3], True),
    Reading.CAUSAL_KMER_FULL: (54, 39, 39, [], [-12, -9, -6, -3], True),
}


@dataclass(frozen=True)
class Oracle:
    """A table and the way it is read. junk: the probability that the graph gives to anything but
    A,C,G,T; it changes no distribution.

    rc_equivariant: whether the bundle declares this and is therefore read on one strand; it is true
    only for a symmetric table read letter by letter on both sides. Raises ValueError where it is
    set for another one.
    """

    table: MarkovTable
    reading: Reading
    junk: float = 0.0
    rc_equivariant: bool = False

    def __post_init__(self):
        if self.rc_equivariant and not (self.reading is Reading.MASKED and self.table.is_symmetric):
            raise ValueError(
                f"rc_equivariant {self.reading} of a table that may differ by strand; expected masked, and a symmetric table"
            )

    @property
    def k_letters(self) -> int:
        return 1 if self.reading in LETTER_BY_LETTER else KMER

    @property
    def is_causal(self) -> bool:
        return self.reading.startswith("causal")

    @property
    def label(self) -> str:
        """The name for readers: reading, order, and what is unusual."""
        unusual = [
            ", symmetric" * self.table.is_symmetric,
            ", one strand" * self.rc_equivariant,
            f", {self.junk:g} outside A,C,G,T" * (self.junk > 0),
        ]
        return f"{self.reading.replace('_', ' ')} order {self.table.order}{''.join(unusual)}"

    @property
    def model_id(self) -> str:
        return f"oracle_{self.reading}_{self.table.order}"

    def distribution(
        self,
        codes: np.ndarray,
        index: np.ndarray,
        offset: np.ndarray | None = None,
        hidden: tuple[int, ...] = (),
    ) -> np.ndarray:
        """Return the required answer of the graph at positions of a sequence in reading direction,
        float64 (n, 4).

        codes: 0..5 (length,), a window or a whole contig. index: int (n,). offset: int (n,), place
        of each position in its token; not needed for single bases and causal models. hidden:
        offsets from the position of others masked in the same pass. Raises ValueError for a masked
        k-mer without offset, or for hidden offsets that are not whole tokens.
        """
        index = np.asarray(index)
        if self.reading is Reading.MASKED:
            return closed_forms.base_distribution(self.table, codes, index, hidden)
        if self.is_causal:
            offset = np.zeros(len(index), int) if offset is None else np.asarray(offset)
            return closed_forms.causal_distribution(
                self.table, codes, index, offset, self.k_letters
            )
        if offset is None or any(one % self.k_letters for one in hidden):
            raise ValueError(
                f"offset is {offset}, hidden {hidden}; expected the place in its token, and multiples of {self.k_letters}"
            )
        tokens = tuple(one // self.k_letters for one in hidden)
        return closed_forms.kmer_distribution(
            self.table,
            codes,
            index,
            np.asarray(offset),
            self.k_letters,
            KMER_METHODS[self.reading],
            tokens,
        )

    def site_distribution(
        self, codes: np.ndarray, index: np.ndarray, offset: np.ndarray
    ) -> np.ndarray:
        """Return what scoring must compute from the graph's answers at sites: the same
        distribution, or the posterior of the four bases that were tried."""
        width, site, *_ = WINDOWS[self.reading]
        if self.is_causal and site < width - 1:
            return closed_forms.right_posterior(
                self.table, codes, index, width - site, self.k_letters
            )
        return self.distribution(codes, index, offset)


def write_bundle(oracle: Oracle, directory: str | Path, gate: str = "passed") -> bundle.Bundle:
    """Write an oracle as a new bundle and open it; gate 'failed' is for one without information, as
    --allow_untrained would mark it.

    Raises CannotWriteError (73) where the directory exists.
    """
    directory = Path(directory)
    meta = bundle_meta(oracle)
    meta["proof"]["gate"] = gate
    directory.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory.parent, prefix=f".{directory.name}.") as folder:
        path = Path(folder) / graph_contract.GRAPH_FILE
        path.write_bytes(markov_graph.build(oracle.table, schema.text_of(meta), oracle.junk))
        return bundle.write(directory, meta, path)


def bundle_meta(oracle: Oracle) -> dict:
    """Return the groups of bundle.json (see `schema.FIELDS`)."""
    text = text_of(oracle)
    width, forward, reverse, shifts, neighbours, same_pass = WINDOWS[oracle.reading]
    return {
        "identity": {
            "model_id": oracle.model_id,
            "family": FAMILY,
            "repository": "",
            "revision": "",
            "licence": "MIT",
            "licence_url": "",
            "n_parameters": int(oracle.table.word_law.size),
            "citation": "gfmtrust",
        },
        "text": {
            "k": text.k,
            "vocabulary": text.vocabulary,
            "mask": text.mask,
            "unknown": text.unknown,
            "outside": text.outside,
            "prefix": list(text.prefix),
            "suffix": list(text.suffix),
            "lower_case": text.lower_case,
            "vocabulary_sha256": "",
        },
        "scoring": {
            "causal": text.causal,
            "quantity": "direct" if oracle.k_letters == 1 else "kmer",
            "kmer_method": text.kmer_method,
            "n_members": 1,
            "rc_equivariant": oracle.rc_equivariant,
            "neighbour_offsets": neighbours,
            "neighbours_in_same_pass": same_pass,
        },
        "window": {
            "window_bp": width,
            "trained_bp": width,
            "site_forward": forward,
            "site_reverse": reverse,
            "shifts": shifts,
            "batch": BATCH,
        },
        "source": {
            "order": oracle.table.order,
            "symmetric": oracle.table.is_symmetric,
            "junk": oracle.junk,
        },
        "proof": {"gate": "passed", "reference": "closed forms in float64"},
        "golden": golden(oracle),
    }


def text_of(oracle: Oracle) -> Text:
    """Return how the oracle writes DNA. Ids follow neither the alphabet nor the order of the words,
    as in the published vocabularies."""
    if oracle.reading is Reading.MASKED:
        tokens = ["[PAD]", "[CLS]", "[SEP]", "[UNK]", "[MASK]", *"tgca", "[OUT]"]
        return Text(
            1,
            _numbered(tokens),
            "[MASK]",
            "[UNK]",
            "[OUT]",
            ("[CLS]",),
            ("[SEP]",),
            lower_case=True,
        )
    if oracle.is_causal and oracle.k_letters == 1:
        return Text(
            1,
            _numbered(["<s>", "</s>", "<oov>", *"CATG"]),
            "",
            "<oov>",
            "<oov>",
            ("<s>",),
            causal=True,
        )
    words = ["".join(word) for word in product("ATCG", repeat=KMER)]
    if oracle.is_causal:
        return Text(
            KMER,
            _numbered(["<oov>", "<s>", "</s>", "<pad>", *words]),
            "",
            "<oov>",
            "<oov>",
            ("<s>",),
            causal=True,
        )
    vocabulary = _numbered(["<unk>", "<pad>", "<mask>", "<cls>", *words, "N"])
    return Text(
        KMER, vocabulary, "<mask>", "N", "N", ("<cls>",), kmer_method=KMER_METHODS[oracle.reading]
    )


def golden(oracle: Oracle) -> list[dict]:
    """Return windows with the answers of the closed form: known letters, the same reversed, one
    with unknown letters, and one at a contig's end."""
    width, site, _, _, neighbours, _ = WINDOWS[oracle.reading]
    plain = np.floor(np.random.default_rng(GOLDEN_SEED).random(width) * 4).astype(np.uint8)
    with_n, at_end = plain.copy(), plain.copy()
    with_n[[site - 4, site - 13]] = N
    at_end[: site - 2] = PAD
    index = [site, *(site + offset for offset in neighbours)]
    asked = list(range(site, width)) if oracle.is_causal else [site]
    windows = [
        ("plain", plain, asked),
        ("reverse", reverse_complement(plain), [site]),
        ("with N", with_n, index),
        ("end", at_end, index),
    ]
    return [_golden(oracle, name, codes, index) for name, codes, index in windows]


def _golden(oracle: Oracle, name: str, codes: np.ndarray, index: list[int]) -> dict:
    """Return logp (positions, 1 member, 4) with all positions masked at once."""
    logp = []
    for at in index:
        hidden = tuple(other - at for other in index if other != at)
        q = oracle.distribution(codes, np.array([at]), np.array([at % oracle.k_letters]), hidden)
        logp.append(np.round(np.log(q), DIGITS).tolist())
    return {"name": name, "codes": "".join(map(str, codes.tolist())), "index": index, "logp": logp}


def _numbered(tokens: list[str]) -> dict[str, int]:
    return {token: number for number, token in enumerate(tokens)}
