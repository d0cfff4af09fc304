"""Oracle genomes: the law's symmetry, the truth against empirical frequencies, the demo's bytes and
every awkward kind of record."""

import gzip
import io
import itertools
import subprocess
from dataclasses import replace

import numpy as np
import pytest
from paths import ROOT

from gfmtrust.core import alphabet
from gfmtrust.core.errors import CannotWriteError, UsageError
from gfmtrust.io import bgzf
from gfmtrust.validation.oracle import demo, law
from gfmtrust.validation.oracle.awkward import ABSENT_CONTIG, awkward_rows
from gfmtrust.validation.oracle.cohort import draw_cohort, is_cpg
from gfmtrust.validation.oracle.genomes import ContigPlan, draw_chain, draw_genome
from gfmtrust.validation.oracle.truth import (
    chain_distribution,
    element_distribution,
    true_distribution,
    true_llr,
)

pytestmark = pytest.mark.long

COMMITTED = ROOT / "assets" / "demo"


@pytest.fixture(scope="module")
def genome():
    return demo.demo_genome()


@pytest.fixture(scope="module")
def files(genome):
    return demo.demo_files(genome)


@pytest.fixture(scope="module")
def truth(genome):
    """Content of the truth file: contig -> float32 (length, 4)."""
    return dict(np.load(io.BytesIO(demo.truth_bytes(genome))))


@pytest.fixture(scope="module")
def small():
    return draw_genome(
        law.demo_law(), (ContigPlan("a", 30_000), ContigPlan("b", 6_000, gap_bp=700)), seed=3
    )


def naive_chain_probability(chain, codes):
    """Probability of a whole stretch by the chain rule: the stationary start, then one transition a
    letter."""
    word = int("".join(map(str, codes[: chain.order])), 4)
    probability = chain.stationary[word]
    for code in codes[chain.order :]:
        probability *= chain.transitions[word, code]
        word = (word * 4 + code) % 4**chain.order
    return probability


@pytest.mark.parametrize("order", [1, 2, 3])
def test_chain_is_a_chain_and_its_own_reverse_complement(order):
    chain = law.symmetric_chain(order, sharpness=0.5, seed=4)
    assert chain.transitions.sum(axis=1) == pytest.approx(np.ones(4**order), abs=1e-12)
    length = order + 2
    words = [np.array(word, dtype=np.uint8) for word in itertools.product(range(4), repeat=length)]
    probability = np.array([naive_chain_probability(chain, word) for word in words])
    other_strand = np.array(
        [naive_chain_probability(chain, alphabet.reverse_complement(word)) for word in words]
    )
    assert probability.sum() == pytest.approx(1, abs=1e-12)
    np.testing.assert_allclose(probability, other_strand, rtol=1e-9)


def test_chain_truth_is_the_chain_rule_over_four_letters():
    chain = law.symmetric_chain(2, sharpness=0.6, seed=5)
    codes = np.array([0, 1, 3, 3, 2, 0, 1], dtype=np.uint8)
    truth = chain_distribution(chain, codes)
    for i, base in itertools.product(range(len(codes)), range(4)):
        changed = [[*codes[:i], b, *codes[i + 1 :]] for b in range(4)]
        joint = [naive_chain_probability(chain, word) for word in changed]
        assert truth[i, base] == pytest.approx(joint[base] / sum(joint), abs=1e-12)


def test_chain_truth_matches_frequencies_of_a_long_draw():
    """Among the letters to which the truth gives a probability near p, a share p is real."""
    chain = law.symmetric_chain(2, sharpness=0.5, seed=6)
    codes = draw_chain(chain, 200_000, np.random.default_rng(7))
    truth = chain_distribution(chain, codes)
    real = np.eye(4, dtype=bool)[codes]
    for low, high in itertools.pairwise(np.linspace(0, 1, 11)):
        content = (truth >= low) & (truth < high)
        expected, result, n = truth[content].mean(), real[content].mean(), content.sum()
        assert abs(result - expected) < 5 * np.sqrt(expected * (1 - expected) / n) + 1e-4


