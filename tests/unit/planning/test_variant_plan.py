"""Variants collected in one spelling, and probes that look like them without saying which answer is
right by their length or letters."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from fake_genome import FakeGenome, random_genome

from gfmtrust.copies.index import build
from gfmtrust.core.vocabulary import CopyClass, Status
from gfmtrust.inputs.variants import Variant
from gfmtrust.io import tables
from gfmtrust.planning import variant_plan
from gfmtrust.planning.copy_facts import CopyFacts
from gfmtrust.planning.drawn_probes import Candidates
from gfmtrust.planning.shards import PROBE, VARIANT

pytestmark = pytest.mark.long

GENOME = random_genome(1, 30_000)
TEXT = GENOME._letters["chr1"].upper()


class NoRegions:
    def classes(self, genome, contig_index, pos, copy_class):
        return copy_class


def alleles(*rows, status=Status.SCORED):
    frame = pd.DataFrame(rows, columns=["pos", "ref", "alt"]).assign(
        contig="chr1", contig_index=0, status=status
    )
    return frame[["contig", "contig_index", "pos", "ref", "alt", "status"]]


def collected(*rows, longest=50, genome=GENOME):
    collector = variant_plan.Collector(genome, longest)
    output = collector.add(alleles(*rows))
    return output, collector.variants()


def drawn(variants, genome=GENOME, n_places=8_000, seed=1):
    pos = (
        np.sort(np.random.default_rng(0).choice(np.arange(100, 29_000), n_places, replace=False))
        if n_places
        else np.empty(0, int)
    )
    free = np.ones(len(pos), bool)
    return variant_plan.with_probes(
        variants, genome, Candidates(np.zeros(len(pos), int), pos, free), 512, seed
    )


def run_of_indels(n: int, length: int):
    return collected(
        *[(at, TEXT[at : at + length + 1], TEXT[at]) for at in range(200, 200 + 40 * n, 40)]
    )[1]


def test_plain_snvs_stay_what_they_are():
    output, variants = collected((500, TEXT[500], "ACGT"["CGTA".index(TEXT[500])]))
    assert list(output["var_pos"]) == [-1]
    assert variants.empty


def test_two_spellings_are_one_variant():
    genome = FakeGenome(chr1="GGCAAAAT" * 40)
    output, variants = collected((2, "CA", "C"), (5, "AA", "A"), (5, "AAT", "AT"), genome=genome)
    assert list(output["var_pos"]) == [3, 3, 3]
    assert variants.to_dict("records") == [{"contig_index": 0, "pos": 3, "ref": "A", "alt": ""}]


def test_length_is_judged_once_the_shared_letters_are_gone():
    long = TEXT[700:800]
    last_base = long[:-1] + ("A" if long[-1] != "A" else "C")
    output, variants = collected(
        (700, long, last_base), (700, long, long[0]), (900, TEXT[900], TEXT[900] * 10_001)
    )
    assert list(output["status"]) == [Status.SCORED, Status.TOO_LONG, Status.TOO_LONG]
    assert len(variants) == 1


@pytest.mark.bad_input
@pytest.mark.parametrize("status", [Status.REF_MISMATCH, Status.NO_CONTIG, Status.SYMBOLIC])
def test_what_has_a_status_is_not_looked_at(status):
    collector = variant_plan.Collector(GENOME, 50)
    output = collector.add(alleles((10**9, "AC", "A"), status=status).assign(contig_index=-1))
    assert list(output["status"]) == [status]
    assert collector.variants().empty


def test_indel_probes_come_in_pairs_of_one_place_and_length():
    drawn_rows = drawn(run_of_indels(100, 3))
    probes = drawn_rows[drawn_rows["use"] == PROBE]
    kinds = probes["kind"].to_numpy()
    assert Counter(kinds) == {"DEL": 500, "INS": 500}
    for lost, gained in zip(
        probes[kinds == "DEL"].itertuples(), probes[kinds == "INS"].itertuples(), strict=True
    ):
        assert abs(lost.pos - gained.pos) < 60  # each as far left as it goes
        assert len(lost.ref) == len(gained.alt) == 3


def test_indel_probes_change_the_sequence():
    probes = drawn(run_of_indels(30, 1))
    for row in probes[probes["use"] == PROBE].itertuples():
        assert TEXT[row.pos : row.pos + len(row.ref)] == row.ref
        assert TEXT[: row.pos] + row.alt + TEXT[row.pos + len(row.ref) :] != TEXT


@pytest.mark.parametrize(("unit", "least", "most"), [(True, 1.0, 1.0), (False, 0.0, 0.0)])
def test_tandem_copies_are_as_frequent_as_in_the_run(unit, least, most):
    """A run of deletions that each take one of two equal letters away, and one where none does."""
    rows = [
        (at, TEXT[at : at + 2], TEXT[at])
        for at in range(200, 9_000)
        if (TEXT[at + 1] == TEXT[at + 2]) == unit and TEXT[at] != TEXT[at + 1]
    ][:60]
    probes = drawn(collected(*rows)[1])
    gone = probes[(probes["use"] == PROBE) & (probes["kind"] == "DEL")]
    share = np.mean([TEXT[row.pos + 1] == row.ref for row in gone.itertuples()])
    assert least <= share <= most


def test_mnv_probes_are_balanced_between_the_two_words():
    rows = [(at, "CG", "TA") for at in range(100, 25_000) if TEXT[at : at + 2] == "CG"][:50]
    drawn_rows = drawn(collected(*rows)[1])
    probes = drawn_rows[drawn_rows["use"] == PROBE]
    assert Counter(probes["kind"]) == {"MNV": 500}
    counts = Counter(zip(probes["ref"], probes["alt"], probes["run_oriented"], strict=True))
    assert counts == {("CG", "TA", True): 250, ("TA", "CG", False): 250}
    assert all(TEXT[row.pos : row.pos + 2] == row.ref for row in probes.itertuples())


def test_the_same_seed_draws_the_same_probes():
    run = run_of_indels(30, 2)
    pd.testing.assert_frame_equal(drawn(run), drawn(run))
    assert not drawn(run).equals(drawn(run, seed=2))


@pytest.mark.bad_input
def test_a_run_without_indels_has_no_probes_of_them():
    assert drawn(collected()[1]).empty


@pytest.mark.bad_input
def test_no_place_to_draw_from():
    probes = drawn(run_of_indels(3, 1), n_places=0)
    assert list(probes["use"]) == [VARIANT] * 3


@pytest.mark.bad_input
def test_a_few_indels_draw_the_usual_lengths():
    probes = drawn(run_of_indels(3, 40))
    lengths = probes.loc[(probes["use"] == PROBE) & (probes["kind"] == "DEL"), "ref"].str.len()
    assert 0.2 < (lengths == 1).mean() < 0.8
    assert lengths.max() <= 12


@pytest.mark.long
def test_shards_hold_whole_variants_and_number_them(tmp_path):
    probes = drawn(run_of_indels(40, 5))
    span = probes["ref"].str.len().to_numpy(np.int64)
    asked = probes["contig_index"].to_numpy(np.int64), probes["pos"].to_numpy(np.int64), span
    copies = CopyFacts(build(GENOME, *asked))
    counts = variant_plan.write(GENOME, NoRegions(), copies, probes, tmp_path, 320)
    assert counts == {"variants": 40, "variant_probes": 1_000}
    shards = [
        tables.read(path).to_pandas()
        for path in sorted((tmp_path / "shards").glob("variants_*.parquet"))
    ]
    assert len(shards) == 52
    assert [shard["variant"].nunique() for shard in shards[:-1]] == [20] * 51
    rows = pd.concat(shards)
    assert list(rows["variant"].unique()) == list(range(1_040))
    assert (rows.groupby("variant")["copies"].nunique() == 1).all()  # a fact of the variant
    assert set(rows["copy_class"]) <= {name.value for name in CopyClass}
    assert (rows["region_class"] == rows["copy_class"]).all()
    for variant, sites in list(rows.groupby("variant"))[:60]:
        expected = Variant(
            probes.loc[variant, "pos"], probes.loc[variant, "ref"], probes.loc[variant, "alt"]
        )
        assert list(sites["pos"]) == list(expected.sites(30_000))
    assert (
        rows["base"].to_numpy() == GENOME.windows("chr1", rows["pos"].to_numpy(), 1)[:, 0]
    ).all()
