"""ANNOTATE_VCF: inserts the GFM_* keys of every allele, read from sites.parquet, into the user's
VCF.

It runs no model and uses no threshold. Records are looked up one by one as they are read, so memory
does not grow with the file or the cohort.
"""

from __future__ import annotations

from pathlib import Path

from gfmtrust.annotate.allele_values import AlleleValues
from gfmtrust.annotate.call_facts import CallFacts
from gfmtrust.annotate.header_lines import header_lines
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.core.contracts.counts import VcfCounts
from gfmtrust.core.contracts.run import RunFacts
from gfmtrust.core.progress import Progress
from gfmtrust.core.vocabulary import Rank
from gfmtrust.core.warning_counts import shown
from gfmtrust.io.output_digest import published
from gfmtrust.io.vcf import splice
from gfmtrust.io.vcf.header import DEFAULT_LIMITS, Limits
from gfmtrust.io.vcf.info_values import KEYS, info_text

RANK_KEY = KEYS.index("GFM_RANK")


def annotate_vcf(
    vcf: Path,
    id: str,  # noqa: A002  (the option's name)
    sites: Path,
    calibration: Path,
    out: Path,
    overwrite: bool = False,
    force: bool = False,
    max_line: int = DEFAULT_LIMITS.max_line >> 20,
) -> VcfCounts:
    """Write `out` (BGZF) with its index, and `<id>.counts.json` beside it; return the content of
    the latter. max_line: longest line of the VCF, MiB.

    Raises InternalError (70) where an allele has no row in `sites` or a guarantee of
    `splice.annotate` is broken; otherwise the errors of `splice.annotate`.
    """
    out = Path(out)
    calls, ranks = CallFacts(), [0] * len(Rank)
    lines = header_lines(
        RunCalibration.read(calibration),
        RunFacts.read(sites),
        f"annotate_vcf --id {id} --vcf {shown(Path(vcf).name)}"
        + (" --overwrite" if overwrite else ""),
    )
    progress, done = Progress(id, "records"), 0
    with AlleleValues(sites) as alleles:

        def values(record) -> bytes:
            nonlocal done
            done += 1
            progress(done)
            texts = alleles.texts(record.contig, record.pos, record.ref, record.alts)
            of_alleles = [int(allele[RANK_KEY]) for allele in texts]
            for rank in of_alleles:
                ranks[rank] += 1
            calls.add(record, of_alleles)
            return info_text(texts).encode()

        written = splice.annotate(
            vcf, out, values, lines, overwrite, force, Limits.of_line(max_line)
        )
    counts = VcfCounts(
        kind=VcfCounts.KIND,
        id=id,
        input=Path(vcf).name,
        ranks={rank.name: ranks[rank] for rank in Rank},
        calls=calls.by_flag(),
        **vars(written),
        output=published(out),
        index_file=published(out.with_name(written.index)) if written.index else None,
    )
    counts.write(out.with_name(f"{id}.counts.json"))
    return counts
