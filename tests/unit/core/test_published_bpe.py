"""What is known of the published byte pair checkpoints: their files to the byte, their token ids.

A safetensors file is its head, which lists every tensor, and the data: names and shapes that give a
published size to the byte are that file's. A .bin file has a few hundred bytes beside each tensor.
"""

import json
import math
from pathlib import Path

import layouts
import numpy as np
import pytest
from layouts import rules
from paths import ROOT

from gfmtrust.bundle import bpe, bpe_file
from gfmtrust.core.alphabet import encode
from gfmtrust.models.bpe_family import bpe_text

SHARED = ROOT.parent / "shared" / "checkpoint_layouts"
LAYOUTS = layouts.all_of()
SHARD_BYTES = 5_000_000_000
"""Largest shard that transformers 4 writes."""
MIXED = "AAAACCCCGGGGTTTTACGTNACGTNNNNACGTTGCAACGTACGT"
PUBLISHED_IDS = {
    "dnabert2-117m": {
        "ACGTNACGTNACGTN": [1, 5, 6, 1049, 0, 5, 6, 1049, 0, 5, 6, 1049, 0, 2],
        MIXED: [
            *(1, 39, 102, 92, 69, 6, 1049, 0, 5, 6, 1049),
            *(0, 0, 0, 0, 5, 134, 66, 194, 6, 1049, 2),
        ],
    },
    "grover": {
        "ACGTNACGTNACGTN": [2, 114, 8, 1, 114, 8, 1, 114, 8, 1, 3],
        MIXED: [2, 24, 249, 191, 30, 114, 8, 1, 114, 8, 1, 1, 1, 1, 114, 73, 297, 383, 8, 3],
    },
    "gena_bert-large-t2t": {
        "ACGTNACGTNACGTN": [1, 120, 5428, 120, 5428, 120, 5428, 2],
        "ACGTNNNNNNNNNN": [1, 120, 15, 5, 2],
        "NNNNNNNNNN": [1, 5, 2],
    },
}
"""Text -> ids of the official tokenizers. Source: tcztzy/evo.cpp at c281681, tokenizer parity files
of zhihan1996/DNABERT-2-117M at 7bce263, PoetschLab/GROVER at 6b22311 and
AIRI-Institute/gena-lm-bert-large-t2t at f997a8a."""
N_TOKENS = {
    "dnabert2-117m": 4096,
    "grover": 609,
    "gena_bert-large-t2t": 32_000,
    "moderngena-base": 32_768,
    "genomeocean-4b": 4096,
}
"""Rows of the network."""


def real_tokenizer(name: str) -> Path:
    path = SHARED / name / "tokenizer.json"
    if not path.is_file():
        pytest.skip(f"{path} is not at hand")
    return path


def ours(name: str) -> bpe.Bpe:
    content = json.loads(real_tokenizer(name).read_text(encoding="utf-8"))
    return bpe.build(bpe_text(bpe_file.parse(content), N_TOKENS[name], mask="[MASK]"))


@pytest.mark.parametrize("name", PUBLISHED_IDS)
def test_published_texts_have_the_published_ids(name):
    model = ours(name)
    for letters, ids in PUBLISHED_IDS[name].items():
        assert bpe.segment(model, encode(letters)).ids.tolist() == ids, letters


@pytest.mark.parametrize("name", N_TOKENS)
def test_the_real_file_gives_the_ids_of_the_library(name):
    """Ten texts of odd and even lengths, half of them with single N, runs of N or both."""
    from tokenizers import Tokenizer

    model, library = ours(name), Tokenizer.from_file(str(real_tokenizer(name)))
    rng = np.random.default_rng(4)
    for number in range(10):
        letters = "".join(rng.choice(list("ACGT"), 301 + number, p=[0.35, 0.15, 0.2, 0.3]))
        if number % 2:
            letters = letters[:40] + "N" * (3 * number) + letters[40:90] + "N" + letters[90:]
        assert bpe.segment(model, encode(letters)).ids.tolist() == library.encode(letters).ids


def test_gena_large_has_the_published_file_to_the_byte():
    """1,478,017,192 bytes (AIRI-Institute/gena-lm-bert-large-t2t at f997a8a): every tensor, the
    tied ones and the table of positions too."""
    layout = LAYOUTS["gena_bert-large-t2t"]
    config = layout.config | layout.full_sizes
    typed = {name: ("F32", shape) for name, shape in layout.tensors(config).items()}
    typed["bert.embeddings.position_ids"] = ("I64", (1, 512))
    assert rules.safetensors_size(typed) == 1_478_017_192


@pytest.mark.parametrize(
    ("name", "n_bytes"), [("dnabert2-117m", 468_354_983), ("grover", 348_488_361)]
)
def test_bin_files_have_the_published_size(name, n_bytes):
    """Tied tensors share their values in a .bin file. Sizes: zhihan1996/DNABERT-2-117M at 7bce263,
    PoetschLab/GROVER at 6b22311."""
    layout = LAYOUTS[name]
    tensors = layout.tensors(layout.config | layout.full_sizes)
    values = sum(4 * math.prod(shape) for key, shape in tensors.items() if key not in layout.equal)
    assert 100 * len(tensors) < n_bytes - values < 600 * len(tensors)


def test_genomeocean_has_the_published_shards_to_the_byte():
    """219 tensors of 4,253,174,784 values, split where a shard would pass 5 GB: 130 and 89 tensors
    in 4,989,311,712 and 3,517,063,264 bytes (DOEJGI/GenomeOcean-4B at 2bed2fc)."""
    layout = LAYOUTS["genomeocean-4b"]
    tensors = layout.tensors(layout.config | layout.full_sizes)
    shards, size = [{}], 0
    for name, shape in tensors.items():
        size += 2 * math.prod(shape)
        if size > SHARD_BYTES:
            shards.append({})
            size = 2 * math.prod(shape)
        shards[-1][name] = ("BF16", shape)
    assert sum(math.prod(shape) for shape in tensors.values()) == layout.n_parameters
    assert [len(shard) for shard in shards] == [130, 89]
    assert [rules.safetensors_size(shard) for shard in shards] == [4_989_311_712, 3_517_063_264]