def test_element_letters_follow_motif_and_partners(genome):
    """Counted over the drawn elements of the demo, each read on its own strand: fidelities, and
    uniform letters where nothing binds."""
    drawn = genome.contigs[0]
    for element in genome.law.elements:
        segments = [s for s in drawn.segments if s.kind == element.name]
        letters = np.array([drawn.codes[s.start : s.end] for s in segments])
        minus = np.array([s.strand == "-" for s in segments])
        assert 0.4 < minus.mean() < 0.6
        letters[minus] = alphabet.reverse_complement(letters[minus])
        first, second = np.array(element.pairs).T
        mapped = np.array(element.mapping)[letters[:, first]] == letters[:, second]
        assert mapped.mean() == pytest.approx(0.97, abs=5 * np.sqrt(0.97 * 0.03 / mapped.size))
        consensus = alphabet.encode(element.consensus)
        kept = (letters == consensus)[:, consensus != alphabet.N]
        assert kept.mean() == pytest.approx(0.98, abs=5 * np.sqrt(0.98 * 0.02 / kept.size))
        roots = letters[:, sorted(set(first) - set(second))]
        assert np.bincount(roots.ravel()) / roots.size == pytest.approx(
            [0.25] * 4, abs=5 * np.sqrt(0.1875 / roots.size)
        )


def naive_element_probability(element, element_law, codes):
    """Probability of all letters by the order in which they are drawn."""
    parent = {j: i for i, j in element.pairs}
    probability = 1.0
    for j, code in enumerate(codes):
        if element.consensus[j] != ".":
            expected, fidelity = "ACGT".index(element.consensus[j]), element_law.motif_fidelity
        elif j in parent:
            expected, fidelity = element.mapping[codes[parent[j]]], element_law.pair_fidelity
        else:
            expected, fidelity = code, 0.25
        probability *= fidelity if code == expected else (1 - fidelity) / 3
    return probability


@pytest.mark.parametrize("mapping", [law.IDENTITY, law.TRANSITION, law.COMPLEMENT])
def test_element_truth_is_the_joint_law_over_four_letters(mapping):
    element = law.copy_element("e", ".CATTGACCGAT.", 3, mapping)
    codes = np.random.default_rng(3).integers(0, 4, len(element)).astype(np.uint8)
    truth = element_distribution(element, law.demo_law(), codes)
    for i in range(len(codes)):
        joint = [
            naive_element_probability(element, law.demo_law(), [*codes[:i], b, *codes[i + 1 :]])
            for b in range(4)
        ]
        assert truth[i] == pytest.approx(np.array(joint) / sum(joint), abs=1e-12)


def test_element_truth_by_hand():
    element = law.stem_element("e", ".ACGTACGTACGTA.")
    truth = element_distribution(
        element, law.demo_law(), alphabet.encode("A" + "ACGTACGTACGTA" + "C")
    )
    assert truth[0] == pytest.approx([0.01, 0.01, 0.97, 0.01])  # the partner is C
    assert truth[-1] == pytest.approx([0.01, 0.01, 0.01, 0.97])  # the partner is A
    assert truth[1] == pytest.approx([0.98, 0.02 / 3, 0.02 / 3, 0.02 / 3])


def test_truth_is_the_same_from_the_other_strand(small):
    """Turn a drawn contig round, layout and letters: the truth turns with it."""
    drawn = small.contigs[0]
    length, other = len(drawn.codes), {"+": "-", "-": "+"}
    turned = tuple(
        replace(
            s,
            start=length - s.end,
            end=length - s.start,
            strand=s.strand if s.kind in ("plain", "noise") else other[s.strand],
        )
        for s in reversed(drawn.segments)
    )
    contig = replace(drawn, codes=alphabet.reverse_complement(drawn.codes), segments=turned)
    there = true_distribution(replace(small, contigs=(contig,)), drawn.name)
    np.testing.assert_allclose(there[::-1, ::-1], true_distribution(small, drawn.name), atol=1e-12)


def test_words_of_a_long_draw_are_as_frequent_on_the_other_strand():
    codes = (
        draw_genome(law.demo_law(), (ContigPlan("a", 200_000),), seed=9)
        .contigs[0]
        .codes.astype(np.int64)
    )
    words = codes[:-2] * 16 + codes[1:-1] * 4 + codes[2:]
    counts = np.bincount(words, minlength=64)
    other = counts[law.word_reverse_complements(3)]
    # words overlap and elements repeat, so counts vary about three times more than Poisson's
    assert np.max(np.abs(counts - other) / np.sqrt(counts + other)) < 3.5 * 3


