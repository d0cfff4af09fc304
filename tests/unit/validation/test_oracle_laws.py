"""Named laws of oracle genomes: truth against a slow twin, marks of difficulty, shifted twins,
files, refusals."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from gfmtrust.core.alphabet import decode, encode, reverse_complement
from gfmtrust.core.errors import CannotWriteError, UsageError
from gfmtrust.io.genome import Genome
from gfmtrust.io.vcf import reader as vcf_reader
from gfmtrust.validation.oracle import structured
from gfmtrust.validation.oracle.ceiling import ceiling, genome_ceiling
from gfmtrust.validation.oracle.chains import dirichlet_rows, symmetric_chain_of, with_half_permuted
from gfmtrust.validation.oracle.dataset import read_truth, write_oracle
from gfmtrust.validation.oracle.genomes import draw_chain
from gfmtrust.validation.oracle.law import word_reverse_complements
from gfmtrust.validation.oracle.laws import LAWS, draw_contigs, law_of
from gfmtrust.validation.oracle.spectra import apobec, draw_snvs, germline
from gfmtrust.validation.oracle.truth import chain_distribution

pytestmark = pytest.mark.long

EVERY_LAW = [name + twin for name in LAWS for twin in ("", "_shifted")]
CHAINS = {"easy": (4, ((1, 0.5),)), "hard": (6, ((0.1, 0.3), (0.3, 3), (0.6, 40)))}


@pytest.mark.parametrize("law", EVERY_LAW)
def test_a_law_answers_alike_on_both_strands_and_twice(law):
    codes, distribution = law_of(law)(4_000, np.random.default_rng(1))
    again, same = law_of(law)(4_000, np.random.default_rng(1))
    assert (codes == again).all()
    assert (distribution == same).all()
    np.testing.assert_allclose(distribution.sum(axis=1), 1, atol=1e-12)
    assert codes.dtype == np.uint8
    assert np.unique(codes).tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize("law", EVERY_LAW)
def test_truth_is_calibrated_its_mean_surprisal_is_its_mean_entropy(law):
    codes, truth = law_of(law)(60_000, np.random.default_rng(7))
    surprisal = -np.log2(truth[np.arange(len(codes)), codes])
    entropy = -(truth * np.log2(np.maximum(truth, 1e-300))).sum(axis=1)
    assert (
        abs((surprisal - entropy).mean()) < 0.025
    )  # neighbours share words, so the mean of 60 kb has a deviation of .007
    for base in range(4):  # and letter by letter
        assert abs((codes == base).mean() - truth[:, base].mean()) < 0.01


@pytest.mark.long
@pytest.mark.parametrize("law", sorted(set(LAWS) - {"iid"}))
def test_a_twin_keeps_composition_and_difficulty(law):
    (codes, truth), (twin_codes, twin) = (
        law_of(name)(60_000, np.random.default_rng(1)) for name in (law, f"{law}_shifted")
    )
    np.testing.assert_allclose(
        *(np.bincount(each) / len(each) for each in (codes, twin_codes)), atol=0.03
    )
    assert abs(genome_ceiling(codes, truth).error - genome_ceiling(twin_codes, twin).error) < 0.03


def test_sites_at_balance_have_the_law_of_their_whole_profile():
    drawn, rows = structured.mutation_selection(False)(np.random.default_rng(3))
    profile = next(p for p in _profiles() if np.allclose(_balance(p, drawn), rows))
    for pos in (0, 7, 39):
        joint = np.array(
            [_weight(profile, np.r_[drawn[:pos], base, drawn[pos + 1 :]]) for base in range(4)]
        )
        np.testing.assert_allclose(rows[pos], joint / joint.sum())


def _profiles():
    """2 N s of each profile, as the law draws them, float64 (6, 40, 4)."""
    rng = np.random.default_rng(33)
    chosen, letter = rng.random(240) < 0.5, np.zeros(240, int)
    letter[chosen] = (rng.random(chosen.sum()) * 4).astype(int)
    return np.where(chosen[:, None] & (letter[:, None] == np.arange(4)), 3.0, 0.0).reshape(6, 40, 4)


def _weight(profile, codes) -> float:
    cpg = sum(one == 1 and other == 2 for one, other in zip(codes[:-1], codes[1:], strict=True))
    return float(np.exp(profile[np.arange(40), codes].sum()) * 0.2**cpg)


def _balance(profile, codes) -> np.ndarray:
    joint = np.array(
        [
            [_weight(profile, np.r_[codes[:i], base, codes[i + 1 :]]) for base in range(4)]
            for i in range(40)
        ]
    )
    return joint / joint.sum(axis=1, keepdims=True)


def test_the_copy_of_a_unit_is_its_reverse_complement_where_it_is_inverted():
    codes, rows = structured.copies((50, 50), (10, 10), 1.0, 0.9, False)(np.random.default_rng(2))
    alike = codes[:50] == reverse_complement(codes[60:])
    assert 0.7 < alike.mean() < 1
    assert (rows[np.flatnonzero(alike), codes[:50][alike]] == 0.9).all()
    assert (rows[50:60] == 0.25).all()


@pytest.mark.parametrize("name", CHAINS)
def test_truth_is_the_likelihood_of_the_whole_sequence_with_each_base_tried(name):
    order, mixture = CHAINS[name]
    chain = symmetric_chain_of(dirichlet_rows(order, mixture, 3))
    codes = np.random.default_rng(2).integers(0, 4, 40).astype(np.uint8)
    truth = chain_distribution(chain, codes)
    for pos in (0, 1, order - 1, order, 17, 38, 39):
        slow = np.array(
            [
                _log_likelihood(chain, np.concatenate([codes[:pos], [base], codes[pos + 1 :]]))
                for base in range(4)
            ]
        )
        slow = np.exp(slow - slow.max())
        np.testing.assert_allclose(truth[pos], slow / slow.sum(), atol=1e-12)
    turned = chain_distribution(chain, reverse_complement(codes))
    np.testing.assert_allclose(turned[::-1, ::-1], truth, atol=1e-12)


def _log_likelihood(chain, codes) -> float:
    """Letter by letter from the left: the stationary word, then one transition a letter."""
    words = [
        int("".join(map(str, codes[i : i + chain.order])), 4)
        for i in range(len(codes) - chain.order + 1)
    ]
    steps = [
        np.log(chain.transitions[word, letter])
        for word, letter in zip(words, codes[chain.order :], strict=False)
    ]
    return float(np.log(chain.stationary[words[0]]) + sum(steps))


def test_a_chain_of_rows_is_stationary_and_its_own_reverse_complement():
    chain = symmetric_chain_of(dirichlet_rows(3, ((1, 0.5),), 1))
    words = chain.stationary[:, None] * chain.transitions
    np.testing.assert_allclose(chain.transitions.sum(axis=1), 1, atol=1e-10)
    np.testing.assert_allclose(words.reshape(4, -1).sum(axis=0), chain.stationary, atol=1e-10)
    np.testing.assert_allclose(
        words.reshape(-1), words.reshape(-1)[word_reverse_complements(4)], atol=1e-10
    )


@pytest.mark.parametrize(
    ("law", "error", "high", "ranking"),
    [
        ("easy", (0.075, 0.10), (0.84, 0.93), (0.84, 0.88)),
        ("medium", (0.11, 0.16), (0.58, 0.78), (0.74, 0.82)),
        ("hard", (0.25, 0.29), (0.10, 0.15), (0.50, 0.56)),
    ],
)
def test_the_ceilings_are_those_that_the_marks_were_set_by(law, error, high, ranking):
    codes, distribution = law_of(law)(100_000, np.random.default_rng(1))
    best = genome_ceiling(codes, distribution)
    assert error[0] < best.error < error[1]
    assert high[0] < best.high_share < high[1]
    assert ranking[0] < best.prr < ranking[1]


@pytest.mark.parametrize("name", CHAINS)
def test_what_is_true_of_a_law_is_often_wrong_on_its_twin_of_the_same_composition(name):
    order, mixture = CHAINS[name]
    rows = dirichlet_rows(order, mixture, 3)
    chain, other = symmetric_chain_of(rows), symmetric_chain_of(with_half_permuted(rows, 4))
    (codes, twin) = (draw_chain(one, 60_000, np.random.default_rng(1)) for one in (chain, other))
    np.testing.assert_allclose(
        *(np.bincount(each) / len(each) for each in (codes, twin)), atol=0.03
    )
    of_itself, transferred = (
        genome_ceiling(twin, chain_distribution(one, twin)).error for one in (other, chain)
    )
    assert transferred > of_itself + 0.1


def test_half_of_the_contexts_trade_rows_and_every_row_stays():
    rows = dirichlet_rows(3, ((1, 0.5),), 1)
    twin = with_half_permuted(rows, 2)
    assert (twin != rows).any(axis=1).sum() == 32
    assert sorted(map(tuple, rows)) == sorted(map(tuple, twin))


def test_ceilings_of_pairs_known_by_hand():
    best = ceiling(np.array([0.9, 0.9, 0.2, 0.5]), np.array([0.1, 0.05, 0.3, 0.5]))
    assert best.error == (1 + 0.5) / 4
    assert best.high_share == 0.5
    assert best.prr == pytest.approx(
        (0.375 - (1 / 3 + 0.375) / 4) / (0.375 - (1 / 6 + 0.375) / 4)
    )  # the tie ranks last, and costs half
    assert ceiling(np.full(3, 0.25), np.full(3, 0.25)).prr is None


def test_a_spectrum_draws_what_it_says():
    codes = encode("ATCAACGATGA")
    assert germline(codes)[5].tolist() == [1, 0, 1, 40]  # the C of a CpG
    assert germline(codes)[2].tolist() == [1, 0, 1, 4]
    assert apobec(codes)[2].tolist() == [1, 0, 1, 50]
    assert apobec(codes)[6].tolist() == [50, 1, 0, 1]  # GA is TC on the other strand
    pos, alt = draw_snvs(
        np.random.default_rng(0).integers(0, 4, 5_000).astype(np.uint8),
        "apobec",
        200,
        np.random.default_rng(1),
    )
    assert len(np.unique(pos)) == 200
    assert np.isin(alt, [0, 3]).mean() > 0.8


def test_the_files_of_a_genome_tell_of_one_and_the_same(tmp_path):
    paths = write_oracle("easy", 20_000, 4, tmp_path / "a")
    assert [path.name for path in paths] == [
        "genome.fa.gz",
        "germline.vcf.gz",
        "apobec.vcf.gz",
        "regions.bed",
        "ceiling.json",
        "truth.parquet",
    ]
    again = write_oracle("easy", 20_000, 4, tmp_path / "b")
    assert all(
        one.read_bytes() == other.read_bytes() for one, other in zip(paths, again, strict=True)
    )
    genome, contigs = Genome.open(paths[0]), draw_contigs("easy", 20_000, 4)
    assert dict(genome.contigs) == {"easy1": 14_000, "easy2": 6_000}
    for contig, truth in zip(contigs, read_truth(paths[-1]), strict=True):
        assert (genome.codes(contig.name, 0, len(contig.codes)) == contig.codes).all()
        np.testing.assert_allclose(truth, contig.distribution, atol=1e-6)
    records = list(vcf_reader.read_records(paths[1]))
    assert len(records) == 50
    assert all(
        decode(genome.codes(r.contig, r.pos, r.pos + 1)) == r.ref != r.alts[0] for r in records
    )
    table = pq.read_table(paths[-1])
    assert table["pos"][14_000].as_py() == 0
    assert json.loads(paths[4].read_text())["n"] == 60_000
    assert all(
        0 <= int(line.split("\t")[1]) < int(line.split("\t")[2]) <= 14_000
        for line in paths[3].read_text().splitlines()
    )


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("nope", 20_000, 1), "--law: nope; expected clear, easy, medium"),
        (("easy", 9_999, 1), "--length: 9999"),
        (("easy", 20_000, -1), "--seed: -1"),
    ],
)
def test_a_genome_that_cannot_be_drawn_is_refused(arguments, text, tmp_path):
    with pytest.raises(UsageError, match=text):
        write_oracle(*arguments, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.bad_input
def test_an_earlier_genome_is_not_replaced(tmp_path):
    (tmp_path / "ceiling.json").write_text("mine")
    with pytest.raises(CannotWriteError, match="exists"):
        write_oracle("iid", 20_000, 1, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["ceiling.json"]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: dirichlet_rows(9, ((1, 0.5),), 1), "order is 9"),
        (lambda: dirichlet_rows(2, ((0.5, 0.5),), 1), "sum to 1"),
        (
            lambda: draw_snvs(np.zeros(3, np.uint8), "germline", 4, np.random.default_rng(1)),
            "n is 4",
        ),
        (lambda: ceiling(np.empty(0), np.empty(0)), "above 0"),
    ],
)
def test_arguments_out_of_range_are_refused(call, text):
    with pytest.raises(ValueError, match=text):
        call()
