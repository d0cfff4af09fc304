"""Tables whose model seems to have memorised the genome and says that it never saw one contig, from
the table to the annotated VCF.

Three models, known by construction: one knows the law of the genome; one remembers the letters of
the other contig and guesses on the held-out one; one remembers the letters of the other contig and
knows the law.
"""

from collections import Counter

import numpy as np
import pytest
import table_run
from step_calls import call

from gfmtrust.cli import main as cli
from gfmtrust.io import tables

pytestmark = pytest.mark.long

KNOWN, HELD = table_run.CONTIGS
OPTION = ("--heldout_contigs", HELD)


@pytest.fixture(scope="module")
def genome():
    return table_run.letters(2)


@pytest.fixture(scope="module")
def run(tmp_path_factory, genome):
    """A run with further probes on the held-out contig."""
    folder = tmp_path_factory.mktemp("heldout")
    fasta = table_run.write_fasta(folder / "genome.fa", genome)
    call("fit_context_model", "--fasta", fasta, "--out_dir", folder / "context_model")
    vcf = table_run.write_vcf(folder / "calls.vcf", genome, 1)
    return table_run.planned(folder / "run", fasta, folder / "context_model", vcf, *OPTION)


def result_of(
    run, name: str, on_known: np.ndarray, on_heldout: np.ndarray, *options
) -> table_run.Annotated:
    """The run of a table that is sure of those letters of the two contigs."""
    laws = {KNOWN: table_run.sure_of(on_known), HELD: table_run.sure_of(on_heldout)}
    bundle = table_run.imported(run.folder.parent, run.fasta, name, laws, *options)
    table_run.score(run, bundle)
    return table_run.annotated(run, bundle)


def reasons(result: table_run.Annotated) -> set[str]:
    return {one["reason"] for one in result.calibration["withdrawals"]}


def heldout_lines(result: table_run.Annotated) -> list[str]:
    return [line for line in result.header if line.startswith("##gfmtrustHeldOut=")]


def test_a_model_that_knows_the_law_keeps_high_by_its_held_out_contig(run, genome):
    result = result_of(run, "law", genome.ruled[KNOWN], genome.ruled[HELD], *OPTION)
    assert result.calibration["memory"]["state"] == "suspected"
    assert Counter(result.flags.values())["HIGH"] > 0
    assert not reasons(result)
    (line,) = heldout_lines(result)
    assert f'Contigs="{HELD}",HoldsUp=yes' in line
    verdict = result.calibration["heldout"]
    # a probe is wrong where the rule was not followed: the decoy is the letter of the rule, or a tie
    share = (1 - table_run.LAW) * 3 / 4
    for errors, n in (("errors", "n"), ("errors_others", "n_others")):
        assert verdict[errors] / verdict[n] == pytest.approx(share, abs=0.01)
    snv = result.calibration["classes"]["SNV"]
    assert snv["counts"]["probes"] == pytest.approx(table_run.PROBES, abs=table_run.PROBES / 20)


def test_a_model_that_remembers_all_but_the_held_out_contig_loses_high(run, genome):
    guesses = np.random.default_rng(3).integers(0, 4, table_run.CONTIG_BP)
    result = result_of(run, "guesses", genome.codes[KNOWN], guesses, *OPTION)
    assert result.calibration["memory"]["state"] == "suspected"
    assert Counter(result.flags.values())["HIGH"] == 0
    (line,) = heldout_lines(result)
    assert "HoldsUp=no" in line
    # sure of a random letter: right where that is the real one, which is so in a quarter
    verdict = result.calibration["heldout"]
    assert verdict["errors"] / verdict["n"] == pytest.approx(0.75, abs=0.1)
    assert verdict["errors_others"] == 0


def test_a_model_that_knows_the_law_and_remembers_the_rest_loses_high_too(run, genome):
    """The held-out contig alone would certify it; where it remembers, HIGH would mean nothing."""
    weaker = np.where(
        np.random.default_rng(4).random(table_run.CONTIG_BP) < 0.05,
        (genome.ruled[HELD] + 1) % 4,
        genome.ruled[HELD],
    )
    result = result_of(run, "both", genome.codes[KNOWN], weaker, *OPTION)
    assert Counter(result.flags.values())["HIGH"] == 0
    assert reasons(result) == {"MEMORISED"}
    assert result.calibration["heldout"]["p"] < 0.01


@pytest.mark.bad_input
def test_a_model_that_declares_no_contig_loses_high_and_the_log_says_why(run, genome, caplog):
    result = result_of(run, "silent", genome.ruled[KNOWN], genome.ruled[HELD])
    assert Counter(result.flags.values())["HIGH"] == 0
    assert reasons(result) == {"MEMORISED"}
    assert result.calibration["heldout"] is None
    assert not heldout_lines(result)
    assert "--heldout_contigs" in caplog.text


def test_the_plan_has_as_many_probes_on_the_held_out_contig_as_were_asked_for(run):
    probes, further = (
        tables.read(run.folder / "plan" / name).to_pandas()
        for name in ("probes.parquet", "heldout.parquet")
    )
    number = table_run.CONTIGS.index(HELD)
    assert set(further["contig_index"]) == {number}
    n = int((probes["contig_index"] == number).sum()) + len(further)
    assert n == pytest.approx(table_run.PROBES, abs=table_run.PROBES / 20)
    assert further["run_oriented"].mean() == pytest.approx(0.5, abs=0.02)


@pytest.mark.bad_input
@pytest.mark.parametrize("step", ["import_scores", "plan_sites"])
def test_a_held_out_contig_that_the_genome_lacks_is_an_error(run, step, capsys, tmp_path):
    table = table_run.write_table(tmp_path / "a.tsv", {KNOWN: table_run.sure_of(np.zeros(9, int))})
    arguments = {
        "import_scores": ("--scores", table, "--model_id", "a"),
        "plan_sites": ("--checked", run.folder / "checked", "--context_model", run.context),
    }[step]
    common = ("--fasta", run.fasta, "--out_dir", tmp_path / "out", "--heldout_contigs", "chrQ")
    assert cli.main([step, *map(str, (*arguments, *common))]) == 64
    line = capsys.readouterr().err.strip().splitlines()[-1]
    assert "--heldout_contigs" in line
    assert "chrQ" in line
    assert KNOWN in line