def test_layout_fills_contigs_and_gaps_are_n(small):
    for contig in small.contigs:
        assert [s.start for s in contig.segments[1:]] == [s.end for s in contig.segments[:-1]]
        assert contig.segments[0].start == 0
        assert contig.segments[-1].end == len(contig.codes) == len(contig.soft_masked)
    truth = true_distribution(small, "b")
    gap = small.contig("b").codes == alphabet.N
    assert gap.sum() == 700
    assert np.isnan(truth[gap]).all()
    np.testing.assert_allclose(truth[~gap].sum(axis=1), 1, atol=1e-12)


def test_true_llr_is_the_ratio_of_the_truth(small):
    pos, ref, alt = np.array([100, 2000]), np.array([0, 1]), np.array([2, 3])
    rows = true_distribution(small, "a")[pos]
    assert true_llr(small, "a", pos, ref, alt) == pytest.approx(
        np.log(rows[[0, 1], alt] / rows[[0, 1], ref])
    )


def test_same_seed_same_bytes_other_seed_other_bytes(small):
    plans = (ContigPlan("a", 30_000), ContigPlan("b", 6_000, gap_bp=700))
    assert draw_genome(law.demo_law(), plans, seed=3).fasta() == small.fasta()
    assert draw_genome(law.demo_law(), plans, seed=4).fasta() != small.fasta()


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("make", "result"),
    [
        (lambda: law.symmetric_chain(0, 0.5, 1), "order is 0"),
        (lambda: law.symmetric_chain(2, -1, 1), "sharpness is -1"),
        (lambda: law.copy_element("e", "ACG.", 4, law.IDENTITY), "at most 12 apart"),
        (lambda: law.Element("e", "A..C", ((1, 3),), law.IDENTITY), "pairs cover"),
        (lambda: law.copy_element("e", "ACGTACGTACGTA.", 2, (1, 2, 3, 0)), "permutation"),
        (
            lambda: law.Element("e", "." * 40, tuple((i, 39) for i in range(20)), law.IDENTITY),
            "pairs cover",
        ),
        (
            lambda: law.Element("e", ".A.ACGTACGTACGT.", ((0, 15), (2, 15)), law.IDENTITY),
            "second of two pairs",
        ),
        (lambda: draw_genome(law.demo_law(), (ContigPlan("a", 100),), seed=-1), "seed is -1"),
        (
            lambda: draw_genome(law.demo_law(), (ContigPlan("a", 100),), seed=1, masked_share=1.5),
            "masked_share is 1.5",
        ),
        (
            lambda: draw_genome(law.demo_law(), (ContigPlan("a", 100, gap_bp=100),), seed=1),
            "0 bases without its gap",
        ),
        (
            lambda: draw_chain(law.symmetric_chain(3, 0.1, 1), 2, np.random.default_rng(1)),
            "length is 2",
        ),
    ],
)
def test_bad_parameters_are_refused(make, result):
    with pytest.raises(ValueError, match=result):
        make()


@pytest.mark.bad_input
def test_law_refuses_shares_and_fidelities_that_cannot_be():
    good = law.demo_law()
    for change, result in (({"pair_fidelity": 1.0}, "pair_fidelity"), ({"stretch_shares": (0.5, 0.5, 0.5)}, "stretch_shares"),
                          ({"plain_bp": (9, 5)}, "plain_bp"), ({"element_shares": (1.0,)}, "element_shares"),
                          ({"spacer_bp": (0, 5)}, "spacer_bp")):  # fmt: skip
        with pytest.raises(ValueError, match=result):
            replace(good, **change)


@pytest.mark.bad_input
def test_truth_refuses_positions_outside_and_unknown_contigs(small):
    with pytest.raises(ValueError, match="expected 0..29999 on a"):
        true_distribution(small, "a", np.array([30_000]))
    with pytest.raises(KeyError, match="the genome has"):
        true_distribution(small, "c")


@pytest.mark.bad_input
def test_cohort_refuses_what_has_no_room(small):
    with pytest.raises(ValueError, match="room for"):
        draw_cohort(small, n_snv=50_000, seed=1)
    with pytest.raises(ValueError, match="n_snv is 0"):
        draw_cohort(small, n_snv=0, seed=1)
    gapless = draw_genome(law.demo_law(), (ContigPlan("a", 90_000),), seed=1)
    with pytest.raises(ValueError, match="no gap"):
        awkward_rows(gapless, [], seed=1)


