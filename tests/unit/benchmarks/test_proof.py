"""The rest of the proof, on small genomes: the gate on a shifted twin, flags of regions, what
useless models earn, the tool's tables."""

import importlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import useless
from paths import ROOT

from gfmtrust.core.errors import MissingInputError, UsageError
from gfmtrust.validation import benchmark
from gfmtrust.validation.benchmark import copied, pool, region_proof, transfer
from gfmtrust.validation.oracle import write_oracle
from gfmtrust.validation.oracle.markov import draw_table
from gfmtrust.validation.oracle.markov_bundle import Oracle, Reading, write_bundle
from gfmtrust.validation.oracle.spectra import SPECTRA

pytestmark = pytest.mark.long

TRAINING = ROOT / "training"


@pytest.fixture(scope="module")
def work(tmp_path_factory):
    """Folder of a clear genome with its pool, and of its twin."""
    folder = tmp_path_factory.mktemp("proof")
    for law in ("clear", "clear_shifted"):
        write_oracle(law, 60_000, 1, folder / law)
    pool.build(folder / "clear", {"context_model": []}, "germline", n=3_000)
    return folder


def test_the_gate_fires_on_the_twin_and_not_on_the_law(work, monkeypatch):
    monkeypatch.setattr(transfer, "TWIN_ALLELES", 1_000)
    monkeypatch.setattr(transfer, "CALIBRATIONS", 3)
    law, twin = transfer.transfers(work / "clear", work / "clear_shifted", 100)
    assert twin.high_error > 0.05  # what the gate has to prevent
    assert twin.fired >= 0.99
    assert twin.flagged == 1 - twin.fired
    assert law.fired <= 0.03
    assert law.high_error < 0.05


def test_regions_flagged_high_truly_err_little(work, monkeypatch):
    result = region_proof.region_pool(work / "clear", [])
    assert [end - start for start, end in result.spans] == _lengths(work / "clear" / "regions.bed")
    real = result.alleles["llr"].to_numpy().reshape(3, -1)
    assert np.isfinite(real).all()
    high, medium = region_proof.region_flags(
        result, pool.stored(work / "clear", [], "germline"), 5, 3_000
    )
    assert (high.level, medium.level) == ("HIGH", "MEDIUM")
    assert high.replications == 5
    assert high.regions == len(result.spans)
    assert high.replications_above == high.above_alpha == 0
    assert high.flagged + medium.flagged > 0


def _lengths(bed: Path) -> list[int]:
    return [
        int(end) - int(start)
        for _, start, end, _ in (line.split("\t") for line in bed.read_text().splitlines())
    ]


@pytest.mark.slow
@pytest.mark.parametrize(
    "spectrum",
    [
        next(iter(SPECTRA)),
        *(pytest.param(name, marks=pytest.mark.slow) for name in list(SPECTRA)[1:]),
    ],
)
def test_a_model_of_the_flanks_alone_earns_nothing(work, monkeypatch, capsys, spectrum):
    bundle = write_bundle(
        Oracle(draw_table(1, seed=1, symmetric=True), Reading.MASKED),
        work / f"flanks_{spectrum}",
        gate="failed",
    )
    monkeypatch.setattr(benchmark, "USELESS_ALLELES", 2_000)
    benchmark.run(
        "useless",
        benchmark.BenchmarkOptions(
            work / "clear", n=10, bundles=[bundle.directory], spectrum=spectrum
        ),
    )
    model, redraws, high, medium, error = capsys.readouterr().out.splitlines()[1].split("\t")
    assert (model, redraws, high) == ("oracle_masked_1", "10", "0")
    assert int(medium) <= 1
    assert 0.4 < float(error) < 0.6


def test_words_counted_from_the_genome_make_the_model_of_its_flanks(work):
    letters, pairs = (
        useless.counted_table(work / "clear" / "genome.fa.gz", order) for order in (0, 1)
    )
    assert letters.is_symmetric
    assert pairs.is_symmetric
    np.testing.assert_allclose(
        pairs.word_law.reshape(4, 4).sum(axis=1), letters.word_law, atol=1e-3
    )


@pytest.fixture
def networks(monkeypatch):
    """training/proof_networks.py as a module."""
    pytest.importorskip("torch")
    monkeypatch.syspath_prepend(TRAINING)
    return importlib.import_module("proof_networks")


@pytest.mark.torch
def test_a_broken_promise_and_an_undeserved_level_fail_the_proof(monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    proof = importlib.import_module("proof")
    kept = copied.CopiedCell(
        "HIGH", "near_copy/cpg", 100, 50, 0, 9, 0, 0, 0.1, 0.1, 0.1, 0.5, 200.0, 9, "copies", "rule"
    )
    single = replace(kept, stratum="single_copy/cpg", model=copied.RULE)
    assert proof.failures_of("here", [kept]) == []
    assert proof.failures_of("here", [replace(kept, above_alpha_mutated=10)]) == [
        "here: HIGH in near_copy/cpg was above its limit in 10 of 100; expected at most 9"
    ]
    assert proof.failures_of("here", [single, replace(single, exists=0)]) == [
        "here: HIGH in single_copy/cpg was earned by the copy rule in 50; expected in none"
    ]


@pytest.mark.torch
def test_what_is_trained_is_the_network_that_is_exported(networks):
    import torch

    from gfmtrust.models.families import gpn

    torch.manual_seed(1)
    network = gpn.GpnForMaskedLM(networks.config(11, 16))
    ids = torch.randint(0, 7, (50, 11))
    torch.testing.assert_close(
        networks.logits_of_middles(network, ids), network(ids)[:, 5], rtol=1e-4, atol=1e-5
    )


@pytest.mark.torch
def test_half_of_the_contexts_are_hidden_as_neighbours_are(networks):
    hidden = networks.masks(41)
    assert hidden.shape == (16, 41)
    assert (hidden[8:].nonzero()[1] == 20).all()  # of a site itself the middle alone
    assert np.flatnonzero(hidden[0]).tolist() == [
        20,
        25,
        30,
        35,
    ]  # -20 sees -15, -10 and -5; the site, 20 away, stays
    assert np.flatnonzero(hidden[3]).tolist() == [5, 10, 15, 20, 30, 35, 40]
    assert (networks.masks(9).sum(axis=1) == 1).all()


@pytest.mark.bad_input
def test_what_a_proof_needs_and_lacks_is_named(work, tmp_path):
    with pytest.raises(UsageError, match="no --bundles"):
        benchmark.run("useless", benchmark.BenchmarkOptions(work / "clear", n=1))
    with pytest.raises(UsageError, match="no --run"):
        benchmark.run("transfer", benchmark.BenchmarkOptions(n=1))
    with pytest.raises(
        UsageError,
        match="fit, fresh_probes, replications, copies, useless, transfer, region_flags, memory, satmut or scores",
    ):
        benchmark.run("speed", benchmark.BenchmarkOptions(n=1))


@pytest.mark.bad_input
def test_a_law_without_its_twin_beside_it_is_refused(work, tmp_path):
    (tmp_path / "alone").symlink_to(work / "clear")
    with pytest.raises(MissingInputError, match="alone_shifted"):
        benchmark.run("transfer", benchmark.BenchmarkOptions(tmp_path / "alone", n=1))
