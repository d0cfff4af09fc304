"""A background: one FASTA of two genomes, counted and probed in the background alone, read there in
pieces like the user's contigs."""

import gzip
from dataclasses import replace
from types import SimpleNamespace

import naive_context as naive
import numpy as np
import pytest
from fake_genome import FakeGenome, genome_letters
from planned_run import planned, snv_rows
from scipy.stats import pearsonr, spearmanr
from simulated_probes import skilled

from gfmtrust.annotate import regions as annotate_regions
from gfmtrust.annotate.header_lines import header_lines
from gfmtrust.annotate.region_summary import Levels
from gfmtrust.baseline import members
from gfmtrust.baseline.fit import fit_model
from gfmtrust.baseline.members import Members
from gfmtrust.baseline.surprisal import context_surprisal
from gfmtrust.baseline.write import write_bundle
from gfmtrust.calibration import caps, flags
from gfmtrust.calibration.fit import fit
from gfmtrust.calibration.options import Options
from gfmtrust.calibration.record import check_matches
from gfmtrust.core.alphabet import PAD, decode
from gfmtrust.core.contracts.base import encoded
from gfmtrust.core.contracts.checks import Background, CheckedGenome, Checks
from gfmtrust.core.contracts.plan import Plan, PlanCounts
from gfmtrust.core.contracts.run import RunFacts
from gfmtrust.core.errors import (
    BadDataError,
    ConfigurationError,
    InputOutputError,
    MissingInputError,
    UsageError,
)
from gfmtrust.core.vocabulary import Placement, Rank, Why
from gfmtrust.inputs import check, sites
from gfmtrust.inputs import reference as background_reference
from gfmtrust.inputs.variants import Variant
from gfmtrust.io import tables
from gfmtrust.io.genome import Genome
from gfmtrust.readers import haplotypes
from gfmtrust.readers.masked import MaskedReader
from gfmtrust.report import no_high
from gfmtrust.report import wording as report_wording
from gfmtrust.report.provenance import provenance
from gfmtrust.validation.benchmark import satmut

CHR1 = genome_letters(7, 6_000)
ELEMENTS = {"e1": genome_letters(8, 90), "e2": genome_letters(9, 150)}
JOINED = FakeGenome(
    **ELEMENTS, **{f"{background_reference.PREFIX}chr1": CHR1[:3_000] + CHR1[3_000:].lower()}
)
BACKGROUND = Background("chr1.fa", "d")


def fasta(path, contigs, width=50):
    cut = {
        name: [text[start : start + width] for start in range(0, len(text), width)]
        for name, text in contigs.items()
    }
    path.write_text(
        "".join("\n".join([f">{name} words", *lines]) + "\n" for name, lines in cut.items())
    )
    return path


@pytest.fixture
def run(tmp_path):
    """Runs check_inputs on the elements with a background given as contigs or as a path; returns
    checks.json and the folder."""

    def start(contigs, elements=ELEMENTS):
        background = (
            contigs if not isinstance(contigs, dict) else fasta(tmp_path / "chr1.fa", contigs)
        )
        out = tmp_path / "checked"
        return check.check_inputs(
            fasta(tmp_path / "elements.fa", elements),
            [],
            [],
            None,
            out,
            check.CheckOptions(background_fasta=background),
        ).to_dict(), out

    return start


# --- one FASTA of both


def test_the_users_contigs_come_first_under_their_own_names(run, tmp_path):
    content, out = run({"e1": CHR1[:100].lower() + "RYN-" + CHR1, "empty": ""})
    with Genome.open(out / "joined.fa", tmp_path) as joined:
        assert joined.contigs == {
            "e1": 90,
            "e2": 150,
            "background:e1": 6_104,
            "background:empty": 0,
        }
        assert decode(joined.codes("e2", 0, 150)) == ELEMENTS["e2"]
        assert decode(joined.codes("background:e1", 0, 6_104)) == CHR1[:100] + "NNNN" + CHR1
        assert joined.soft_masked("background:e1", 95, 105).tolist() == [True] * 5 + [False] * 5
        joined.sums()  # index and letters agree
    assert {
        name: content["background"][name]
        for name in ("name", "contigs", "known_bases", "sampled_words", "shared_words")
    } == {
        "name": "chr1.fa",
        "contigs": 2,
        "known_bases": 6_100,
        "sampled_words": 59 + 119,
        "shared_words": 0,
    }
    assert [contig["name"] for contig in content["genome"]["contigs"]] == ["e1", "e2"]
    assert content["warnings"] == []


