"""Single-base decoders: the site judged by the whole window, rotary tables by their formula, and
configs that would be another network."""

import math

import checkpoints
import numpy as np
import pytest

from gfmtrust import models
from gfmtrust.bundle.session import Session
from gfmtrust.core.errors import BadDataError, ConfigurationError
from gfmtrust.export import export
from gfmtrust.export.options import ExportOptions
from gfmtrust.readers.causal import tried as tried_at
from gfmtrust.readers.registry import reader_of

pytestmark = pytest.mark.torch
KINDS = ("marindna", "marindna_llama")


def window_likelihood(loaded, letters: np.ndarray) -> float:
    """ln P of a window's letters but the first few, by the network's own forward, one letter after
    the other, over the four bases."""
    import torch

    vocabulary = loaded.text.vocabulary
    ids = [vocabulary[letter.lower() if loaded.text.lower_case else letter] for letter in "ACGT"]
    tokens = [vocabulary[token] for token in loaded.text.prefix] + [ids[code] for code in letters]
    with torch.no_grad():
        logits = loaded.network(torch.tensor([tokens])).logits[0].double().numpy()
    total = 0.0
    for at in range(1, len(letters)):
        row = logits[len(loaded.text.prefix) + at - 1, ids]
        total += row[letters[at]] - np.logaddexp.reduce(row)
    return total


@pytest.mark.parametrize("kind", KINDS)
def test_the_site_is_judged_by_the_whole_window(exported, kind):
    """The posterior of scoring is the softmax of four windows' likelihoods: what stands before the
    site cancels."""
    from gfmtrust.models import checkpoint

    built = exported(kind)
    loaded = checkpoint.load(built.directory.parent / "weights" / kind)
    codes = np.random.default_rng(5).integers(0, 4, (3, built.window_bp)).astype(np.uint8)
    result, _ = tried_at(
        Session.open(built, "cpu"), codes, built.site_forward, np.empty((3, 0), np.int64)
    )
    assert reader_of(built).reads_on
    for row, window in enumerate(codes):
        tried = []
        for base in range(4):
            window[built.site_forward] = base
            tried.append(window_likelihood(loaded, window))
        expected = np.exp(tried - np.logaddexp.reduce(tried))
        np.testing.assert_allclose(result[row, 0, 0], expected, rtol=2e-4)


@pytest.mark.slow
def test_a_window_longer_than_trained_needs_the_users_word(tmp_path, small_fasta):
    """255 bp, as the published ones: 256 positions, one of them <bos>'s. The bundle is made, its
    use refused."""
    weights = checkpoints.write(tmp_path / "weights" / "marindna", "marindna", window_bp=300)
    built = export.export_model(
        weights, small_fasta, tmp_path, ExportOptions(allow_untrained=True, n_windows=20)
    )
    with pytest.raises(
        ConfigurationError,
        match="window is 300 bp; expected at most 255 bp, as trained; give --allow_long_window",
    ):
        Session.open(built, "cpu")
    assert Session.open(built, "cpu", allow_long_window=True).device == "cpu"


def test_rotary_tables_are_those_of_the_config():
    """Llama 3's rule: short waves as they are, long ones slowed by the factor, between them a blend
    (Dubey et al. 2024)."""
    network = checkpoints.network("marindna")
    rope, width = checkpoints.CONFIGS["marindna"]["rope_scaling"], 16
    for pair, result in enumerate(network.model.rotary_emb.inv_freq.tolist()):
        frequency = 500000 ** (-2 * pair / width)
        turns = rope["original_max_position_embeddings"] * frequency / (2 * math.pi)
        keep = min(
            1.0,
            max(
                0.0,
                (turns - rope["low_freq_factor"])
                / (rope["high_freq_factor"] - rope["low_freq_factor"]),
            ),
        )
        assert result == pytest.approx(frequency * (keep + (1 - keep) / rope["factor"]), rel=1e-6)
    plain = checkpoints.network("marindna_llama").model.rotary_emb.inv_freq
    assert plain.tolist() == pytest.approx([10000 ** (-2 * pair / 8) for pair in range(4)])


def test_the_published_window():
    family = models.family("marindna")
    window = family.window(family.read_config(checkpoints.CONFIGS["marindna"]), None)
    assert (window.window_bp, window.trained_bp, window.site_forward, window.site_reverse) == (
        255,
        255,
        127,
        127,
    )
    assert window.neighbours_in_same_pass
    assert window.neighbour_offsets == (-40, -35, -30, -25, -20, -15, -10, -5)


def test_queries_and_keys_are_normalised_in_qwen3_alone():
    names = {kind: set(checkpoints.network(kind).state_dict()) for kind in KINDS}
    assert "model.layers.0.self_attn.q_norm.weight" in names["marindna"]
    assert not any("_norm" in name and "self_attn" in name for name in names["marindna_llama"])


def test_the_vocabulary_decides_between_families_of_one_model_type():
    llama = checkpoints.CONFIGS["marindna_llama"]
    assert models.family_of(llama).name == "marindna"
    assert models.family_of(checkpoints.CONFIGS["generator"]).name == "generator"


@pytest.mark.bad_input
def test_a_decoder_of_neither_vocabulary():
    with pytest.raises(ConfigurationError, match="marindna cannot read such a one"):
        models.family_of(checkpoints.CONFIGS["marindna_llama"] | {"vocab_size": 600})


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"use_sliding_window": True}, "use_sliding_window is True"),
        ({"sliding_window": 128}, "sliding_window is 128"),
        (
            {"layer_types": ["full_attention", "sliding_attention"]},
            "layer_types are 2, sliding_attention",
        ),
        ({"layer_types": ["full_attention"]}, "layer_types are 1, all full_attention"),
        ({"rope_scaling": {"rope_type": "yarn", "factor": 2.0}}, "rotary positions are"),
        (
            {"rope_parameters": {"rope_type": "default", "rope_theta": 1.0}},
            "two spellings of the rotary positions disagree",
        ),
        ({"attention_bias": True}, "attention_bias is True"),
        ({"qk_norm": False}, "unknown key 'qk_norm'"),
        ({"rope_scaling": "llama3"}, "rotary positions are"),
    ],
)
def test_configs_of_another_network(change, words):
    with pytest.raises(ConfigurationError, match=words):
        models.family("marindna").read_config(checkpoints.CONFIGS["marindna"] | change)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("vocabulary", "words"),
    [
        (
            {"[PAD]": 0, "[UNK]": 1, "a": 3, "c": 4, "g": 5, "t": 6},
            "no token with id 2; expected bos_token_id",
        ),
        ({"[BOS]": 2, "a": 3, "c": 4, "g": 5, "t": 6}, "no token for N"),
        (
            {"[UNK]": 1, "[BOS]": 2, "a": 5, "c": 6, "g": 7, "t": 8},
            "id 8; expected ids below vocab_size 7",
        ),
    ],
)
def test_vocabularies_of_another_checkpoint(vocabulary, words):
    family = models.family("marindna")
    with pytest.raises(BadDataError, match=words):
        family.text(family.read_config(checkpoints.CONFIGS["marindna"]), vocabulary)


@pytest.mark.bad_input
def test_a_window_too_short_to_judge():
    family = models.family("marindna")
    with pytest.raises(ConfigurationError, match="window_bp: 63; expected at least 64"):
        family.window(family.read_config(checkpoints.CONFIGS["marindna"]), 63)
