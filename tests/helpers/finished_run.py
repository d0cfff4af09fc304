"""A run of fake scores, finished up to its tables of alleles."""

import numpy as np
from fake_scores import uniform, write_scores
from planned_run import GENOME, Spans, planned, snv_rows

from gfmtrust.annotate import alleles as annotate_alleles
from gfmtrust.calibration import calibrate
from gfmtrust.calibration.ensemble import ScoreTables
from gfmtrust.calibration.options import Options
from gfmtrust.io import tables

N_PROBES = 3000


def finished(
    tmp_path, answer, rows=None, seed=1, models=("a",), null=None, quantity="direct", **options
):
    """Run calibrate and annotate_sites on a plan scored by `answer`; returns (calibration, sites,
    bases, counts)."""
    rows = snv_rows(GENOME, range(100, 900, 10)) if rows is None else rows
    plan_dir, _ = planned(
        tmp_path,
        GENOME,
        [rows],
        {"cre": Spans(chr1=[(1_000, 1_300)], chr2=[(0, 40)])},
        probes=N_PROBES,
    )
    for model in models:
        write_scores(
            plan_dir, tmp_path / "scores", model, answer, local=1.5, null=null, quantity=quantity
        )
    write_scores(
        plan_dir,
        tmp_path / "scores",
        "context_model",
        uniform,
        family="context_model",
        members=8,
        strands="+",
    )
    scores = ScoreTables([tmp_path / "scores"], [*models, "context_model"])
    fitted = calibrate.calibrate(
        plan_dir, scores, tmp_path / "calibration", Options(seed=seed), **options
    )
    counts = annotate_alleles.annotate_sites(plan_dir, scores, fitted, tmp_path / "sites")
    return (
        fitted,
        *(
            tables.read(tmp_path / "sites" / f"{name}.parquet").to_pandas()
            for name in ("sites", "bases")
        ),
        counts,
    )


def noisy(site, strand, _member):
    """Right with much confidence at even positions, a coin at odd ones."""
    rng = np.random.default_rng(7)
    probs = np.full((len(site), 4), 0.02)
    base = np.minimum(site["base"].to_numpy(int), 3)
    said = np.where(site["pos"] % 2 == 0, base, rng.integers(0, 4, len(site)))
    probs[np.arange(len(site)), said] = 0.94
    weak = site["pos"].to_numpy() % 2 == 1
    probs[weak] = 0.25 + (probs[weak] - 0.25) * 0.05
    return probs