def test_line_length_and_compression_change_no_byte(run, tmp_path):
    _, out = run({"chr1": CHR1})
    before = (out / "joined.fa").read_bytes()
    plain = fasta(tmp_path / "wide.fa", {"chr1": CHR1}, width=61)
    packed = tmp_path / "wide.fa.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    content, _ = run(packed)
    assert (out / "joined.fa").read_bytes() == before
    assert "plain gzip" in content["warnings"][0]["text"]


@pytest.mark.parametrize(
    "contigs", [{"a": "ACGT" * 20, "b": "TTTT"}, {"a": "ACGTN" * 20}, {"a": "AC"}, {}]
)
def test_a_genome_without_background_has_no_fence_and_counts_all_contigs(contigs):
    genome = FakeGenome(**contigs)
    assert background_reference.sources(genome.names).all()
    assert background_reference.fence(genome, np.zeros(1, int), np.zeros(1, int)) is None
    assert background_reference.user_contigs(genome.contigs) == genome.contigs


# --- words of the elements in the background


@pytest.mark.bad_input
@pytest.mark.parametrize("turn", [str, naive.reverse_complement])
def test_elements_that_stand_in_the_background_are_told(run, caplog, turn):
    content, _ = run({"chr1": CHR1[:2_000] + turn(ELEMENTS["e2"]) + CHR1[2_000:]})
    assert content["background"]["shared_words"] == 150 - 31
    (warning,) = content["warnings"]
    assert (warning["count"], warning["first"]) == (119, "e2:1")
    assert (
        "words of 32 bases of elements.fa stand in chr1.fa too (178 looked for)" in warning["text"]
    )
    assert "bedtools maskfasta" in caplog.text


@pytest.mark.bad_input
@pytest.mark.parametrize("piece", [60, 120, 1_200_000])
def test_words_are_found_over_the_bounds_of_pieces_and_never_over_an_n(monkeypatch, piece):
    monkeypatch.setattr(background_reference, "PIECE_BASES", piece)
    text = CHR1[:103] + ELEMENTS["e1"][10:60] + "N" + ELEMENTS["e1"][60:90] + CHR1[:500]
    result = background_reference.shared_words(
        FakeGenome(**ELEMENTS), FakeGenome(chr1=text, tiny="ACGT")
    )
    assert result == background_reference.SharedWords(178, 19, ("e1", 10))


@pytest.mark.bad_input
def test_elements_shorter_than_a_word_are_looked_for_in_vain():
    assert background_reference.shared_words(
        FakeGenome(a="ACGT"), FakeGenome(chr1="ACGT" * 100)
    ) == background_reference.SharedWords(0, 0, None)


# --- refusals


@pytest.mark.bad_input
def test_a_reserved_name_is_refused(run):
    with pytest.raises(
        BadDataError,
        match=r"elements.fa: contig background:x; expected no name that begins with background:",
    ):
        run({"chr1": CHR1}, ELEMENTS | {"background:x": "ACGT"})


@pytest.mark.bad_input
def test_the_same_sequences_twice_are_refused(run):
    with pytest.raises(
        UsageError, match=r"chr1.fa: the same sequences as elements.fa; expected another genome"
    ):
        run({name: text.lower() for name, text in ELEMENTS.items()})


@pytest.mark.bad_input
def test_a_background_without_bases_is_refused(run, tmp_path):
    with pytest.raises(BadDataError, match="chr1.fa: no A, C, G or T"):
        run({"chr1": "N" * 5_000})
    assert not (tmp_path / "checked" / "checks.json").exists()
    assert not list((tmp_path / "checked").glob("joined.fa*"))


@pytest.mark.bad_input
def test_a_background_that_is_cut_off_is_refused(run, tmp_path):
    packed = tmp_path / "cut.fa.gz"
    packed.write_bytes(gzip.compress(f">chr1\n{CHR1}\n".encode())[:-900])
    with pytest.raises(InputOutputError, match=r"cut.fa.gz"):
        run(packed)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("text", "result"), [("", "empty file"), ("ACGT\n", "begins with"), (">chr1\nACUU\n", "letter")]
)
def test_a_background_that_is_no_fasta_is_refused(run, tmp_path, text, result):
    (tmp_path / "odd.fa").write_text(text)
    with pytest.raises(BadDataError, match=result):
        run(tmp_path / "odd.fa")


