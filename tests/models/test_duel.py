"""A whole `audit duel` on labels whose law is known: on planted motifs the one-hot CNN must win, and
permuted labels are predicted by nobody."""

import audit_bundles
import numpy as np
import pytest
from planted_motifs import NOISE, planted, write_table

from gfmtrust.audit.duel import page, ridge, run
from gfmtrust.audit.duel.contest import CNN, RIDGE
from gfmtrust.audit.duel.examples import LabelSource
from gfmtrust.audit.duel.folds import Folds
from gfmtrust.core.contracts.duel import Duel
from gfmtrust.core.errors import UsageError
from gfmtrust.models import small_cnn
from gfmtrust.scoring.options import ScoringOptions

CEILING = 0.5 / np.hypot(0.5, NOISE)
"""The correlation of the noiseless label with the label."""


def sequences(codes):
    return small_cnn.Sequences(
        codes[:, None] == np.arange(4, dtype=np.uint8)[None, :, None], np.arange(len(codes))
    )


def correlation(predicted, label):
    return np.corrcoef(predicted, label)[0, 1]


@pytest.mark.long
def test_the_cnn_finds_a_motif_that_word_counts_miss():
    codes, label = planted(700)
    split = next(Folds.of(np.arange(700) // 20, 1).splits(500))
    by_words = ridge.predictions(ridge.word_counts(codes), label[:, None], split)[:, 0]
    by_network, again = (
        small_cnn.fitted(
            sequences(codes), label, split.train, split.valid, split.test, small_cnn.Training()
        )
        for _ in range(2)
    )
    assert 0.9 * CEILING < correlation(by_network, label[split.test]) < 1.05 * CEILING
    assert correlation(by_words, label[split.test]) < 0.85 * CEILING
    assert (by_network == again).all()


def test_an_allele_without_a_change_has_no_effect():
    """The prediction for a changed sequence is a difference, so that it only depends on what
    differs: the two directions of one change are opposite."""
    codes, _ = planted(40)
    values = sequences(codes).values
    pair = small_cnn.Sequences(values, np.array([0, 1, 5]), np.array([1, 0, 5]))
    network = small_cnn.SmallCnn(4, codes.shape[1]).eval()
    answer = small_cnn._predicted(network, pair, np.arange(3))
    assert answer[0] == pytest.approx(-answer[1], abs=1e-6)
    assert answer[2] == pytest.approx(0, abs=1e-6)


def fought(folder, path, *bundles, fasta=None, epochs=2, **source):
    options = ScoringOptions(device="cpu")
    request = run.DuelRequest(
        bundles, LabelSource(path, **source), fasta, folder / "out", 20, epochs=epochs, scoring=options
    )  # fmt: skip
    return run.duel(request)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A duel on labels that are the number of C and G, with a network and a model of which nothing
    is known inside."""
    folder = tmp_path_factory.mktemp("duel")
    codes = np.random.default_rng(0).integers(0, 4, (160, 40)).astype(np.uint8)
    label = np.isin(codes, (1, 2)).sum(axis=1) + 0.5 * np.random.default_rng(1).normal(size=160)
    path = write_table(folder / "t.tsv", codes, label, 8)
    bundles = {
        "net": audit_bundles.hidden_graph(),
        "copier": audit_bundles.copying_graph(),
    }
    for name, graph in bundles.items():
        audit_bundles.write_bundle(folder / name, graph, name, window=32)
    return fought(folder, path, folder / "net", folder / "copier"), folder


@pytest.mark.long
def test_counts_of_letters_are_learned_by_ridge_and_not_from_permuted_labels(small):
    duel, _ = small
    row = duel.last(RIDGE)
    assert row.value > 0.9
    assert row.null_low < 0 < row.null_high < 0.4
    assert row.low <= row.value <= row.high


@pytest.mark.long
def test_a_twin_stands_beside_every_probe(small):
    duel, _ = small
    probes = [one for one in duel.competitors if one.kind == "probe"]
    assert [one.name for one in probes] == ["net: mean of layer 1 of 1 + ridge", "net: map + CNN"]
    of_twins = {one.label for one in duel.differences if one.series == "minus permuted weights"}
    assert of_twins == {one.name for one in probes}
    assert {one.twin for one in probes} <= {one.name for one in duel.competitors}


@pytest.mark.long
def test_a_model_without_embeddings_is_named_and_the_rest_runs(small):
    duel, folder = small
    assert [(one.name, "no linear layer" in one.reason) for one in duel.not_run] == [("probes of copier", True)]  # fmt: skip
    assert Duel.read(folder / "out" / "duel.json") == duel
    html = (folder / "out" / page.PAGE).read_text()
    assert "probes of copier" in html
    assert "<script" not in html


@pytest.mark.long
def test_the_effect_of_alleles_in_a_genome(tmp_path):
    """The effect of an allele is 1 where it makes a C or G of another letter and -1 the other way:
    the counts of letters say it all, and folds are blocks of the contig."""
    codes = np.random.default_rng(2).integers(0, 4, 3_000)
    fasta = audit_bundles.write_fasta(tmp_path / "g.fa", codes)
    lines = ["##fileformat=VCFv4.2", '##INFO=<ID=E,Number=A,Type=Float,Description="e">',
             "##contig=<ID=c,length=3000>", "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO"]  # fmt: skip
    for at in range(30, 2_970, 20):
        ref, alt = codes[at], (codes[at] + 1 + at // 20 % 3) % 4
        effect = int(alt in (1, 2)) - int(ref in (1, 2))
        lines.append(f"c\t{at + 1}\t.\t{'ACGT'[ref]}\t{'ACGT'[alt]}\t.\t.\tE={effect}")
    (tmp_path / "x.vcf").write_text("\n".join(lines) + "\n")
    audit_bundles.write_bundle(tmp_path / "net", audit_bundles.hidden_graph(), "net", window=32)
    duel = fought(
        tmp_path, tmp_path / "x.vcf", tmp_path / "net", fasta=fasta, key="E", block_bp=300
    )
    assert (duel.kind, duel.elements, duel.folds) == ("alleles", 10, 5)
    assert duel.last(RIDGE).low > 0.75
    assert [one.label for one in duel.untrained] == ["LLR, net", "|LLR| and |label|, net"]
    assert all(one.n == 147 for one in duel.untrained)


@pytest.mark.bad_input
def test_two_models_of_one_name(tmp_path):
    for name in ("a", "b"):
        audit_bundles.write_bundle(tmp_path / name, audit_bundles.hidden_graph(), "m", window=32)
    with pytest.raises(UsageError, match="m twice"):
        fought(tmp_path, tmp_path / "t.tsv", tmp_path / "a", tmp_path / "b")


@pytest.mark.slow
def test_on_planted_motifs_the_one_hot_cnn_wins(tmp_path):
    """The full size of the small test: folds, the curve and paired differences. Counts and means lose
    the order of the letters. The map of a random network that reads four neighbours still holds
    every letter, so that the same network on top of it can at best draw level."""
    path = write_table(tmp_path / "t.tsv", *planted(1_400))
    audit_bundles.write_bundle(tmp_path / "net", audit_bundles.hidden_graph(), "net", window=64)
    duel = fought(tmp_path, path, tmp_path / "net", epochs=40)
    assert duel.sizes == (100, 300, 1_000)
    assert duel.last(CNN).low > 0.9 * CEILING
    apart = {row.label: row for row in duel.differences if row.series == f"minus {CNN}"}
    assert len(apart) == 5
    for name, row in apart.items():
        assert row.low < 0, row
        assert row.high < (0.02 if name.endswith("map + CNN") else 0), row
