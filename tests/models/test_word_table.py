"""The static embedding that is read from a graph, against the matrix of the network."""

from itertools import product

import audit_bundles
import checkpoints
import numpy as np
import pytest
import toy_models
from step_calls import call

from gfmtrust.audit import stability
from gfmtrust.audit.measure import NotRun
from gfmtrust.audit.study import AuditSizes, Study, draw_sites
from gfmtrust.audit.subject import Subject
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.hidden import HiddenLayer
from gfmtrust.bundle.word_table import word_table
from gfmtrust.io.genome import Genome
from gfmtrust.models.checkpoint import load
from gfmtrust.scoring.options import ScoringOptions

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def members(tmp_path_factory, exported):
    """Two random networks of one family as bundles, the weights of the first, and a genome."""
    folder, first = tmp_path_factory.mktemp("words"), exported("nt_v1")
    fasta = audit_bundles.random_fasta(folder / "g.fa")
    weights = checkpoints.write(folder / "weights", "nt_v1", seed=1)
    call("export_model", "--model", weights, "--model_id", "other", "--fasta", fasta,
         "--allow_untrained", "--windows", 50, "--out_dir", folder)  # fmt: skip
    bundles = [first, Bundle.open(folder / "other")]
    return bundles, first.directory.parent / "weights" / "nt_v1", fasta


def test_the_table_is_the_matrix_of_the_network_by_words(members):
    (first, _), weights, _ = members
    checkpoint = load(weights)
    matrix = dict(checkpoint.network.named_parameters())["esm.embeddings.word_embeddings.weight"]
    words = ["".join(word) for word in product("ACGT", repeat=6)]
    expected = matrix[[checkpoint.text.vocabulary[word] for word in words]].numpy()
    assert word_table(first) == pytest.approx(expected)


def test_members_are_compared_word_by_word(members, tmp_path):
    (first, second), _, fasta = members
    options = ScoringOptions(device="cpu")
    subjects = [Subject.open(bundle, options) for bundle in (first, second, first)]
    with Genome.open(fasta, tmp_path) as genome:
        study = Study(genome, draw_sites(genome, 100, 200, 1), subjects, subjects[0], AuditSizes())
        rows = stability.static(study, subjects[0])
    value = {row.label: row for row in rows}
    # the third is the first model again, whose name is the same
    assert [row.value for label, row in value.items() if label == "CKA, nt_v1"] == [
        pytest.approx(1)
    ]
    other = value["10 nearest neighbours shared, other"]
    assert abs(other.value - other.null) < 0.01
    assert other.null == pytest.approx(10 / 511, abs=0.003)


@pytest.mark.bad_input
def test_a_vocabulary_of_letters_has_no_neighbours(tmp_path):
    bundle = toy_models.write_toy(tmp_path / "toy")
    subject = Subject.open(bundle, ScoringOptions(device="cpu"))
    with pytest.raises(NotRun, match="4 words"):
        stability.static_table(subject)


def test_the_hidden_layer_of_a_model_of_words_is_not_its_answer(members):
    """The nearest product to the answer sums the probabilities of 4,096 words by letter; the layer
    that the decoder reads is as wide as the network, and has no sum."""
    (bundle, _), weights, _ = members
    layer = HiddenLayer.open(bundle, "cpu", 1, 4)
    codes = np.random.default_rng(0).integers(0, 4, (4, bundle.window_bp)).astype(np.uint8)
    pooled = layer.pooled(codes, np.full((4, 1), 6 * (bundle.window_bp // 12)))
    assert pooled.shape == (4, load(weights).config.hidden_size)
    assert (pooled < 0).any()
