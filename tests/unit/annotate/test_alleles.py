"""From score tables to flags: probes, calibration step, allele table and region bases, on models
written by hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from fake_scores import knows, uniform
from finished_run import finished, noisy
from planned_run import GENOME, planned, snv_rows

from gfmtrust.annotate import bases_table
from gfmtrust.annotate.alleles import annotate_sites
from gfmtrust.calibration.ensemble import ScoreTables
from gfmtrust.calibration.options import Options
from gfmtrust.core.alphabet import decode
from gfmtrust.core.errors import ConfigurationError, InternalError
from gfmtrust.core.mutation import mutation_class
from gfmtrust.io import tables
from gfmtrust.io.vcf.info_texts import info_texts

pytestmark = pytest.mark.long


def test_a_model_that_knows_half_of_the_sites_is_high_there_and_low_elsewhere(tmp_path):
    fitted, sites, bases, counts = finished(tmp_path, noisy, snv_rows(GENOME, range(100, 1_600, 5)))
    assert "HIGH" in fitted.outcome
    even = sites["pos"] % 2 == 0
    unique = even & (sites["region_class"] == "single_copy")
    assert (sites.loc[unique, "conf"] == "HIGH").mean() > 0.6
    assert (sites.loc[unique, "rank"] >= 2).mean() > 0.95
    assert unique.sum() > 100
    assert (
        sites.loc[~even, "conf"] == "LOW"
    ).mean() > 0.9  # a certified cut-off may let some coins in: 5 % of errors, not none
    assert counts["SCORED"] == len(sites) == 300
    assert (sites["llr"] < 0).all() or (sites.loc[even, "llr"] < 0).all()
    # too small a BED file to be a class of its own: its bases have the certificate of their cell
    # in the genome, for which probes are drawn although no SNV of the run is a transition
    cell, even = cells_of(bases, tmp_path / "plan", fitted.options.seed), bases["pos"] % 2 == 0
    rank = bases["rank"]
    assert (rank[even & (cell == "single_copy/transversion")] >= 2).mean() > 0.9
    assert (rank[even & (cell == "single_copy/transition")] >= 2).mean() > 0.9
    assert (rank[cell.str.startswith("near_copy")] < 3).all()


OF_A_FLAG = ["status", "rank", "conf", "why", "basis", "rel", "llr", "llr_sd", "ent", "dis"]
OF_A_FLAG += ["gain", "copies", "pct", "models_pct", "models_sd"]


def test_an_snv_has_one_flag_however_it_is_written(tmp_path):
    """Beside a deletion, callers write an SNV with the letters of the deletion (AC>AT). It was LOW
    and UNCERTIFIED, because a variant had no mutation class, and so no certificate."""
    letters = decode(GENOME.codes("chr1", 0, 2_000))
    plain = snv_rows(GENOME, range(100, 1_600, 5))
    rows = list(plain)
    for contig, index, pos, ref, alt in plain[::14]:
        rows.append((contig, index, pos, ref + letters[pos + 1], alt + letters[pos + 1]))
        rows.append((contig, index, pos - 1, letters[pos - 1] + ref, letters[pos - 1] + alt))
    rows.append(("chr1", 0, 99, letters[99:102], letters[99]))  # a deletion has no such class
    models = ("a", "b")
    fitted = finished(tmp_path, noisy, sorted(rows), models=models)[0]
    scores = ScoreTables([tmp_path / "scores"], [*models, "context_model"])
    of_run = [
        tmp_path / "calibration" / f"{name}.parquet" for name in ("background", "model_ranks")
    ]
    annotate_sites(tmp_path / "plan", scores, fitted, tmp_path / "again", *of_run)
    sites = tables.read(tmp_path / "again" / "sites.parquet").to_pandas()
    is_plain = sites["var_pos"] < 0
    place = np.where(is_plain, sites["pos"], sites["var_pos"])
    sites = sites.assign(place=place).set_index("place")
    written_plainly, others = sites[is_plain.to_numpy()], sites[~is_plain.to_numpy()]
    deletion = others[others["var_alt"] == ""]
    assert deletion["mutation_class"].isna().tolist() == [True]
    others = others[others["var_alt"] != ""]
    assert len(others) == 2 * len(plain[::14])
    assert (others["rank"] == 2).sum() > 20
    assert others[["pct", "models_pct"]].notna().any().all()
    pd.testing.assert_frame_equal(
        others[OF_A_FLAG], written_plainly.loc[others.index, OF_A_FLAG], check_exact=True
    )


def test_what_a_table_of_single_alleles_does_not_score_is_unsupported(tmp_path):
    """A base with a score of another ALT is no scored allele: the run ended with 70 at an MNV, and
    bases of BED files were SCORED with rank 0."""

    def of_one_alt(site, _strand, _member):
        base = np.minimum(site["base"].to_numpy(int), 3)
        probs = np.full((len(site), 4), np.nan)
        for letter, value in ((base, 0.9), ((base + 1) % 4, 0.1)):
            probs[np.arange(len(site)), letter] = value
        return probs

    plain = snv_rows(GENOME, range(100, 900, 10))
    ref = decode(GENOME.codes("chr1", 500, 502))
    other = "".join("ACGT"[("ACGT".index(letter) + 2) % 4] for letter in ref)
    rows = sorted([*plain, ("chr1", 0, 500, ref, other)])
    _, sites, bases, counts = finished(tmp_path, of_one_alt, rows, quantity="score")
    assert (counts["SCORED"], counts["UNSUPPORTED"]) == (len(plain), 1)
    for table in (sites, bases):
        assert set(table["status"]) == {"SCORED", "UNSUPPORTED"}
        assert ((table["rank"] > 0) == (table["status"] == "SCORED")).all()
    assert len(info_texts(tables.read(tmp_path / "sites" / "sites.parquet"))) == len(sites)


def cells_of(bases: pd.DataFrame, plan_dir, seed: int) -> pd.Series:
    """Copy class and mutation class of each base against its decoy."""
    shards = pd.concat(
        [tables.read(path).to_pandas() for path in (plan_dir / "shards").glob("shard_*.parquet")]
    )
    rows = bases[["contig_index", "pos"]].merge(shards, on=["contig_index", "pos"], how="left")
    place = [rows[name].to_numpy(np.int64) for name in ("contig_index", "pos", "base")]
    decoy = bases_table.decoys(*place, seed)
    kind = mutation_class(place[2], decoy, rows["left"].to_numpy(), rows["right"].to_numpy())
    return rows["copy_class"] + "/" + kind


def test_models_of_whole_tokens_alone_rank_alleles_but_have_no_entropy_and_no_high(tmp_path):
    """The same answers as likelihoods: every LLR as before, nothing that needs a distribution, and
    the reason named."""
    rows = snv_rows(GENOME, range(100, 1_600, 5))
    _, before, _, _ = finished(tmp_path / "direct", noisy, rows)
    fitted, sites, bases, counts = finished(
        tmp_path / "likelihood", noisy, rows, quantity="likelihood"
    )
    for name in ("llr", "llr_sd", "sign_agreement"):
        np.testing.assert_array_equal(sites[name], before[name])
    assert sites[["ent", "dis", "gain", "strand_jsd"]].isna().all(axis=None)
    assert bases[["ent", "dis", "gain", "strand_jsd", "surprisal"]].isna().all(axis=None)
    assert counts["SCORED"] == len(sites) == 300
    assert set(sites["conf"]) == {"MEDIUM", "LOW"}
    even = (sites["pos"] % 2 == 0) & (sites["region_class"] == "single_copy")
    assert (sites.loc[even, "conf"] == "MEDIUM").all()
    assert sites["why"].str.contains("NO_DISTRIBUTION").all()
    assert not before["why"].str.contains("NO_DISTRIBUTION", na=False).any()
    assert "ent" not in {term.name for term in fitted.snv.reliability.terms}


def test_null_controls_that_guess_leave_the_flags_alone(tmp_path):
    fitted, sites, _, _ = finished(tmp_path, noisy, snv_rows(GENOME, range(100, 1_600, 5)))
    assert [(null.name, null.n_high, null.n_medium) for null in fitted.controls] == [
        ("permuted weights", 0, 0),
        ("shuffled windows", 0, 0),
    ]
    assert all(
        null.n >= 590 and abs(null.error - 0.5) < 3 * 0.5 / np.sqrt(null.n)
        for null in fitted.controls
    )
    assert fitted.high_withheld == ""
    assert (sites["conf"] == "HIGH").sum() > 100


@pytest.mark.bad_input
def test_a_null_control_that_finds_the_base_withdraws_high_from_the_run(tmp_path):
    """What a leak of the site into its own window would do: the twin of a model that knows knows as
    well."""
    fitted, sites, _, _ = finished(
        tmp_path, noisy, snv_rows(GENOME, range(100, 1_600, 5)), null=knows(0.9)
    )
    assert all(null.n_high > 300 and null.error == 0 for null in fitted.controls)
    assert (
        fitted.high_withheld
        == "a negative control earned a flag (permuted weights, shuffled windows)"
    )
    assert not (sites["conf"] == "HIGH").any()


@pytest.mark.bad_input
def test_a_null_control_without_answers_says_nothing(tmp_path):
    fitted, *_ = finished(
        tmp_path,
        noisy,
        snv_rows(GENOME, range(100, 1_600, 5)),
        null=lambda site, *_: np.full((len(site), 4), np.nan),
    )
    assert [(null.n, null.error) for null in fitted.controls] == [(0, None)] * 2
    assert fitted.high_withheld == ""


def test_permuted_alts_lie_far_from_alts_a_model_tells_apart(tmp_path):
    """Every ALT is what the model likes least there, which is another base at odd positions;
    permuted, half of them are not."""

    def disliked(pos, base):
        return (base + 1 + pos % 2) % 4

    def answer(site, _strand, _member):
        probs = np.full((len(site), 4), 0.3)
        probs[
            np.arange(len(site)),
            disliked(site["pos"].to_numpy(), np.minimum(site["base"].to_numpy(int), 3)),
        ] = 0.1
        return probs

    bases = [(pos, int(GENOME.codes("chr1", pos, pos + 1)[0])) for pos in range(100, 900, 3)]
    rows = [("chr1", 0, pos, "ACGT"[base], "ACGT"[disliked(pos, base)]) for pos, base in bases]
    assert finished(tmp_path / "a", answer, rows)[0].alt_distance == pytest.approx(0.5, abs=0.12)
    assert finished(tmp_path / "b", uniform, rows)[0].alt_distance == 0


def test_llr_and_entropy_are_those_of_the_written_distribution(tmp_path):
    _, sites, bases, _ = finished(tmp_path, knows(0.7))
    assert np.allclose(sites["llr"], np.log(0.1 / 0.7), atol=1e-5)
    entropy = -(0.7 * np.log2(0.7) + 3 * 0.1 * np.log2(0.1))
    assert np.allclose(sites["ent"], entropy, atol=1e-5)
    is_base = bases["base"] != "N"
    assert np.allclose(bases.loc[is_base, "surprisal"], -np.log2(0.7), atol=1e-5)
    assert (~bases.loc[is_base, "wrong"]).all()
    assert (sites["dis"].abs() < 1e-6).all()


@pytest.mark.bad_input
def test_a_constant_model_earns_no_flag(tmp_path):
    fitted, sites, bases, counts = finished(
        tmp_path, lambda site, strand, member: np.tile([0.1, 0.2, 0.3, 0.4], (len(site), 1))
    )
    assert counts.get("HIGH", 0) == counts.get("MEDIUM", 0) == 0
    assert (sites["conf"] == "LOW").all()
    assert (bases["rank"] <= 1).all()
    assert sites["why"].str.contains("UNCERTIFIED").all()


@pytest.mark.bad_input
def test_alleles_that_cannot_be_scored_keep_their_reason_and_rank_zero(tmp_path):
    rows = [
        ("odd", -1, 4, "A", "C"),
        *snv_rows(GENOME, range(100, 200, 10)),
        ("chr2", 1, 5, "N", "A"),
    ]
    _, sites, bases, counts = finished(tmp_path, knows(0.7), rows)
    assert sites["contig"].tolist() == ["odd"] + ["chr1"] * 10 + ["chr2"]
    assert sites["status"].iloc[[0, -1]].tolist() == ["NO_CONTIG", "AMBIGUOUS_BASE"]
    assert sites["rank"].iloc[[0, -1]].tolist() == [0, 0]
    assert sites[["llr", "rel", "ent"]].iloc[[0, -1]].isna().all(axis=None)
    assert counts["NOT_SCORED"] == 2
    assert sum(counts[name] for name in ("SCORED", "NO_CONTIG", "AMBIGUOUS_BASE")) == 12


def test_frequencies_pass_to_the_sites_and_an_unknown_one_is_nan(tmp_path):
    called, stated, unknown = snv_rows(GENOME, [100, 200, 300])
    finished(
        tmp_path, knows(0.7), [(*called, (3, 12, 0, 0, 12)), (*stated, (0, 0, 0.5, 1, 0)), unknown]
    )
    sites = tables.read(tmp_path / "sites" / "sites.parquet", ["af", "an"])
    assert sites["af"].to_pylist() == pytest.approx([0.25, 0.5, np.nan], nan_ok=True)
    assert sites["an"].to_pylist() == [12, 0, 0]
    assert sites["af"].null_count == 0


def test_shard_size_changes_no_byte_of_the_tables(tmp_path, monkeypatch):
    original = planned
    for folder, size in (("one", 10**6), ("many", 37)):
        (tmp_path / folder).mkdir()
        monkeypatch.setattr(
            "finished_run.planned",
            lambda *a, _size=size, **k: original(*a, **k | {"shard_size": _size}),
        )
        finished(tmp_path / folder, knows(0.6))
    for name in (
        "sites/sites.parquet",
        "sites/bases.parquet",
        "calibration/calibration.json",
        "calibration/probes.scored.parquet",
    ):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "many" / name).read_bytes(), (
            name
        )


def test_a_frozen_calibration_gives_the_same_flags_and_keeps_its_thresholds(tmp_path):
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    fitted, sites, _, _ = finished(
        tmp_path / "first", noisy, snv_rows(GENOME, range(100, 1_600, 5))
    )
    again, later, _, _ = finished(
        tmp_path / "second",
        noisy,
        snv_rows(GENOME, range(100, 1_200, 5)),
        frozen=tmp_path / "first" / "calibration" / "calibration.json",
    )
    assert again.snv.certificates == fitted.snv.certificates
    both = sites.merge(later, on=["contig", "pos", "ref", "alt"])
    assert len(both) == 220
    even = both["pos"] % 2 == 0  # at odd positions the toy says something else in another run
    assert (both.loc[even, "conf_x"] == both.loc[even, "conf_y"]).all()


@pytest.mark.bad_input
def test_a_frozen_calibration_of_other_models_is_refused(tmp_path):
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    finished(tmp_path / "first", knows(0.6))
    with pytest.raises(ConfigurationError, match="calibration is for"):
        finished(
            tmp_path / "second",
            knows(0.6),
            models=("b",),
            frozen=tmp_path / "first" / "calibration" / "calibration.json",
        )


@pytest.mark.bad_input
def test_levels_the_wrong_way_round_are_refused(tmp_path):
    with pytest.raises(ConfigurationError, match="alpha_high"):
        replace(Options(), alpha_high=0.3).check()


def test_decoys_are_never_the_base_and_fall_on_the_others_alike():
    base = np.tile([0, 1, 2, 3], 30_000)
    decoy = bases_table.decoys(np.zeros(len(base), np.int32), np.arange(len(base)), base, seed=3)
    assert (decoy != base).all()
    share = np.bincount((decoy - base) % 4, minlength=4)[1:] / len(base)
    assert np.abs(share - 1 / 3).max() < 0.01


def test_models_are_compared_at_the_runs_snvs_and_at_some_of_its_bases(tmp_path):
    _, sites, bases, _ = finished(tmp_path, noisy, snv_rows(GENOME, range(100, 1_600, 5)))
    content = tables.read_json(tmp_path / "sites" / "model_comparison.json")
    assert [(one["id"], one["n"]) for one in content["snvs"]["models"]] == [
        ("a", 300),
        ("context_model", 300),
    ]
    assert content["snvs"]["models"][0]["mean_entropy"] == pytest.approx(
        sites["ent"].mean(), abs=1e-5
    )
    assert content["snvs"]["models"][1]["mean_entropy"] == 2.0
    assert (
        content["bases"]["models"][0]["n"]
        == ((bases["pos"] % 8 == 0) & (bases["status"] == "SCORED") & bases["base"].ne("N")).sum()
    )
    assert content["snvs"]["pairs"][0]["n_jsd"] == 300
    assert (
        content["snvs"]["pairs"][0]["same_sign"] < 1
    )  # the context model here says nothing: its LLR is 0 and has no sign in common


@pytest.mark.bad_input
def test_an_snv_to_score_at_no_site_of_the_shards_is_an_internal_error(tmp_path):
    """Once between two sites of the plan, and once behind the last one."""
    fitted, *_ = finished(tmp_path, knows(0.7))
    plan_dir = tmp_path / "plan"
    shards = [tables.read(path).to_pandas() for path in (plan_dir / "shards").glob("shard_*")]
    sites = {int(pos) for shard in shards for pos in shard.loc[shard["contig_index"] == 0, "pos"]}
    gap = next(pos for pos in range(min(sites), max(sites)) if pos not in sites)
    allele = tables.read(plan_dir / "alleles.parquet").to_pandas().tail(1)
    scores = ScoreTables([tmp_path / "scores"], ["a", "context_model"])
    for contig_index, pos in ((0, gap), (1, 10**6)):
        stray = allele.assign(contig_index=contig_index, pos=pos)
        tables.write(plan_dir / "alleles.parquet", pa.Table.from_pandas(stray), tables.ALLELES)
        with pytest.raises(InternalError, match="at no site"):
            annotate_sites(plan_dir, scores, fitted, tmp_path / "again")
