"""The background of a run: from score tables to GFM_PCT, and the file that keeps it."""

import logging

import numpy as np
import pyarrow as pa
import pytest
from classed_snvs import random_alleles
from fake_genome import random_genome
from fake_scores import write_scores
from planned_run import planned, snv_rows

from gfmtrust.annotate import alleles as annotate_alleles
from gfmtrust.calibration import calibrate
from gfmtrust.calibration.ensemble import ScoreTables
from gfmtrust.calibration.options import Options
from gfmtrust.calibration.percentile import fit_background, percent
from gfmtrust.calibration.run_background import (
    FILE,
    SCHEMA,
    BackgroundFacts,
    RunBackground,
    read_background,
    write_background,
)
from gfmtrust.core.errors import BadDataError, ConfigurationError, MissingInputError
from gfmtrust.io import tables

pytestmark = pytest.mark.long

GENOME = random_genome(5, 20_000)
LETTERS = GENOME.codes("chr1", 0, 20_000)


def answer(site, _strand, _member):
    """Any distribution, by the place alone."""
    rng = np.random.default_rng(3)
    probs = rng.dirichlet(np.ones(4), 20_000)[site["pos"].to_numpy()]
    return probs


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A plan with scores: 300 SNVs and 3,000 probes."""
    folder = tmp_path_factory.mktemp("run")
    rows = snv_rows(GENOME, range(101, 19_000, 63))
    plan_dir, _ = planned(folder, GENOME, [rows], probes=3000, shard_size=2000)
    write_scores(plan_dir, folder / "scores", "a", answer, local=1.5)
    return folder


def scores_of(run):
    return ScoreTables([run / "scores"], ["a"])


def annotated(run, tmp_path, background_vcf=None):
    """calibrate and annotate_sites; returns sites.parquet as a frame."""
    fitted = calibrate.calibrate(
        run / "plan", scores_of(run), tmp_path, Options(), background_vcf=background_vcf
    )
    annotate_alleles.annotate_sites(run / "plan", scores_of(run), fitted, tmp_path, tmp_path / FILE)
    return tables.read(tmp_path / "sites.parquet").to_pandas()


def write_vcf(path, rows):
    lines = "".join(f"{c}\t{pos + 1}\t.\t{ref}\t{alt}\t.\t.\t.\n" for c, pos, ref, alt in rows)
    path.write_text(
        "##fileformat=VCFv4.2\n##contig=<ID=chr1>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        + lines
    )
    return path


def context(pos, ref, alt):
    """Substitution and CpG on the strand on which REF is A or C, by letters."""
    left, right = ("ACGT"[LETTERS[place]] for place in (pos - 1, pos + 1))
    before, behind = left + ref + right, left + alt + right
    if ref in "GT":
        turned = str.maketrans("ACGT", "TGCA")
        before, behind = before.translate(turned)[::-1], behind.translate(turned)[::-1]
    return before[1], behind[1], "CG" in before or "CG" in behind


def test_snvs_have_the_rank_of_their_llr_among_the_runs_probes(run, tmp_path):
    """On the coarsest classes, which are all that 3,000 probes on shared alleles fill here, the
    percentile is that of a count over probes.scored.parquet."""
    sites = annotated(run, tmp_path)
    background = read_background(tmp_path / FILE)
    assert len(background.classes) > 6
    probes = tables.read(tmp_path / "probes.scored.parquet").to_pandas()
    probes = probes.drop_duplicates(["pos", "real", "decoy"])
    facts = BackgroundFacts.read(tmp_path / FILE)
    assert (facts.source, facts.given) == ("probes", len(probes))
    at = {place & (1 << 40) - 1: [] for place in background.place}
    for place, code, value in zip(
        background.place, background.substitution_code, background.llr, strict=True
    ):
        at[place & (1 << 40) - 1].append((code, value))
    for probe in probes.itertuples():
        for code, value in at.get(probe.pos, []):
            if code == probe.real * 4 + probe.decoy:
                assert value == probe.llr
    snvs = sites[sites["alt"].str.len() == 1]
    assert np.isfinite(snvs["pct"]).mean() > 0.9
    # each class by the letters of its members, and the count by hand
    first = background.first
    numbers = {}
    for row in range(len(background.classes)):
        members = slice(first[row], first[row + 1])
        code = background.substitution_code[members]
        contexts = {
            context(int(place & (1 << 40) - 1), "ACGT"[one // 4], "ACGT"[one % 4])
            for place, one in zip(background.place[members], code, strict=True)
        }
        assert len(contexts) == 1
        numbers.setdefault(contexts.pop(), []).append(row)
    for snv in snvs.sample(60, random_state=1).itertuples():
        if np.isfinite(snv.pct):
            candidates = [
                100 * (1 + (values <= snv.llr).sum()) / (len(values) + 1)
                for row in numbers[context(snv.pos, snv.ref, snv.alt)]
                for values in [background.llr[first[row] : first[row + 1]].astype(np.float32)]
            ]
            assert np.isclose(snv.pct, candidates, rtol=1e-5).any()


def test_the_snvs_of_a_background_vcf_are_ranked_among_each_other(run, tmp_path):
    snvs = snv_rows(GENOME, range(101, 19_000, 63))
    vcf = write_vcf(
        tmp_path / "common.vcf",
        [(contig, pos, ref.lower(), alt) for contig, _, pos, ref, alt in snvs]
        + [("chr1", 55, "A", "C"), ("chr9", 7, "A", "C"), ("chr1", 60, "A", "AC")],
    )
    sites = annotated(run, tmp_path, vcf)
    facts = BackgroundFacts.read(tmp_path / FILE)
    assert (facts.source, facts.given) == ("common.vcf", 300)
    background = read_background(tmp_path / FILE)
    for counts, start, end in zip(
        background.classes, background.first[:-1], background.first[1:], strict=True
    ):
        places = background.place[start:end] & (1 << 40) - 1
        members = sites[sites["pos"].isin(places) & (sites["alt"].str.len() == 1)]
        # without ties the n members judged by the others have the ranks 1 to n
        expected = 100 * np.arange(1, counts.values + 1) / counts.values
        np.testing.assert_allclose(np.sort(members["pct"]), expected, rtol=1e-6)


@pytest.mark.parametrize("vcf_is_padded", [False, True])
def test_an_snv_of_a_background_vcf_counts_however_it_is_written(tmp_path, vcf_is_padded):
    """Beside an indel a caller writes A>T as CA>CT; the run and the VCF may differ in it."""
    plain = snv_rows(GENOME, [101, 164])
    padded = [
        (contig, number, pos - 1, "ACGT"[LETTERS[pos - 1]] + ref, "ACGT"[LETTERS[pos - 1]] + alt)
        for contig, number, pos, ref, alt in plain
    ]
    of_vcf, of_run = (padded, plain) if vcf_is_padded else (plain, padded)
    plan_dir, _ = planned(tmp_path, GENOME, [of_run], probes=100, shard_size=2000)
    rows = [(contig, pos, ref, alt.lower()) for contig, _, pos, ref, alt in of_vcf]
    background = RunBackground(plan_dir, write_vcf(tmp_path / "common.vcf", rows))
    assert background.write(tmp_path, seed=1).given == 2


@pytest.mark.long
def test_a_background_is_the_same_whatever_the_shards(run, tmp_path):
    annotated(run, tmp_path / "one")
    again = tmp_path / "again"
    plan_dir, _ = planned(
        again,
        GENOME,
        [snv_rows(GENOME, range(101, 19_000, 63))],
        probes=3000,
        shard_size=170,
    )
    write_scores(plan_dir, again / "scores", "a", answer, local=1.5)
    annotated(again, tmp_path / "two")
    one, two = (read_background(tmp_path / name / FILE) for name in ("one", "two"))
    assert one.classes == two.classes
    assert np.array_equal(one.llr, two.llr)
    assert np.array_equal(one.place, two.place)


def facts_of(background) -> BackgroundFacts:
    return BackgroundFacts(
        "probes", 5000, background.edges, background.copies, background.classes, 0, 0, ()
    )


def test_what_is_read_ranks_as_what_was_written(tmp_path):
    rng = np.random.default_rng(4)
    alleles, asked = random_alleles(rng, 5000), random_alleles(rng, 500, first=4800)
    background = fit_background(alleles, seed=1)
    for name in ("a", "b"):
        write_background(tmp_path / f"{name}.parquet", background, facts_of(background))
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    again = read_background(tmp_path / "a.parquet")
    assert np.array_equal(percent(background, asked), percent(again, asked), equal_nan=True)
    assert again.classes == background.classes


def test_a_background_without_classes_can_be_kept(tmp_path):
    background = fit_background(random_alleles(np.random.default_rng(1), 20), seed=1)
    write_background(tmp_path / FILE, background, facts_of(background))
    again = read_background(tmp_path / FILE)
    asked = random_alleles(np.random.default_rng(2), 5)
    assert np.isnan(percent(again, asked)).all()
    assert again.classes == ()


@pytest.mark.bad_input
@pytest.mark.parametrize("change", ["version", "none", "rows", "no_file"])
def test_a_background_of_another_version_or_size_is_refused_in_one_line(tmp_path, change):
    background = fit_background(random_alleles(np.random.default_rng(4), 5000), seed=1)
    path = tmp_path / FILE
    write_background(path, background, facts_of(background))
    facts, table = facts_of(background).to_dict(), tables.read(path)
    if change == "version":
        facts["version"] += 1
    if change == "none":
        facts = {}
    if change == "rows":
        table = table.slice(1)
    tables.write(path, table, pa.schema(SCHEMA), facts)
    if change == "no_file":
        path.unlink()
    expected = MissingInputError if change == "no_file" else ConfigurationError
    with pytest.raises(expected) as refused:
        read_background(path)
    assert refused.value.exit_code == (66 if change == "no_file" else 78)
    assert "\n" not in str(refused.value)
    assert FILE in str(refused.value)


@pytest.mark.bad_input
@pytest.mark.parametrize("rows", [[], [("chr1", 5, "A", "C")], [("chr2", 101, "A", "C")]])
def test_a_background_vcf_without_an_allele_of_the_run_is_refused(run, tmp_path, rows):
    vcf = write_vcf(tmp_path / "other.vcf", rows)
    with pytest.raises(BadDataError, match=r"other\.vcf: none of its") as refused:
        RunBackground(run / "plan", vcf)
    assert refused.value.exit_code == 65


@pytest.mark.bad_input
def test_a_background_vcf_of_which_much_is_missing_is_named_in_the_log(run, tmp_path, caplog):
    _, _, pos, ref, alt = snv_rows(GENOME, [101])[0]
    vcf = write_vcf(tmp_path / "some.vcf", [("chr1", pos, ref, alt), ("chr1", 102, ref, alt)])
    with caplog.at_level(logging.WARNING):
        RunBackground(run / "plan", vcf)
    assert "1 of its 2 SNVs" in caplog.text


@pytest.mark.bad_input
def test_a_run_without_a_background_has_no_percentile(run, tmp_path):
    fitted = calibrate.calibrate(run / "plan", scores_of(run), tmp_path, Options())
    annotate_alleles.annotate_sites(run / "plan", scores_of(run), fitted, tmp_path)
    assert tables.read(tmp_path / "sites.parquet").to_pandas()["pct"].isna().all()
