"""A table that remembers every letter of the genome, from the table to the annotated VCF: what
keeps HIGH from it with one sample, and with a cohort.

The answer is known beforehand: the memoriser prefers REF everywhere, so every probe is right and
every HIGH is worth nothing.
"""

from collections import Counter

import pytest
import table_run
from step_calls import call

pytestmark = pytest.mark.long

MEMORISER = "every_letter"


@pytest.fixture(scope="module")
def genome():
    return table_run.letters(1)


@pytest.fixture(scope="module")
def models(tmp_path_factory, genome):
    """Folder with the genome, its context model and the memoriser."""
    folder = tmp_path_factory.mktemp("models")
    fasta = table_run.write_fasta(folder / "genome.fa", genome)
    call("fit_context_model", "--fasta", fasta, "--out_dir", folder / "context_model")
    laws = {name: table_run.sure_of(codes) for name, codes in genome.codes.items()}
    table_run.imported(folder, fasta, MEMORISER, laws)
    return folder


def run_of(folder, models, genome, n_samples: int) -> table_run.Planned:
    vcf = table_run.write_vcf(folder / "calls.vcf", genome, n_samples)
    run = table_run.planned(folder / "run", models / "genome.fa", models / "context_model", vcf)
    table_run.score(run, models / "bundles" / MEMORISER)
    return run


@pytest.fixture(scope="module")
def one_sample(tmp_path_factory, models, genome):
    return run_of(tmp_path_factory.mktemp("one"), models, genome, 1)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory, models, genome):
    return run_of(tmp_path_factory.mktemp("cohort"), models, genome, table_run.N_SAMPLES)


def lines_of(result: table_run.Annotated, key: str) -> list[str]:
    return [line for line in result.header if line.startswith(f"##{key}=")]


def test_without_a_cohort_the_memoriser_is_named_and_has_no_high(one_sample, models):
    result = table_run.annotated(one_sample, models / "bundles" / MEMORISER)
    assert Counter(result.flags.values())["HIGH"] == 0
    (memory,) = lines_of(result, "gfmtrustMemory")
    assert "MEMORISED?" in memory
    assert any("Reason=MEMORISED" in line for line in lines_of(result, "gfmtrustWithdrawn"))
    assert not lines_of(result, "gfmtrustSwitch")


@pytest.mark.bad_input
def test_a_user_who_trusts_the_training_gets_high_back_and_the_header_says_so(one_sample, models):
    """With one sample nothing else can tell: the flag is wrong, and the warning stands."""
    result = table_run.annotated(one_sample, models / "bundles" / MEMORISER, "--trust_training")
    counts = Counter(result.flags.values())
    assert counts["HIGH"] > counts.total() / 2
    assert not lines_of(result, "gfmtrustWithdrawn")
    assert "MEMORISED?" in lines_of(result, "gfmtrustMemory")[0]
    assert [line for line in lines_of(result, "gfmtrustSwitch") if "trust_training" in line]


def test_the_genotypes_of_a_cohort_withdraw_every_level_of_a_trusted_memoriser(cohort, models):
    result = table_run.annotated(cohort, models / "bundles" / MEMORISER, "--trust_training")
    assert set(result.flags.values()) == {"LOW"}
    withdrawn = lines_of(result, "gfmtrustWithdrawn")
    assert any("Level=HIGH," in line and "Reason=REF_BIAS" in line for line in withdrawn)
    (tested,) = [row for row in result.calibration["population"] if row["level"] == "HIGH"]
    # every common ALT is an error of a memoriser, and no rare one is
    assert tested["alt_common"] == tested["alt_common_errors"] > 100
    assert tested["ref_common_error"] == 0


def test_with_a_cohort_memory_is_named_all_the_same(cohort, models):
    result = table_run.annotated(cohort, models / "bundles" / MEMORISER)
    assert Counter(result.flags.values())["HIGH"] == 0
    assert "MEMORISED?" in lines_of(result, "gfmtrustMemory")[0]
