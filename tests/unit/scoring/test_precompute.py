"""Every base of regions into a table and a store: against the same bases scored as sites."""

import dataclasses
import gzip

import numpy as np
import pysam
import pytest
import toy_models
from fake_genome import genome_letters

from gfmtrust.cli import main as cli
from gfmtrust.core.alphabet import encode
from gfmtrust.core.errors import BadDataError
from gfmtrust.export.external_bundle import ScoresStated
from gfmtrust.export.import_scores import import_scores
from gfmtrust.io.genome import Genome
from gfmtrust.readers.registry import reader_of
from gfmtrust.readers.site_scores import SiteScores
from gfmtrust.scoring import base_table, precompute
from gfmtrust.scoring.precompute import Bases, interval_set


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("precompute")
    letters = genome_letters(1, 700)
    letters = letters[:300] + "N" * 40 + letters[340:]
    (folder / "genome.fa").write_text(f">chr1\n{letters}\n>chr2\n{genome_letters(2, 90)}\n")
    (folder / "regions.bed").write_text("chr2\t10\t60\nchr1\t250\t420\nchr1\t400\t500\n")
    return folder, toy_models.write_toy(folder / "toy")


def call(inputs, out, *arguments, code=0):
    folder, bundle = inputs
    options = ["--fasta", folder / "genome.fa", "--bundle", bundle.directory, "--device", "cpu"]
    options += ["--out", out, "--shard_size", 64, *arguments]
    assert cli.main(["precompute", *map(str, options)]) == code


def rows_of(path):
    text = gzip.decompress(path.read_bytes()).decode().splitlines()
    return [line.split("\t") for line in text if not line.startswith("#")], [
        line for line in text if line.startswith("#")
    ]


def test_the_table_has_what_the_sites_have(inputs, tmp_path):
    folder, bundle = inputs
    bed = folder / "regions.bed"
    call(inputs, tmp_path / "a.tsv.gz", "--regions", bed, "--score_store", tmp_path / "store")
    rows, head = rows_of(tmp_path / "a.tsv.gz")
    assert f"##model_digest={bundle.sha256}" in head
    assert "##views=default (toy/m0/+/s0, toy/m0/-/s0)" in head
    assert head[-1].split("\t")[0] == "#contig"
    genome = Genome.open(folder / "genome.fa")
    asked = [(0, pos) for pos in range(250, 500)] + [(1, pos) for pos in range(10, 60)]
    contig_index, pos = np.array(asked).T
    reader = reader_of(bundle)
    scores = reader.score_sites(
        reader.open_scorer("cpu", 1, None, False), genome, contig_index, pos
    )
    answered = np.flatnonzero(scores.status == "")
    assert 0 < len(answered) < len(asked)
    assert [(row[0], int(row[1]) - 1) for row in rows] == [
        (genome.names[asked[i][0]], asked[i][1]) for i in answered
    ]
    for i, row in zip(answered, rows, strict=True):
        views = scores.probs[i].astype(np.float64)
        mean = views.mean(axis=0)
        assert row[2] == "ACGT"[genome.codes(row[0], pos[i], pos[i] + 1)[0]]
        assert np.allclose([float(value) for value in row[3:7]], np.log(mean), rtol=1e-4)
        bits = -(mean * np.log2(mean)).sum()
        spread = bits + (views * np.log2(views)).sum() / 2
        assert np.allclose([float(value) for value in row[7:]], [bits, spread], atol=1e-5)


def test_tabix_finds_a_base(inputs, tmp_path):
    folder, _ = inputs
    call(inputs, tmp_path / "a.tsv.gz", "--contigs", "chr1", "--score_store", tmp_path / "store")
    rows, _ = rows_of(tmp_path / "a.tsv.gz")
    with pysam.TabixFile(str(tmp_path / "a.tsv.gz")) as table:
        assert table.contigs == ["chr1"]
        lines = list(table.fetch("chr1", 450, 452))
    assert lines == ["\t".join(row) for row in rows if row[1] in ("451", "452")]