@pytest.mark.bad_input
def test_a_missing_background_is_named(run, tmp_path):
    with pytest.raises(MissingInputError, match=r"absent.fa"):
        run(tmp_path / "absent.fa")


@pytest.mark.bad_input
def test_the_plan_wants_the_genome_that_was_checked(tmp_path):
    with pytest.raises(UsageError, match=r"--fasta: no background; expected joined.fa"):
        planned(tmp_path, FakeGenome(**ELEMENTS), [[]], background=BACKGROUND)
    with pytest.raises(UsageError, match="run check_inputs with --background_fasta"):
        planned(tmp_path, JOINED, [[]])


@pytest.mark.bad_input
def test_a_context_model_of_other_contigs_is_refused(tmp_path):
    model = fit_model(FakeGenome(chr1=CHR1))
    folder = tmp_path / "context_model"
    write_bundle(model, folder, {})
    with pytest.raises(
        ConfigurationError, match="fitted to contigs chr1; expected e1, e2, background:chr1"
    ):
        context_surprisal(folder, JOINED, 1)


# --- the context model


def test_only_the_background_is_counted_and_half_of_the_members_vote_everywhere():
    model = fit_model(JOINED)
    other = fit_model(FakeGenome(e1="A" * 90, e2="C" * 150, **{"background:chr1": CHR1}))
    assert model.n_bases == other.n_bases == 6_000
    assert all(
        (one.cells == two.cells).all()
        for one, two in zip(model.law.tables, other.law.tables, strict=True)
    )
    assert (model.law.weights == other.law.weights).all()
    for index, length in enumerate(JOINED.contigs.values()):
        assert (
            model.members.admitted(np.full(length, index), np.arange(length)).sum(axis=1) == 4
        ).all()


def test_patterns_are_dealt_evenly_among_the_blocks_that_are_counted():
    names = {f"e{i}": 10 for i in range(997)} | {"background:chr1": 700}
    dealt = members.deal(names, 10, np.ones(997 + 70, bool), 3)
    assert np.bincount(dealt.pattern[997:], minlength=14).tolist() == [5] * 14
    assert members.patterns()[dealt.pattern[997:]].sum(axis=0).tolist() == [35] * 8
    assert set(np.bincount(dealt.pattern, minlength=14)) == {76, 77}


# --- pieces


def naive_fence(genome, index, pos):
    """Lay the user's contigs end to end over the background until the place is covered."""
    name = genome.names[index]
    if not name.startswith("background:"):
        return 0, genome.contigs[name]
    lengths = [
        length for other, length in genome.contigs.items() if not other.startswith("background:")
    ]
    start, turn = 0, 0
    while start + lengths[turn % len(lengths)] <= pos:
        start, turn = start + lengths[turn % len(lengths)], turn + 1
    return start, min(start + lengths[turn % len(lengths)], genome.contigs[name])


def test_pieces_are_as_long_as_the_users_contigs_in_turn():
    genome = FakeGenome(
        a="A" * 7, empty="", b="C" * 3, **{"background:x": "G" * 34, "background:y": "T" * 5}
    )
    for index, length in enumerate(genome.contigs.values()):
        pos = np.arange(length)
        array = background_reference.fence(genome, np.full(length, index), pos)
        assert list(zip(array.low, array.high, strict=True)) == [
            naive_fence(genome, index, int(p)) for p in pos
        ]


@pytest.mark.parametrize("strand", "+-")
def test_a_window_ends_where_its_piece_does(strand):
    width, reach = 61, 30
    bundle = SimpleNamespace(window_bp=width, site_forward=reach, site_reverse=reach)
    pos = np.array([0, 89, 90, 100, 239, 240, 5_999])
    windows = MaskedReader(bundle).windows(JOINED, np.full(len(pos), 2), pos, Placement(strand))
    for place, window in zip(pos.tolist(), windows, strict=True):
        low, high = naive_fence(JOINED, 2, place)
        piece = FakeGenome(piece=CHR1[low:high])
        expected = piece.windows("piece", np.array([place - low - reach]), width)[0]
        assert decode(window) == (
            decode(expected) if strand == "+" else naive.reverse_complement(decode(expected))
        )
        assert (window == PAD).sum() == (expected == PAD).sum()


