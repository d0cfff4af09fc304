"""A shard scored with a store: the same bytes as without one, and no pass for what is stored."""

import logging
import types

import numpy as np
import pytest
import toy_models
from fake_genome import genome_letters
from planned_run import GENOME, planned, snv_rows
from stored_rows import flip

from gfmtrust.bundle import permuted_weights
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.cli import main as cli
from gfmtrust.core.errors import InternalError
from gfmtrust.core.vocabulary import ShardKind
from gfmtrust.planning import variant_probes
from gfmtrust.planning.shards import planned_shards
from gfmtrust.readers import reader as readers
from gfmtrust.readers.registry import reader_of
from gfmtrust.scoring import shard
from gfmtrust.scoring.options import ScoringOptions
from gfmtrust.store import files, merge


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The toy bundle and a plan with SNVs, indels and a region, whose shards have probes too."""
    folder = tmp_path_factory.mktemp("stored")
    codes = GENOME.codes("chr1", 0, 8_000)
    indels = [
        ("chr1", 0, pos, "".join("ACGT"[code] for code in codes[pos : pos + 3]), "ACGT"[codes[pos]])
        for pos in range(2_000, 3_000, 50)
    ]
    rows = sorted(snv_rows(GENOME, range(100, 400, 3)) + indels, key=lambda row: row[2])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(variant_probes, "PAIR_LIMITS", (10, 20))
        plan_dir = planned(folder, GENOME, [rows])[0]
    return toy_models.write_toy(folder / "toy"), planned_shards(plan_dir)


def scored(run, path, store=None, **options):
    result = shard.score_shard(
        reader_of(run[0]), GENOME, path, ScoringOptions("default", score_store=store, **options)
    )
    if store:
        result.answers.write(store)
    return result


def of_kind(run, kind):
    return [path for planned_shard, path in run[1].items() if planned_shard.kind == kind]


def contents(result, folder):
    result.write(folder)
    return (folder / f"toy.{result.name}.parquet").read_bytes()


@pytest.mark.parametrize("kind", [ShardKind.SITES, ShardKind.VARIANTS])
def test_a_stored_shard_has_the_same_bytes_and_no_pass(run, tmp_path, kind):
    for path in of_kind(run, kind):
        without = scored(run, path)
        first, second = (scored(run, path, tmp_path / "stores" / path.stem) for _ in range(2))
        assert first.metrics.passes == without.metrics.passes > 0
        assert second.metrics.passes == 0
        answered = int((second.scores.status == "").sum())
        assert second.metrics.stored_sites == answered > 0
        assert (second.metrics.stored_variants > 0) == (kind == ShardKind.VARIANTS)
        expected = contents(without, tmp_path / "without")
        assert contents(first, tmp_path / "first") == expected
        assert contents(second, tmp_path / "second") == expected


def test_half_a_store_is_completed(run, tmp_path):
    """Every second row is taken out of the store: the sites between them are scored alone."""
    path = of_kind(run, ShardKind.SITES)[0]
    without = scored(run, path)
    first = scored(run, path, tmp_path / "store")
    scope = first.answers.site_rows.scope
    whole = files.row_files(tmp_path / "store", scope)[0]
    rows = np.load(whole)
    whole.unlink()
    files.write_rows(tmp_path / "store", scope, [rows[::2]])
    half = scored(run, path, tmp_path / "store")
    assert 0 < half.metrics.passes < without.metrics.passes
    assert contents(half, tmp_path / "half") == contents(without, tmp_path / "without")
    merge.merge_stores([tmp_path / "store"], tmp_path / "store")
    assert np.load(files.row_files(tmp_path / "store", scope)[0]).tobytes() == rows.tobytes()
    assert scored(run, path, tmp_path / "store").metrics.passes == 0


def test_letters_decide_and_not_positions(run, tmp_path):
    """A genome that has the same letters a base further right uses every row but those at the
    start; one with other letters at the same places uses none."""
    bundle, text = run[0], genome_letters(7, 600)
    for name, letters in (("one", text), ("moved", "G" + text), ("other", genome_letters(8, 600))):
        (tmp_path / f"{name}.fa").write_text(f">c\n{letters}\n")
    first, moved, other = (
        precomputed(tmp_path, bundle, name, shift)
        for name, shift in (("one", 0), ("moved", 1), ("other", 0))
    )
    assert (first, moved, other) == (0, 400, 0)


def precomputed(folder, bundle, name, shift):
    """How many of 400 sites of a genome are in the store, which has them afterwards."""
    from gfmtrust.io.genome import Genome
    from gfmtrust.readers.options import ReadingOptions
    from gfmtrust.store.answers import Answers, StoredAnswers

    reader = reader_of(bundle)
    scorer = reader.open_scorer("cpu", 1, None, False)
    plain = Answers(reader, scorer, Genome.open(folder / f"{name}.fa"), ReadingOptions())
    answers = StoredAnswers.open(plain, "cpu", folder / "store")
    answers.score_sites(np.zeros(400, np.int64), np.arange(100, 500) + shift)
    answers.write(folder / "store")
    return answers.sites


@pytest.mark.parametrize("kind", [ShardKind.PERMUTED_WEIGHTS, ShardKind.SHUFFLED_WINDOWS])
def test_a_stored_control_has_the_same_bytes_and_no_pass(run, tmp_path, monkeypatch, kind):
    monkeypatch.setattr(permuted_weights, "MIN_VALUES", 100)
    (path,) = of_kind(run, kind)
    without = scored(run, path)
    first, second = (scored(run, path, tmp_path / "store") for _ in range(2))
    assert first.metrics.passes == without.metrics.passes > 0
    assert second.metrics.passes == 0
    expected = contents(without, tmp_path / "without")
    assert contents(second, tmp_path / "second") == expected


@pytest.mark.bad_input
def test_permuted_weights_never_answer_for_the_model(run, tmp_path, monkeypatch):
    """The sites of the control are scored with the weights as they are afterwards: not a row of the
    control is used, and the other way round."""
    monkeypatch.setattr(permuted_weights, "MIN_VALUES", 100)
    control = of_kind(run, ShardKind.PERMUTED_WEIGHTS)[0]
    sites = of_kind(run, ShardKind.SITES)[0]
    scored(run, control, tmp_path / "store")
    after = scored(run, sites, tmp_path / "store")
    assert after.metrics.stored_sites == 0
    assert after.metrics.passes == scored(run, sites).metrics.passes
    again = scored(run, control, tmp_path / "store")
    assert again.metrics.passes == 0
    assert len(list((tmp_path / "store").iterdir())) == 2


@pytest.mark.bad_input
def test_damaged_rows_are_scored_again_and_counted(run, tmp_path, caplog):
    path = of_kind(run, ShardKind.SITES)[0]
    without = scored(run, path)
    scored(run, path, tmp_path / "store")
    for stored in (tmp_path / "store").rglob("*.npy"):
        for row in range(5):
            flip(stored, -9 - 40 * row)
    with caplog.at_level(logging.WARNING):
        again = scored(run, path, tmp_path / "store")
    assert 0 < again.metrics.dropped_rows <= 5
    assert f"{again.metrics.dropped_rows} damaged rows" in caplog.text
    assert again.metrics.passes > 0
    assert contents(again, tmp_path / "a") == contents(without, tmp_path / "b")


@pytest.mark.bad_input
@pytest.mark.parametrize("change", ["model", "views", "neighbours", "max_n", "reading"])
def test_a_run_with_other_settings_uses_no_row(run, tmp_path, monkeypatch, change):
    path = of_kind(run, ShardKind.SITES)[0]
    scored(run, path, tmp_path / "store")
    bundle, options = run[0], ScoringOptions("default", score_store=tmp_path / "store")
    if change == "model":
        bundle = toy_models.write_toy(tmp_path / "toy", toy_models.table(5))
    elif change == "reading":
        monkeypatch.setattr("gfmtrust.store.answers.READING_VERSION", 99)
    else:
        value = {"views": "fast", "neighbours": False, "max_n": 0.2}[change]
        options = ScoringOptions(**{**options.__dict__, change: value})
    result = shard.score_shard(reader_of(bundle), GENOME, path, options)
    assert result.metrics.stored_sites == 0
    assert result.metrics.passes > 0


@pytest.mark.bad_input
def test_an_answer_outside_the_alphabet_is_an_answer_and_a_failure_of_the_runtime_is_none(
    run, tmp_path, monkeypatch
):
    """Mass 0.9 outside A, C, G, T comes again; the runtime failed where it is 1."""
    path = of_kind(run, ShardKind.SITES)[0]
    whole = readers.Reader.answer_sites

    def elsewhere(self, scorer, genome, contig_index, pos, options):
        scores = whole(self, scorer, genome, contig_index, pos, options)
        for mass, rows in ((0.9, pos % 10 == 0), (1.0, pos % 10 == 1)):
            scores.off_alphabet[rows] = mass
            scores.probs[rows], scores.status[rows] = np.nan, "MODEL_ERROR"
        return scores

    monkeypatch.setattr("gfmtrust.readers.site_scores.MAX_BAD_SHARE", 1.0)
    monkeypatch.setattr(readers.Reader, "answer_sites", elsewhere)
    first, second = (scored(run, path, tmp_path / "store") for _ in range(2))
    pos = first.rows["pos"].to_numpy()
    assert (first.scores.status[pos % 10 <= 1] == "MODEL_ERROR").all()
    assert second.metrics.stored_sites == len(pos) - (pos % 10 == 1).sum()
    assert contents(second, tmp_path / "b") == contents(first, tmp_path / "a")


@pytest.mark.bad_input
def test_failed_sites_are_judged_over_the_whole_shard(run, tmp_path, monkeypatch):
    """Two sites without an answer end no run of thousands, although they alone are scored anew;
    the same share of failures is refused with and without a store."""
    path = of_kind(run, ShardKind.SITES)[0]
    scored(run, path, tmp_path / "store")
    monkeypatch.setattr("gfmtrust.readers.site_scores.MAX_BAD_SHARE", 0.05)
    whole = readers.Reader.answer_sites

    def failing(every):
        def answer_sites(self, scorer, genome, contig_index, pos, options):
            scores = whole(self, scorer, genome, contig_index, pos, options)
            bad = (scores.status == "") & (pos % every == 0)
            scores.probs[bad] = np.nan
            scores.status[bad] = "NONFINITE"
            return scores

        return answer_sites

    scope = scored(run, path, tmp_path / "store").answers.site_rows.scope
    stored = files.row_files(tmp_path / "store", scope)[0]
    rows = np.load(stored)
    stored.unlink()
    files.write_rows(tmp_path / "store", scope, [rows[4:]])
    monkeypatch.setattr(readers.Reader, "answer_sites", failing(1))
    result = scored(run, path, tmp_path / "store")
    assert int((result.scores.status == "NONFINITE").sum()) == 4 > 0.05 * 4
    assert scored(run, path, tmp_path / "store").metrics.passes > 0, "a failure is not stored"
    with pytest.raises(InternalError, match="not finite"):
        scored(run, path, tmp_path / "empty")


@pytest.mark.bad_input
def test_a_full_disk_of_the_store_loses_no_score(run, tmp_path, monkeypatch, capsys):
    (tmp_path / "genome.fa").write_text(
        "".join(
            f">{name}\n{''.join('ACGTNN'[code] for code in GENOME.codes(name, 0, length))}\n"
            for name, length in GENOME.contigs.items()
        )
    )
    path = of_kind(run, ShardKind.SITES)[0]
    arguments = ["score_sites", "--fasta", tmp_path / "genome.fa", "--bundle", run[0].directory]
    arguments += ["--shard", path, "--score_store", tmp_path / "store", "--device", "cpu"]

    def call(out):
        return cli.main([str(one) for one in [*arguments, "--out_dir", tmp_path / out]])

    monkeypatch.setattr(files.uuid, "uuid4", lambda: types.SimpleNamespace(hex="next"))
    reader = reader_of(Bundle.open(run[0].directory))
    scope = scored(run, path, tmp_path / "other").answers.site_rows.scope
    assert scope.bundle_sha256 == reader.model.sha256
    folder = files.scope_folder(tmp_path / "store", scope)
    folder.mkdir(parents=True)
    (folder / "next.part").symlink_to("/dev/full")
    capsys.readouterr()
    assert call("full") == 74
    line = capsys.readouterr().err.splitlines()[-1]
    assert line.startswith(f"gfmtrust: score store {tmp_path / 'store'}: no space left on device;")
    assert not list((tmp_path / "store").rglob("*.npy"))
    assert call("room") == 0
    assert list((tmp_path / "store").rglob("*.npy"))
    name = f"toy.{path.stem}.parquet"
    assert (tmp_path / "full" / name).read_bytes() == (tmp_path / "room" / name).read_bytes()


def test_new_rows_go_where_they_are_told(run, tmp_path):
    """The store stays as it is, and the merged store answers everything."""
    path = of_kind(run, ShardKind.SITES)[0]
    result = scored(run, path)
    assert result.answers.write(tmp_path / "store") == 0
    scored(run, path, tmp_path / "store")
    merge.merge_stores([tmp_path / "store"], tmp_path / "merged")
    assert scored(run, path, tmp_path / "merged").metrics.passes == 0