@pytest.mark.bad_input
def test_demo_is_not_written_over_another(tmp_path):
    (tmp_path / "regions.bed").write_text("mine")
    with pytest.raises(CannotWriteError, match=r"regions\.bed: exists; expected a new folder"):
        demo.write_demo(tmp_path, truth=False)
    assert (tmp_path / "regions.bed").read_text() == "mine"
    with pytest.raises(UsageError, match="--seed: -1; expected 0 or more"):
        demo.write_demo(tmp_path / "new", seed=-1)
    assert not (tmp_path / "new").exists()


def test_committed_demo_is_what_the_command_writes(files):
    """BGZF files are compared by their text: the deflate library is not ours."""
    for name, content in files.items():
        committed = COMMITTED / name
        if name.endswith(".gz"):
            assert b"".join(bgzf.read_chunks(committed)) == gzip.decompress(content), name
        else:
            assert committed.read_bytes() == content, name


def records(files, name):
    lines = gzip.decompress(files[name]).decode().splitlines()
    return [line.split("\t") for line in lines if not line.startswith("#")]


@pytest.mark.parametrize("name", ["demo_cohort.vcf.gz", "demo_b.vcf.gz", "demo_c.g.vcf.gz"])
def test_bcftools_reads_every_record_and_finds_it_sorted(files, name, tmp_path):
    path = tmp_path / name
    path.write_bytes(files[name])
    seen = subprocess.run(
        ["bcftools", "query", "-f", "%CHROM\t%POS\n", path],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert seen.splitlines() == ["\t".join(fields[:2]) for fields in records(files, name)]
    subprocess.run(
        ["bcftools", "index", "-t", path], check=True, capture_output=True
    )  # refuses an unsorted file


def test_every_bcftools_command_takes_the_cohort(files, tmp_path):
    path = tmp_path / "cohort.vcf.gz"
    path.write_bytes(files["demo_cohort.vcf.gz"])
    for command in (["norm", "-m-"], ["sort"], ["annotate", "-x", "INFO/DP"], ["view", "-Ob"]):
        subprocess.run(
            ["bcftools", *command, "-o", tmp_path / "out", path], check=True, capture_output=True
        )


def test_ref_is_the_genome_but_where_planted(files, genome):
    names = {contig.name: alphabet.decode(contig.codes) for contig in genome.contigs}
    wrong = [f for f in records(files, "demo_cohort.vcf.gz")
             if f[0] in names and names[f[0]][int(f[1]) - 1 :][: len(f[3])] != f[3].upper()]  # fmt: skip
    assert len(wrong) == 3
    for name in ("demo_b.vcf.gz", "demo_c.g.vcf.gz"):
        assert all(
            f[0] not in names or names[f[0]][int(f[1]) - 1 :][: len(f[3])] == f[3].upper()
            for f in records(files, name)
        )


def test_spectrum_is_like_a_germline(genome):
    rows = [row for row in draw_cohort(genome, 2_000, seed=5) if row.kind == "snv"]
    assert len(rows) == 2_000
    ts = np.mean([row.ref + row.alts[0] in ("AG", "GA", "CT", "TC") for row in rows])
    assert 1.7 < ts / (1 - ts) < 3.0
    cpg = {contig.name: is_cpg(contig.codes) for contig in genome.contigs}
    share = np.mean([cpg[row.contig][row.pos] for row in rows])
    assert share > 2 * np.mean(np.concatenate(list(cpg.values())))


def has(fields, column, test):
    return any(test(f[column]) for f in fields)


def test_every_awkward_kind_is_present(files, genome):
    rows = records(files, "demo_cohort.vcf.gz")
    snvs = [f for f in rows if len(f[3]) == len(f[4]) == 1 and f[3] in "ACGT" and f[4] in "ACGT"]
    assert len(snvs) >= 1_500
    assert has(rows, 4, lambda alt: alt == ".")
    assert has(rows, 4, lambda alt: "*" in alt.split(","))
    assert has(rows, 4, lambda alt: alt == "<DEL>")
    assert has(rows, 4, lambda alt: "<NON_REF>" in alt)
    assert has(rows, 4, lambda alt: "]" in alt)
    assert has(rows, 4, lambda alt: set(alt) & set("RY") and "[" not in alt and "<" not in alt)
    assert has(rows, 3, str.islower)
    assert has(rows, 4, lambda alt: len(alt.split(",")) == 4)
    assert has(rows, 4, lambda alt: len(set(alt.split(","))) < len(alt.split(",")))
    assert any(len(f[3]) == len(f[4]) > 1 and f[4].isalpha() for f in rows)
    assert any(len(f[3]) > len(f[4]) == 1 for f in rows)
    assert any(len(f[4]) > 300 for f in rows)
    assert has(rows, 0, lambda contig: contig == ABSENT_CONTIG)
    assert has(rows, 3, lambda ref: ref == "N")
    assert len({tuple(f) for f in rows}) < len(rows)
    assert {"1e-300", "12345678", "."} <= {f[5] for f in rows}
    single = records(files, "demo_b.vcf.gz")
    assert has(single, 6, lambda filters: "hard2validate" in filters)
    assert has(single, 7, lambda info: "NOTE=" in info)
    assert has(rows, 7, lambda info: info == ".")
    assert has(rows, 7, lambda info: info.endswith(";"))
    assert has(rows, 7, lambda info: "SOR=1E-5" in info)
    assert has(rows, 7, lambda info: info.count("DP=") == 2)
    for contig in genome.contigs:
        places = {f[1] for f in rows if f[0] == contig.name}
        assert {"1", str(len(contig.codes))} <= places
    assert len({(f[0], f[1]) for f in rows}) < len(rows)


def test_gvcf_blocks_end_where_the_next_record_begins(files, genome):
    last = 0
    gap = np.flatnonzero(genome.contigs[-1].codes == alphabet.N)
    for fields in records(files, "demo_c.g.vcf.gz"):
        begin = int(fields[1]) - 1
        assert begin == last or (last, begin) == (gap[0], gap[-1] + 1)
        last = int(fields[7].removeprefix("END=")) if fields[4] == "<NON_REF>" else begin + 1
    assert last == len(genome.contigs[-1].codes)


def entropy_bits(truth):
    return -(truth * np.log2(truth)).sum(axis=1).mean()


@pytest.mark.long
def test_regions_lie_where_the_truth_says(files, truth):
    rows = [line.split("\t") for line in files["regions.bed"].decode().splitlines()]
    assert len(rows) >= 10
    spans = {name: (contig, int(start), int(end)) for contig, start, end, name in rows}
    assert spans["no_base"][1] == spans["no_base"][2]
    assert spans["grammar_1"] == spans["grammar_1_again"]
    for name, (contig, start, end) in spans.items():
        here = truth[contig][start:end]
        if name.startswith("noise"):
            assert entropy_bits(here) > 1.98
        if name.startswith("grammar"):
            assert entropy_bits(here) < 0.9
        assert np.isnan(here).any() == (name == "over_gap")
    assert (
        sum(end - start for _, start, end in spans.values()) < 7_000
    )  # a demo: each base is scored by each model


def test_truth_file_holds_every_base(truth, genome):
    assert {name: rows.shape for name, rows in truth.items()} == {
        c.name: (len(c.codes), 4) for c in genome.contigs
    }


@pytest.mark.torch
@pytest.mark.parametrize("number", [1, 2, 3, 4, 5])
def test_demo_models_load_and_know_the_grammar_on_both_strands(number, genome, truth):
    """Mean surprisal over bases they were not trained on: far below the 1.78 bits of two-sided
    counts up to order 10."""
    import torch

    from gfmtrust.models import checkpoint

    loaded = checkpoint.load(COMMITTED / "models" / f"gpn-demo-{number}")
    assert loaded.card["trained_bp"] == 128
    drawn = genome.contigs[1].codes
    starts = np.arange(0, len(drawn) - 128, 601)
    forward = drawn[starts[:, None] + np.arange(128)]
    mask = loaded.text.vocabulary["[MASK]"]
    ids = np.array([loaded.text.vocabulary[letter] for letter in "acgt"])
    for windows, site in ((forward, 64), (alphabet.reverse_complement(forward), 63)):
        tokens = ids[windows]
        tokens[:, site] = mask
        with torch.no_grad():
            logits = loaded.network(torch.from_numpy(tokens))[:, site, ids]
        surprisal = -torch.log_softmax(logits, dim=1).numpy()[
            np.arange(len(windows)), windows[:, site]
        ] / np.log(2)
        assert surprisal.mean() < 1.35


def test_demo_is_small_enough_for_a_repository():
    sizes = [path.stat().st_size for path in COMMITTED.rglob("*") if path.is_file()]
    assert sum(sizes) < 8 << 20
