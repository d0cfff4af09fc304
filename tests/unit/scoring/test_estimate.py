"""What calibration and null controls cost, by the plan's own rules for how many probes are
drawn."""

import json

import pytest
import toy_models
from fake_genome import random_genome
from planned_run import planned, snv_rows

from gfmtrust.cli import main as cli
from gfmtrust.core import vocabulary
from gfmtrust.core.contracts.plan import PlanCounts
from gfmtrust.planning.probes import probe_number
from gfmtrust.scoring.estimate import calibration_passes

SITE, VARIANT = 4, 40
"""Passes of a masked model, both strands with neighbours: a site, and an indel with its two sites
and 16 rounds a haplotype."""


def share(n_snvs: int, n_indels: int = 0) -> float:
    """Calibration's share of all passes; probes at sites of their own, the dearest case."""
    pairs = min(4_000, max(500, n_indels // 10)) if n_indels else 0
    counts = PlanCounts(
        probe_sites=probe_number(n_snvs, "auto"),
        control_sites=vocabulary.CONTROL_PROBES * len(vocabulary.NEGATIVE_CONTROLS),
        variant_probes=2 * pairs,
    )
    spent = calibration_passes(counts, SITE, VARIANT)
    return spent / (spent + n_snvs * SITE + n_indels * VARIANT)


@pytest.mark.parametrize(
    ("n_snvs", "n_indels", "most"),
    [
        (100_000, 0, 0.15),
        (1_000_000, 0, 0.03),
        (85_000, 15_000, 0.25),
        (850_000, 150_000, 0.25),
        (4_500_000, 500_000, 0.03),
    ],
)
def test_calibration_is_a_small_part_of_a_large_run(n_snvs, n_indels, most):
    assert share(n_snvs, n_indels) <= most


def test_and_the_larger_part_of_a_small_one():
    """4,000 probes and the nulls are the least there is: a run of 500 SNVs pays for them ten times
    over, and is told."""
    assert 0.85 < share(500) < 0.95


@pytest.mark.bad_input
@pytest.mark.long
def test_a_window_beyond_the_trained_one_is_timed_where_it_is_allowed(tmp_path, capsys):
    """A run scored with such a window, and its dry run ended with 78."""
    genome = random_genome(2, 5_000)
    plan = planned(tmp_path, genome, [snv_rows(genome, range(100, 900, 10))])[0]
    toy = toy_models.write_toy(tmp_path / "toy", window__trained_bp=8).directory
    given = ["estimate_run", "--plan", str(plan), "--bundles", str(toy), "--device", "cpu"]
    given += ["--out", str(tmp_path / "estimate.json")]
    assert cli.main(given) == 78
    assert "--allow_long_window" in capsys.readouterr().err
    assert cli.main([*given, "--allow_long_window"]) == 0
    models = json.loads((tmp_path / "estimate.json").read_text())["models"]
    assert [model["model"] for model in models] == ["toy"]
