"""The demo in fp32 and in fp16: how far apart the numbers are, and that no flag jumps from HIGH to
LOW."""

import nextflow_run
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from gfmtrust.core.vocabulary import Rank

pytestmark = [pytest.mark.pipeline, pytest.mark.slow, pytest.mark.torch]
KEYS = {
    "sites/sites.parquet": ["contig", "pos", "ref", "alt"],
    "probes.scored.parquet": ["contig_index", "pos", "real", "decoy"],
}
PLACES = {"sites/sites.parquet": "scores", "probes.scored.parquet": "calibration"}


@pytest.fixture(scope="module")
def flagged(tmp_path_factory) -> pd.DataFrame:
    """Alleles and probes of both runs side by side, those scored: columns llr, ent, rel, rank with
    _fp32 and _fp16."""
    runs = {}
    for precision in ("fp32", "fp16"):
        runs[precision] = nextflow_run.run(
            tmp_path_factory.mktemp(precision) / "run", "-profile", "demo", "--precision", precision
        )
        assert runs[precision].code == 0, runs[precision].text
    parts = []
    for name, key in KEYS.items():
        both = [
            pq.read_table(done.outdir / PLACES[name] / name.split("/")[-1])
            .to_pandas()
            .query("status in ('SCORED', '')")[[*key, "llr", "ent", "rel", "rank"]]
            .drop_duplicates(key)
            for done in runs.values()
        ]  # a probe may be drawn twice
        parts.append(
            both[0]
            .merge(both[1], on=key, suffixes=("_fp32", "_fp16"), validate="1:1")
            .assign(table=name)
        )
        assert len(both[0]) == len(both[1]) == len(parts[-1])
    return pd.concat(parts, ignore_index=True)


def test_no_flag_jumps_from_high_to_low(flagged):
    full, half = flagged["rank_fp32"], flagged["rank_fp16"]
    print(
        pd.crosstab(full.map(lambda rank: Rank(rank).name), half.map(lambda rank: Rank(rank).name))
    )
    assert len(flagged) >= 5_000
    assert (full == Rank.HIGH).sum() >= 500
    assert (
        ((full == Rank.HIGH) & (half == Rank.LOW)).sum()
        == ((full == Rank.LOW) & (half == Rank.HIGH)).sum()
        == 0
    )
    assert (full != half).mean() <= 0.005


@pytest.mark.parametrize(("column", "bar"), [("llr", 2e-2), ("ent", 1e-2), ("rel", 2e-2)])
def test_numbers_lie_close_together(flagged, column, bar):
    apart = np.abs(flagged[f"{column}_fp32"] - flagged[f"{column}_fp16"]).dropna()
    print(
        f"{column}: largest {apart.max():.2g}, 99.9 % within {apart.quantile(0.999):.2g} of {len(apart)}"
    )
    assert 0 < apart.max() <= bar
