"""Planning: each site once, shards by number of sites, statuses kept, memory that does not grow
with contigs."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from fake_genome import FakeGenome
from planned_run import GENOME, Spans, planned, snv_rows

from gfmtrust.core import documents, vocabulary
from gfmtrust.core.alphabet import decode
from gfmtrust.core.errors import UsageError
from gfmtrust.core.vocabulary import CopyClass
from gfmtrust.io import tables
from gfmtrust.planning.regions import Regions
from gfmtrust.planning.shards import PROBE, REGION, VARIANT

pytestmark = pytest.mark.long


def shards_of(out):
    return [
        tables.read(path).to_pandas() for path in sorted((out / "shards").glob("shard_*.parquet"))
    ]


def test_every_site_once_in_order_with_its_uses(tmp_path):
    rows = snv_rows(GENOME, range(100, 900, 10))
    out, content = planned(
        tmp_path, GENOME, [rows, rows[::2]], {"cre": Spans(chr1=[(95, 205)], chr2=[(0, 8)])}
    )
    shards = shards_of(out)
    place = np.concatenate(
        [shard["contig_index"].to_numpy(np.int64) << 40 | shard["pos"] for shard in shards]
    )
    assert (np.diff(place) > 0).all()
    assert [len(shard) for shard in shards[:-1]] == [100] * (len(shards) - 1)
    use = np.concatenate([shard["use"] for shard in shards])
    assert (use & VARIANT > 0).sum() == 80 == content["counts"]["variant_sites"]
    assert (use & REGION > 0).sum() == 118 == content["counts"]["region_bases"]
    probes = tables.read(out / "probes.parquet").to_pandas()
    assert (use & PROBE > 0).sum() == len(probes[["contig_index", "pos"]].drop_duplicates())
    assert content["counts"]["sites"] == len(place)


def test_an_snv_is_planned_alike_however_it_is_written(tmp_path):
    """Callers write an SNV beside an indel with the letters of the indel. Its site was in no shard
    of sites and its substitution not in the spectrum of the run."""
    plain = snv_rows(GENOME, range(100, 900, 10))
    letters = decode(GENOME.codes("chr1", 0, 1_000))
    padded = [
        (contig, index, pos - 1, letters[pos - 1] + ref, letters[pos - 1] + alt)
        for contig, index, pos, ref, alt in plain
    ]
    planned_sites, facts = {}, {}
    for name, rows in {"plain": plain, "padded": padded, "both": sorted(plain + padded)}.items():
        out, facts[name] = planned(tmp_path / name, GENOME, [rows])
        shards = pd.concat(shards_of(out))
        of_run = shards[(shards["use"] & VARIANT) > 0]
        planned_sites[name] = of_run[["contig_index", "pos"]].to_numpy().tolist()
    assert planned_sites["padded"] == planned_sites["plain"] == [[0, row[2]] for row in plain]
    assert planned_sites["both"] == planned_sites["plain"]
    for name in ("padded", "both"):
        assert facts[name]["substitutions"] == facts["plain"]["substitutions"]
        assert facts[name]["counts"]["snv_sites"] == len(plain)


def test_alleles_know_the_regions_they_touch(tmp_path):
    rows = [
        ("odd", -1, 4, "A", "C"),
        *snv_rows(GENOME, [99, 100, 150, 199, 200]),
        ("chr1", 0, 97, "ACGT", "A"),
        ("chr2", 1, 5, "N", "A"),
    ]
    sets = {
        "cre": Spans(chr1=[(100, 200)]),
        "exons": Spans(chr1=[(150, 151)], chr2=[(0, 8)]),
        "none": Spans(),
    }
    out, _ = planned(tmp_path, GENOME, [sorted(rows, key=lambda row: (row[1], row[2]))], sets)
    records = tables.read(out / "alleles.parquet").to_pandas()
    named = {
        (row.contig, row.pos): row.regions for row in records.replace({np.nan: None}).itertuples()
    }
    assert named == {
        ("odd", 4): None,
        ("chr1", 97): "cre",
        ("chr1", 99): None,
        ("chr1", 100): "cre",
        ("chr1", 150): "cre,exons",
        ("chr1", 199): "cre",
        ("chr1", 200): None,
        ("chr2", 5): "exons",
    }


def test_one_record_key_a_spelling_and_summed_counts_an_allele(tmp_path):
    first, second = snv_rows(GENOME, [100, 200])
    inputs = [
        [(*first, (1, 4, 0, 0, 4)), (*second, (1, 2, 0, 0, 0))],
        [(*first, (3, 6, 0, 0, 6)), (*second, (0, 0, 0.9, 1, 0))],
        [first],
    ]
    out, content = planned(tmp_path, GENOME, inputs)
    assert tables.read(out / "spellings.parquet").num_rows == content["counts"]["spellings"] == 2
    assert tables.read(out / "spellings.parquet").column_names == tables.SPELLINGS.names
    result = tables.read(out / "alleles.parquet", ["pos", "af", "an"]).to_pydict()
    assert result == {
        "pos": [100, 200],
        "af": [pytest.approx(0.4), pytest.approx(0.9)],
        "an": [10, 0],
    }


def test_shard_size_changes_no_row(tmp_path):
    rows = snv_rows(GENOME, range(100, 900, 7))
    whole = shards_of(planned(tmp_path, GENOME, [rows], shard_size=10**6)[0])
    (tmp_path / "b").mkdir()
    parts = shards_of(planned(tmp_path / "b", GENOME, [rows], shard_size=33)[0])
    assert len(whole) == 1 < len(parts)
    assert whole[0].equals(pd.concat(parts, ignore_index=True))


def test_probes_never_stand_under_an_allele_of_the_run_and_carry_the_genome(tmp_path):
    rows = snv_rows(GENOME, range(0, 8_000, 2))
    out, _ = planned(tmp_path, GENOME, [rows])
    probes = tables.read(out / "probes.parquet").to_pandas()
    chr1 = probes[probes["contig_index"] == 0]
    assert (chr1["pos"] % 2 == 1).all()
    assert (chr1["real"] == GENOME.codes("chr1", 0, 8_000)[chr1["pos"]]).all()
    assert (probes["real"] != probes["decoy"]).all()
    assert abs(probes["run_oriented"].mean() - 0.5) < 0.01


def test_a_deletion_hides_every_base_of_its_ref_from_the_probes(tmp_path):
    letters = "".join("ACGT"[c] for c in GENOME.codes("chr1", 0, 4_000))
    out, content = planned(tmp_path, GENOME, [[("chr1", 0, 0, letters, letters[0])]])
    probes = tables.read(out / "probes.parquet").to_pandas()
    assert (probes.loc[probes["contig_index"] == 0, "pos"] >= 4_000).all()
    assert content["counts"]["allele_status"] == {"TOO_LONG": 1}


def test_plan_says_what_was_drawn(tmp_path):
    _, content = planned(tmp_path, GENOME, [snv_rows(GENOME, range(100, 500))])
    assert content["spectrum"] == "default"
    assert content["matched_surprisal"] is True
    assert (
        content["block_bp"] == content["usable_bp"] // 64
    )  # too small a genome for blocks of four windows
    assert sum(content["substitutions"].values()) == 400
    assert documents.read_json(tmp_path / "plan" / "plan.json") == content


def test_null_controls_are_given_some_of_the_probes_whatever_the_shard_size(tmp_path):
    out, content = planned(
        tmp_path / "a", GENOME, [snv_rows(GENOME, range(100, 500))], probes=2_000
    )
    other, _ = planned(
        tmp_path / "b",
        GENOME,
        [snv_rows(GENOME, range(100, 500))],
        probes=2_000,
        shard_size=50,
    )
    permuted, shuffled = (
        tables.read(out / "shards" / f"{kind}_00000.parquet").to_pandas()
        for kind in vocabulary.NEGATIVE_CONTROLS
    )
    assert permuted.equals(shuffled)
    assert permuted.equals(
        tables.read(other / "shards" / "permuted_weights_00000.parquet").to_pandas()
    )
    assert content["counts"]["control_sites"] == 2 * len(permuted)
    assert 0.9 * vocabulary.CONTROL_PROBES < len(permuted) <= vocabulary.CONTROL_PROBES
    probes = tables.read(out / "probes.parquet").to_pandas()
    assert set(zip(permuted["contig_index"], permuted["pos"], strict=True)) <= set(
        zip(probes["contig_index"], probes["pos"], strict=True)
    )
    assert permuted[["contig_index", "pos"]].equals(
        permuted[["contig_index", "pos"]].sort_values(["contig_index", "pos"], ignore_index=True)
    )


@pytest.mark.bad_input
def test_zero_records_still_make_one_shard_and_probes(tmp_path):
    out, content = planned(tmp_path, GENOME, [[]])
    assert content["counts"]["alleles"] == 0
    assert content["counts"]["probes"] == 200
    assert sum(len(shard) for shard in shards_of(out)) == content["counts"]["probe_sites"]
    assert len(tables.read(out / "alleles.parquet")) == 0


@pytest.mark.bad_input
def test_statuses_are_kept_for_every_allele(tmp_path):
    rows = [
        ("odd", -1, 4, "A", "C"),
        ("chr1", 0, -1, "N", "A"),
        ("chr1", 0, 5, "ACGT"[(GENOME.codes("chr1", 5, 6)[0] + 1) % 4], "<DEL>"),
        ("chr1", 0, 8_000, "A", "C"),
        ("chr2", 1, 5, "N", "A"),
    ]
    out, content = planned(tmp_path, GENOME, [rows])
    assert content["counts"]["allele_status"] == {
        "AMBIGUOUS_BASE": 1,
        "NO_CONTIG": 1,
        "OUT_OF_RANGE": 2,
        "SYMBOLIC": 1,
    }
    assert content["counts"]["variant_sites"] == 0
    assert len(tables.read(out / "alleles.parquet")) == 5


@pytest.mark.bad_input
def test_include_leaves_the_rest_not_selected(tmp_path):
    _, content = planned(
        tmp_path, GENOME, [snv_rows(GENOME, [10, 20, 30])], include=Spans(chr1=[(15, 25)])
    )
    assert content["counts"]["allele_status"] == {"NOT_SELECTED": 2, "SCORED": 1}


@pytest.mark.bad_input
def test_shard_size_below_one_is_refused(tmp_path):
    with pytest.raises(UsageError, match="shard_size: 0"):
        planned(tmp_path, GENOME, [[]], shard_size=0)


@pytest.mark.slow
def test_a_hundred_thousand_contigs_make_no_more_shards_than_one(tmp_path):
    text = "ACGTTGCAACGGTACCATGA" * 5
    genome = FakeGenome(**{f"s{i}": text for i in range(100_000)})
    rows = [(f"s{i}", i, 50, "G", "A") for i in range(0, 100_000, 10)]
    _, content = planned(tmp_path, genome, [rows], shard_size=5_000)
    assert content["counts"]["variant_sites"] == sum(text[50] == "G" for _ in rows)
    assert content["counts"]["shards"] == -(-content["counts"]["sites"] // 5_000)


def test_a_bed_file_with_few_of_the_variants_is_no_class_of_its_own(tmp_path):
    regions = {"wide": Spans(chr1=[(0, 4_000)]), "narrow": Spans(chr1=[(5_000, 5_100)])}
    out, content = planned(
        tmp_path,
        GENOME,
        [snv_rows(GENOME, range(0, 8_000, 5))],
        regions,
        probes=6_000,
        shard_size=10_000,
    )
    assert content["region_classes"] == ["wide"]  # half of the variants against an eightieth
    sites = shards_of(out)[0]
    outside = sites[sites["region_class"] != "wide"]
    assert len(outside) < len(sites)
    assert (outside["region_class"] == outside["copy_class"]).all()
    assert set(outside["copy_class"]) <= {name.value for name in CopyClass}
    assert content["counts"]["region_bases"] == 4_100


def test_the_digest_of_a_region_class_is_that_of_its_bases(tmp_path):
    """A frozen calibration is for the bases of a BED file, not for its name."""
    digests = []
    for number, end in enumerate((4_000, 10**12, 4_001)):
        regions = Regions({"wide": Spans(chr1=[(0, end)]), "no_class": Spans(chr1=[(0, 9)])})
        digests.append(replace(regions, class_names=("wide",)).digests(GENOME))
        assert list(digests[number]) == ["wide"]
    assert len({one["wide"] for one in digests}) == 3
    beyond = Regions({"wide": Spans(chr1=[(0, 8_000)])}, ("wide",))
    assert beyond.digests(GENOME) == digests[1]  # an end beyond the contig adds no base
    assert Regions({"wide": Spans()}).digests(GENOME) == {}
    rows = [snv_rows(GENOME, range(0, 8_000, 5))]
    _, content = planned(tmp_path, GENOME, rows, {"wide": Spans(chr1=[(0, 4_000)])}, probes=6_000)
    assert content["region_digests"] == digests[0]


def test_region_bases_are_sampled_within_the_contig():
    """A BED may state an end far beyond a contig of unknown length: hardly a base was drawn, so that
    the cells of the regions had no probes."""
    regions = Regions({"all": Spans(chr1=[(100, 10**12)], chr2=[(0, 360)])})
    contig, pos = regions.sample(GENOME, 500, np.random.default_rng(1))
    assert len(pos) == 500
    assert set(contig.tolist()) == {0, 1}
    assert ((pos >= 0) & (pos < np.where(contig == 0, 8_000, 360))).all()
    assert pos[contig == 0].max() > 7_000
