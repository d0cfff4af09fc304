"""The letters beside each site in the shards of a plan, from its genome."""

import numpy as np

from gfmtrust.core.contracts.planned_shard import PlannedShard
from gfmtrust.inputs.sites import surroundings
from gfmtrust.io import tables


def with_letters(plan_dir, genome) -> None:
    """Add the columns left and right to the plan's shards of sites."""
    for path in (plan_dir / "shards").glob("shard_*.parquet"):
        table = tables.read(path)
        if "left" in table.schema.names:
            continue
        around = surroundings(
            genome,
            table["contig_index"].to_numpy().astype(np.int64),
            table["pos"].to_numpy().astype(np.int64),
        )
        facts = PlannedShard.read(path).to_dict()
        for name in ("left", "right"):
            table = table.append_column(name, [getattr(around, name)])
        tables.write(path, table, table.schema, facts)
