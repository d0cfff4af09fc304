"""The two checks of memory on a model that recites the genome, and on the law that drew it."""

import audit_bundles
import numpy as np
import pytest
from step_calls import call

from gfmtrust.cli import main as cli
from gfmtrust.core.contracts.audit import Audit
from gfmtrust.inputs.contig_names import ContigRule
from gfmtrust.inputs.population import Population
from gfmtrust.io.genome import Genome
from gfmtrust.validation.oracle.markov import draw_table
from gfmtrust.validation.oracle.markov_bundle import Oracle, Reading, write_bundle

SMALL = ("--sites", 400, "--windows", 300, "--device", "cpu")
EVERY = 5


@pytest.fixture(scope="module")
def audits(tmp_path_factory):
    """A model that recites a genome, and the law of order 2 that the genome was drawn from, with
    alleles of a population at every fifth letter."""
    folder = tmp_path_factory.mktemp("memory")
    table = draw_table(2, seed=5, symmetric=True)
    codes = audit_bundles.drawn_chain(table, 30_000)
    fasta = audit_bundles.write_fasta(folder / "g.fa", codes)
    population = audit_bundles.write_population(folder / "p.vcf.gz", codes, EVERY)
    graph = audit_bundles.reciting_graph(codes)
    audit_bundles.write_bundle(folder / "reciter", graph, "reciter", one_strand=True)
    write_bundle(Oracle(table, Reading.MASKED), folder / "law")
    call(
        "audit", "model", "--fasta", fasta, "--bundles", folder / "reciter", folder / "law",
        "--population_vcf", population, *SMALL, "--out_dir", folder / "out",
    )  # fmt: skip
    read = [Audit.read(path) for path in sorted((folder / "out").glob("*/audit.json"))]
    return {audit.model.id: audit for audit in read}


@pytest.mark.long
def test_a_reciting_model_loses_its_cue(audits):
    """Of the 8 letters on the left at least one differs at every site. The cue is then unknown and
    costs 2 bits, or known by chance and costs more: far above the context model, and as much as
    with other letters."""
    audit = audits["reciter"]
    assert audit.number("population", "rise with population alleles").low > 2
    assert audit.number("population", "difference of model and context model").low > 1.5
    alike = audit.number("population", "population alleles minus other letters")
    assert alike.low < 0.3
    assert alike.high > -0.3


@pytest.mark.long
def test_the_law_shows_no_memory(audits):
    audit = next(audit for name, audit in audits.items() if name != "reciter")
    row = audit.number("population", "difference of model and context model")
    assert abs(row.value) < 0.15
    assert row.low < 0.1


@pytest.mark.long
def test_one_changed_letter_in_a_hundred_shows_memory_too(audits):
    """Of 95 letters one is changed: at 8 of 95 sites it is in the cue."""
    row = audits["reciter"].number("memorisation", "rise of the surprisal")
    assert row.low > 0
    assert row.low < 2 * 8 / 95 * 1.3 < 2 * row.high


@pytest.mark.bad_input
@pytest.mark.long
def test_a_population_without_alleles_near_the_sites_is_named(tmp_path, random_genome):
    codes = np.random.default_rng(0).integers(0, 4, 30_000)
    population = audit_bundles.write_population(tmp_path / "p.vcf.gz", codes, 200, af=0.001)
    audit_bundles.write_bundle(tmp_path / "a", audit_bundles.hidden_graph(), "a", window=32)
    call(
        "audit", "model", *random_genome[1], "--bundles", tmp_path / "a", "--population_vcf",
        population, "--sites", 120, "--windows", 100, "--device", "cpu", "--out_dir", tmp_path / "o",
    )  # fmt: skip
    audit = Audit.read(tmp_path / "o" / "a" / "audit.json")
    assert audit.measure("population").reason.startswith("0 sites have an allele")


@pytest.mark.bad_input
@pytest.mark.long
def test_a_population_of_another_genome(tmp_path, monkeypatch, capsys, random_genome):
    monkeypatch.chdir(tmp_path)
    codes = np.random.default_rng(0).integers(0, 4, 30_000)
    audit_bundles.write_population(tmp_path / "p.vcf.gz", (codes + 2) % 4, 7)
    audit_bundles.write_bundle(tmp_path / "a", audit_bundles.hidden_graph(), "a", window=32)
    given = (*random_genome[1], "--bundles", "a", "--population_vcf", "p.vcf.gz")
    arguments = ["audit", "model", *map(str, given)]
    few = ["--sites", "120", "--windows", "100", "--device", "cpu", "--out_dir", "o"]
    assert cli.main(arguments + few) == 65
    assert "REF differs" in capsys.readouterr().err


def test_the_common_alleles_are_those_of_the_file(tmp_path):
    codes = np.random.default_rng(1).integers(0, 4, 500)
    audit_bundles.write_fasta(tmp_path / "g.fa", codes)
    path = audit_bundles.write_population(tmp_path / "p.vcf.gz", codes, 7)
    with Genome.open(tmp_path / "g.fa", tmp_path) as genome:
        population = Population(path, genome, ContigRule("none"))
        asked = np.arange(100, 300)
        seen = population.common_snvs(0, asked, 0.01)
        assert population.common_snvs(0, asked, 0.5) == {}
    assert seen == {at: (codes[at] + 1) % 4 for at in range(105, 300, 7)}
