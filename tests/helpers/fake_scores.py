"""Score tables of models whose answer is a function written in a test, for a plan made by
`test_plan.planned`."""

import numpy as np
import pyarrow as pa

from gfmtrust.core.contracts.base import encoded
from gfmtrust.io import tables
from gfmtrust.planning.shards import planned_shards


def write_scores(
    plan_dir,
    out_dir,
    model,
    answer,
    family="toy",
    strands="+-",
    members=1,
    local=1.9,
    status=lambda site: "",
    sha=None,
    null=None,
    quantity="direct",
    trained_bp=64,
):
    """answer: function (site frame, strand, member) -> (n, 4) probabilities. null: the same of the
    null controls; default guesses. quantity 'likelihood': a model of whole tokens, which has no
    local surprisal."""
    views = [[model, member, strand, 0] for member in range(members) for strand in strands]
    for shard, path in planned_shards(plan_dir).items():
        site = tables.read(path).to_pandas()
        n = len(site)
        says = (null or guesses) if shard.kind.is_control else answer
        probs = (
            np.stack([says(site, strand, member) for _, member, strand, _ in views], axis=1).astype(
                np.float32
            )
            if n
            else np.empty((0, len(views), 4), np.float32)
        )
        result_array = np.array([status(row) for row in site.itertuples()], dtype=object)
        probs[result_array != ""] = np.nan
        part = np.full(n, 0, np.float32)
        tables.write(
            out_dir / f"{model}.{path.stem}.parquet",
            {
                "contig_index": site["contig_index"].to_numpy(np.int32),
                "pos": site["pos"].to_numpy(np.int64),
                "probs": pa.FixedSizeListArray.from_arrays(
                    pa.array(probs.reshape(-1)), 4 * len(views)
                ),
                "status": result_array,
                "local_surprisal": np.full(
                    n, np.nan if quantity == "likelihood" else local, np.float32
                ),
                "n_share": part,
                "pad_share": part,
                "off_alphabet": part,
            },
            tables.score_schema(len(views)),
            {
                "shard": encoded(shard),
                "model": model,
                "family": family,
                "bundle_sha256": sha or model * 4,
                "views": views,
                "rc_equivariant": False,
                "device": "cpu",
                "precision": "fp32",
                "neighbours": True,
                "window_bp": 64,
                "trained_bp": trained_bp,
                "gate": "passed",
                "quantity": quantity,
            },
        )


def knows(strength):
    """Gives the genome's base `strength` of the probability and shares the rest."""

    def answer(site, _strand, _member):
        probs = np.full((len(site), 4), (1 - strength) / 3)
        probs[np.arange(len(site)), np.minimum(site["base"].to_numpy(int), 3)] = strength
        return probs

    return answer


def guesses(site, _strand, _member):
    """A preference that depends on the place and on nothing else."""
    weights = np.stack([np.random.default_rng(int(pos)).random(4) + 0.1 for pos in site["pos"]])
    return weights / weights.sum(axis=1, keepdims=True)


def uniform(site, _strand, _member):
    return np.full((len(site), 4), 0.25)