def test_parts_joined_are_the_whole(inputs, tmp_path):
    folder, _ = inputs
    store = ("--score_store", tmp_path / "store")
    call(inputs, tmp_path / "whole.tsv.gz", *store)
    parts = [tmp_path / f"{number}.tsv.gz" for number in (1, 2, 3)]
    for number, part in enumerate(parts, 1):
        call(inputs, part, "--part", f"{number}/3", *store)
    assert [len(rows_of(part)[0]) > 0 for part in parts] == [True] * 3
    joined = ["join_tables", "--fasta", folder / "genome.fa", "--out", tmp_path / "joined.tsv.gz"]
    assert cli.main([*map(str, joined), "--tables", *map(str, parts)]) == 0
    assert rows_of(tmp_path / "joined.tsv.gz") == rows_of(tmp_path / "whole.tsv.gz")
    with pysam.TabixFile(str(tmp_path / "joined.tsv.gz")) as table:
        assert len(list(table.fetch("chr2"))) == sum(
            row[0] == "chr2" for row in rows_of(tmp_path / "whole.tsv.gz")[0]
        )


def test_a_stopped_run_goes_on(inputs, tmp_path, monkeypatch, capfd):
    """Stopped in the third shard: the table is absent, two shards are stored and not run again."""
    whole, shards = precompute.StoredAnswers.score_sites, []

    def stopped(self, contig_index, pos):
        shards.append(len(pos))
        if len(shards) == 3:
            raise KeyboardInterrupt
        return whole(self, contig_index, pos)

    given = ("--contigs", "chr1", "--score_store", tmp_path / "store")
    monkeypatch.setattr(precompute.StoredAnswers, "score_sites", stopped)
    call(inputs, tmp_path / "a.tsv.gz", *given, code=130)
    assert not list(tmp_path.glob("a.tsv.gz*"))
    monkeypatch.undo()
    logs = []
    monkeypatch.setattr(precompute.log, "info", lambda text, *values: logs.append(values))
    call(inputs, tmp_path / "a.tsv.gz", *given)
    call(inputs, tmp_path / "b.tsv.gz", *given)
    (_, n_bases, before, passes, _, _), (_, _, all_before, no_passes, n_lines, _) = logs[-2:]
    assert (n_bases, all_before, no_passes) == ("700", n_lines, "0")
    assert 100 < int(before) <= 128
    assert int(passes.replace(",", "")) > 0
    assert (tmp_path / "a.tsv.gz").read_bytes() == (tmp_path / "b.tsv.gz").read_bytes()


def test_bases_are_numbered_through_their_intervals(inputs):
    folder, _ = inputs
    genome = Genome.open(folder / "genome.fa")
    bases = Bases.of(genome, interval_set(genome, [folder / "regions.bed"], "none"))
    listed = [(0, pos) for pos in range(250, 500)] + [(1, pos) for pos in range(10, 60)]
    assert len(bases) == len(listed)
    for first, end in ((0, 300), (0, 0), (249, 251), (299, 300)):
        assert (
            list(zip(*(column.tolist() for column in bases.places(first, end)), strict=True))
            == (listed[first:end])
        )


@pytest.mark.parametrize("is_indexed", [True, False])
def test_a_base_of_which_the_model_is_certain_is_read_back(tmp_path, is_indexed):
    """ln 0 was written as -inf, which is a missing value."""
    (tmp_path / "g.fa").write_text(">c\nACGT\n")
    probs = np.eye(4, dtype=np.float32)[:, None]
    zero = np.zeros(4, np.float32)
    scores = SiteScores(probs, np.full(4, "", object), zero, zero, zero, zero)
    lines, n_rows = base_table.lines_of("c", np.arange(4), encode("ACGT"), scores, True)
    assert n_rows == 4
    path = tmp_path / "t.tsv"
    path.write_bytes(b"#" + "\t".join(base_table.COLUMNS).encode() + b"\n" + lines)
    if is_indexed:
        pysam.tabix_index(str(path), seq_col=0, start_col=1, end_col=1)
        path = tmp_path / "t.tsv.gz"
    stated = ScoresStated(layout="gfmtrust")
    bundle = import_scores(path, "m", tmp_path / "g.fa", tmp_path / "models", stated)
    reader = reader_of(bundle)
    if is_indexed:
        reader = dataclasses.replace(reader, table=path)
    with Genome.open(tmp_path / "g.fa") as genome:
        scorer = reader.open_scorer("cpu", 1, None, False)
        again = reader.score_sites(scorer, genome, np.zeros(4, int), np.arange(4))
    np.testing.assert_allclose(again.probs, probs, atol=1e-30)