def test_a_haplotype_ends_where_its_piece_does():
    span = haplotypes.Span(61, 30, ((0, np.array([30])),))
    for strand in "+-":
        fences = background_reference.fence(JOINED, np.array([2]), np.array([95]))
        result = haplotypes._cut(
            JOINED, "background:chr1", Variant(95, CHR1[95:97], ""), strand, span, fences
        )
        alone = haplotypes._cut(
            FakeGenome(piece=CHR1[90:240]), "piece", Variant(5, CHR1[95:97], ""), strand, span
        )
        assert (result == alone).all()


def test_surroundings_end_where_the_piece_does():
    result_array = sites.surroundings(JOINED, np.full(2, 2), np.array([90, 100]))
    alone = sites.surroundings(FakeGenome(piece=CHR1[90:240]), np.zeros(2, int), np.array([0, 10]))
    assert result_array.left.tolist() == [PAD, alone.left[1]]
    assert result_array.gc.tolist() == alone.gc.tolist()


# --- plan and flags


@pytest.mark.long
def test_probes_stand_in_the_background_and_the_plan_names_the_users_contigs(tmp_path):
    genome = FakeGenome(**ELEMENTS, **{f"{background_reference.PREFIX}chr1": CHR1})
    rows = snv_rows(genome, range(90), "e1", 0) + snv_rows(genome, range(150), "e2", 1)
    rows += [("e2", 1, p, ELEMENTS["e2"][p : p + 2], ELEMENTS["e2"][p]) for p in range(20, 80)]
    out, content = planned(
        tmp_path, genome, [sorted(rows, key=lambda row: row[1:])], background=BACKGROUND
    )
    assert content["contigs"] == [{"name": "e1", "length": 90}, {"name": "e2", "length": 150}]
    assert content["background"] == encoded(BACKGROUND)
    assert content["usable_bp"] == 6_000
    assert content["counts"]["allele_status"] == {"SCORED": 300}
    assert set(tables.read(out / "probes.parquet")["contig_index"].to_pylist()) == {2}
    variants = tables.read(out / "variants.parquet").to_pandas()
    assert set(variants.loc[variants["use"] == 2, "contig_index"]) == {2}
    for row in variants[variants["use"] == 2].itertuples():
        assert naive_fence(genome, 2, row.pos - 1) == naive_fence(genome, 2, row.pos + len(row.ref))


@pytest.mark.long
def test_no_flag_is_above_medium_and_the_header_says_why():
    probes = skilled(np.random.default_rng(4), 4_000)
    by_name = {"genome": "g", "background": "b", "bundles": {}}
    alone, behind = fit(probes), fit(probes, Options(background="chr1.fa", digests=by_name))
    assert (flags.assign(alone, probes)[0] == Rank.HIGH).any()
    rank, why = flags.assign(behind, probes)
    assert set(rank) == {Rank.LOW, Rank.MEDIUM}
    assert all(Why.BACKGROUND in reasons for reasons in why)
    assert not any(one.exists for one in behind.snv.certificates if one.level == "HIGH")
    assert behind.to_dict()["classes"]["SNV"]["limits"]["background"] is True
    assert "at most MEDIUM: context model and probes come from chr1.fa" in behind.outcome
    line = "##gfmtrustBackground=context model and probes come from chr1.fa, digest b; flags are at most MEDIUM"
    assert line in header_lines(behind, RunFacts(), "annotate_vcf")
    assert not any(
        one.startswith("##gfmtrustBackground")
        for one in header_lines(alone, RunFacts(), "annotate_vcf")
    )


def test_report_and_bed_say_where_probes_come_from():
    behind = fit(
        skilled(np.random.default_rng(4), 4_000),
        Options(background="chr1.fa", digests={"background": "b"}),
    )
    assert (
        no_high.why_no_high(behind)[0]
        == "context model and probes come from chr1.fa, so no flag is above MEDIUM."
    )
    assert (
        report_wording.level_text(Rank.HIGH, behind)
        == "Not given in this run: context model and probes come from chr1.fa."
    )
    checks = Checks(
        CheckedGenome("elements.fa", "g"),
        background=replace(BACKGROUND, sampled_words=1_662, shared_words=3),
    )
    facts = provenance(checks, Plan(PlanCounts(), 1, "g", ()))
    assert facts[4:7] == [
        ("context model and probes come from", "chr1.fa"),
        ("background digest", "d"),
        ("k-mers of the genome that are also in the background", "3 of 1,662 sampled"),
    ]
    notes = annotate_regions.region_notes(Levels.of(behind), behind)
    assert (
        notes[-1]
        == "#gfmtrust context model and probes come from chr1.fa, digest b; flags are at most MEDIUM"
    )


