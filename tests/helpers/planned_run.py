"""A small plan: inputs on a random genome, planned as PLAN_SITES would."""

import numpy as np
from fake_genome import random_genome
from spelled_rows import spelled

from gfmtrust.core.contracts.checks import CheckedGenome, Checks
from gfmtrust.planning import plan


class Spans:
    """An interval set of one contig, as `bed` hands it over."""

    def __init__(self, **spans):
        self._spans = {
            name: np.array(pairs, np.int64).reshape(-1, 2) for name, pairs in spans.items()
        }

    def intervals(self, contig):
        return self._spans.get(contig, np.empty((0, 2), np.int64))

    def contains(self, contig, pos):
        return self.overlaps(contig, pos, np.asarray(pos) + 1)

    def overlaps(self, contig, starts, ends):
        spans = self.intervals(contig)
        return np.array(
            [
                any(start < b and a < end for start, end in spans)
                for a, b in zip(starts, ends, strict=True)
            ],
            bool,
        )


def planned(tmp_path, genome, inputs, regions=None, include=None, background=None, **options):
    paths = [spelled(tmp_path / f"in{i}.parquet", rows) for i, rows in enumerate(inputs)]
    out = tmp_path / "plan"
    content = plan.plan_sites(
        genome,
        paths,
        plan.Regions(regions or {}),
        include,
        lambda contig, pos: np.full(len(pos), 1.9, np.float32),
        out,
        Checks(CheckedGenome("genome.fa", genome.digest()), background=background),
        # several shards each time, and not so many that to read them is what a test does
        plan.PlanOptions(
            **{"probes": 200, "shard_size": max(100, options.get("probes", 200) // 3), **options}
        ),
    )
    return out, content.to_dict()


def snv_rows(genome, positions, contig="chr1", index=0):
    codes = genome.codes(contig, 0, genome.contigs[contig])
    return [
        (contig, index, int(p), "ACGT"[codes[p]], "ACGT"[(codes[p] + 1) % 4])
        for p in sorted(positions)
    ]


GENOME = random_genome(2, 8_000, chr2="ACGTNNNNNNACGTTGCA" * 20)