@pytest.mark.parametrize(
    ("intervals", "expected"),
    [([], [("chr1", 700), ("chr2", 90)]), (["chr2"], [("chr2", 90)])],
)
def test_a_map_does_not_rename_contigs_of_the_genome(inputs, tmp_path, intervals, expected):
    """A map is for the names of files; without intervals every contig is scored, whatever it says."""
    (tmp_path / "map.tsv").write_text("chr2\tchr1\nchr1\tchr2\n")
    genome = Genome.open(inputs[0] / "genome.fa")
    scored = interval_set(genome, intervals, str(tmp_path / "map.tsv"))
    assert [
        (name, scored.intervals(name).tolist()) for name in ("chr1", "chr2") if name in scored.names
    ] == [(name, [[0, length]]) for name, length in expected]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "line", ["chr3\t0\t10", "chr2\t80\t91", "2\t0\t10"], ids=["contig", "end", "spelling"]
)
def test_intervals_outside_the_genome_are_refused(inputs, tmp_path, line):
    (tmp_path / "bad.bed").write_text(line + "\n")
    genome = Genome.open(inputs[0] / "genome.fa")
    with pytest.raises(BadDataError, match=r"bad.bed: \w+:0-"):
        interval_set(genome, [tmp_path / "bad.bed"], "none")


@pytest.mark.bad_input
@pytest.mark.parametrize("contig_map", ["auto", "map.tsv"])
def test_a_contig_in_the_spelling_of_the_user_is_scored_whole(inputs, tmp_path, contig_map):
    """Its length was looked up under that spelling, which the genome does not have: no base."""
    (tmp_path / "map.tsv").write_text("2\tchr2\n")
    genome = Genome.open(inputs[0] / "genome.fa")
    option = "auto" if contig_map == "auto" else str(tmp_path / contig_map)
    intervals = interval_set(genome, ["2"], option)
    assert {name: intervals.intervals(name).tolist() for name in genome.names} == {
        "chr1": [],
        "chr2": [[0, 90]],
    }
    for name, rule in (("2", "none"), ("3", option)):
        with pytest.raises(BadDataError, match=f"--contigs: {name}; expected contigs of the FASTA"):
            interval_set(genome, [name], rule)


@pytest.mark.bad_input
def test_wrong_options_end_with_their_codes(inputs, tmp_path, capsys):
    folder, _ = inputs
    store, out = ("--score_store", tmp_path / "store"), tmp_path / "a.tsv.gz"
    call(inputs, out, *store, "--contigs", "chrX", code=65)
    call(inputs, out, *store, "--part", "4/3", code=64)
    call(inputs, out, *store, "--contigs", "chr1", "--regions", folder / "regions.bed", code=64)
    assert not out.exists()


@pytest.mark.bad_input
def test_tables_of_two_models_are_not_joined(inputs, tmp_path):
    folder, _ = inputs
    store = ("--score_store", tmp_path / "store", "--contigs", "chr2")
    call(inputs, tmp_path / "a.tsv.gz", *store)
    call(inputs, tmp_path / "b.tsv.gz", *store, "--views", "fast")
    tables = [str(tmp_path / "a.tsv.gz"), str(tmp_path / "b.tsv.gz")]
    joined = ["join_tables", "--fasta", str(folder / "genome.fa"), "--out", str(tmp_path / "c")]
    assert cli.main([*joined, "--tables", *tables]) == 65
    (tmp_path / "plain.tsv").write_text("chr2\t1\n")
    assert cli.main([*joined, "--tables", str(tmp_path / "plain.tsv")]) == 65