def test_without_background_no_cap_of_it():
    assert (
        caps.measure_limits(
            skilled(np.random.default_rng(4), 100), np.zeros(100, int), Options()
        ).background
        is False
    )


@pytest.mark.bad_input
def test_a_calibration_of_another_background_is_refused():
    by_name = {"genome": "g", "background": "b", "bundles": {}}
    fitted = fit(
        skilled(np.random.default_rng(4), 200), Options(background="chr1.fa", digests=by_name)
    )
    for digests in (by_name | {"background": "c"}, {"genome": "g", "bundles": {}}):
        with pytest.raises(ConfigurationError, match="background b; scores are of background"):
            check_matches(fitted, digests)


# --- benchmark satmut

HEAD = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


def assay(path, n=400, seed=3):
    """An annotated assay: LLR and effect of n SNVs of two elements, effect half of it noise."""
    rng = np.random.default_rng(seed)
    llr = rng.normal(size=n)
    effect = llr + rng.normal(size=n)
    rows = [
        f"e{i % 2}\t{i // 2 + 1}\t.\tA\tC\t.\t.\tEFFECT={effect[i]:.6f};BARCODES={i % 40};GFM_LLR={llr[i]:.4f}"
        for i in range(n)
    ]
    path.write_text(HEAD + "\n".join(sorted(rows)) + "\n")
    keep = np.arange(n) % 40 >= 10
    return path, np.round(llr[keep], 4), np.round(effect[keep], 6)


@pytest.mark.long
def test_correlations_are_those_of_scipy(tmp_path):
    path, llr, effect = assay(tmp_path / "a.vcf")
    rows = {(row.element, row.of): row for row in satmut.correlations(path)}
    assert list(rows) == [
        (element, of)
        for element in ("e0", "e1", "all")
        for of in ("|LLR|, |effect|", "LLR, effect")
    ]
    for of, shape in (("|LLR|, |effect|", np.abs), ("LLR, effect", np.asarray)):
        row = rows["all", of]
        assert row.n == 300
        assert row.spearman == pytest.approx(
            spearmanr(shape(llr), shape(effect)).statistic, abs=1e-12
        )
        assert row.pearson == pytest.approx(
            pearsonr(shape(llr), shape(effect)).statistic, abs=1e-12
        )
        assert row.spearman_low < row.spearman < row.spearman_high
        assert row.pearson_low < row.pearson < row.pearson_high
    fisher = np.tanh(
        np.arctanh(rows["all", "LLR, effect"].pearson) + np.array([-1.96, 1.96]) / np.sqrt(297)
    )
    assert rows["all", "LLR, effect"].pearson_low == pytest.approx(
        fisher[0], abs=0.03
    )  # independent here, so blocks change little
    assert rows["all", "LLR, effect"].pearson_high == pytest.approx(fisher[1], abs=0.03)


@pytest.mark.bad_input
def test_values_that_do_not_vary_have_no_correlation():
    assert np.isnan(satmut.pearson(np.ones(5), np.arange(5.0)))


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "info",
    [
        "EFFECT=1;BARCODES=50",
        "BARCODES=50;GFM_LLR=1",
        "EFFECT=1;BARCODES=5;GFM_LLR=1",
        "EFFECT=1;BARCODES=50;GFM_LLR=.",
        ".",
    ],
)
def test_a_file_that_is_no_annotated_assay_is_refused(tmp_path, info):
    (tmp_path / "a.vcf").write_text(HEAD + f"e1\t1\t.\tA\tC\t.\t.\t{info}\n")
    with pytest.raises(BadDataError, match=r"a.vcf: no scored record with EFFECT and 10 BARCODES"):
        satmut.correlations(tmp_path / "a.vcf")


def test_members_of_a_joined_genome_come_back(tmp_path):
    dealt = fit_model(JOINED).members
    dealt.write(tmp_path / "members.json")
    assert Members.open(tmp_path).contigs == tuple(JOINED.names)
