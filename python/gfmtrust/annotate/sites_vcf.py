"""`sites.gfm.vcf.gz`: the distinct records and the single alleles of the cohort, each as one
record, for `bcftools annotate -a`.

`columns.txt` and `header.hdr`, which bcftools and sarek need, and `legend.json` for viewers are
written beside it. A record A>C,G
gives three records (A>C,G, A>C and A>G), because bcftools fills a multi-allelic target only from a
record with the same record key (REF and ALTs), and a split target only from the single allele
(measured with 1.16). The file contains no genotypes, no records with ALT `.`, and no ID, QUAL or
INFO of the user. The record keys are in spellings.parquet.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from gfmtrust.annotate.allele_values import AlleleValues
from gfmtrust.annotate.header_lines import header_lines
from gfmtrust.annotate.legend import write_legend
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.core.columns import info_header_lines
from gfmtrust.core.contracts.run import RunFacts
from gfmtrust.core.errors import InternalError, message
from gfmtrust.core.warning_counts import WarningCounts
from gfmtrust.io import bgzf, tables
from gfmtrust.io.atomic import part_file, synced
from gfmtrust.io.tabix import CSI_FROM, write_index
from gfmtrust.io.vcf.header import COLUMNS
from gfmtrust.io.vcf.info_texts import joined_texts
from gfmtrust.io.vcf.info_values import KEYS
from gfmtrust.io.vcf.reader import format_position


def write_sites_vcf(sites: Path, spellings: Path, calibration: Path, out_dir: Path) -> int:
    """Write sites.gfm.vcf.gz with its index, columns.txt, header.hdr and legend.json to `out_dir`; return the
    number of records.

    Records are in the order of spellings.parquet: contig, position, REF, ALTs.
    """
    fitted = RunCalibration.read(calibration)
    lines = header_lines(fitted, RunFacts.read(sites), "annotate_sites")
    out = out_dir / "sites.gfm.vcf.gz"
    n_records, last = 0, 0
    with AlleleValues(sites) as values, part_file(out, force=True) as part:
        with synced(part) as file:
            text = bgzf.BgzfWriter(file)
            text.write(_header(lines, values.contigs()))
            for contig, pos, ref, alts in site_records(spellings):
                key = f"{contig}\t{format_position(pos)}\t.\t{ref}\t{','.join(alts)}\t.\t.\t"
                info = joined_texts(values.texts(contig, pos, ref, alts))
                text.write(b"%b%b\n" % (key.encode(), info))
                n_records += 1
                last = max(last, pos + len(ref))
            text.close()
    warning_counts = WarningCounts()
    if not write_index(out, "vcf", csi=last > CSI_FROM, warning_counts=warning_counts):
        raise InternalError(
            message(
                out.name,
                "; ".join(warning_counts.lines()),
                "a sorted file of ours that htslib can index",
            )
        )
    _write_text(out_dir / "columns.txt", [f"INFO/{key}" for key in KEYS])
    _write_text(out_dir / "header.hdr", info_header_lines())
    write_legend(fitted, out_dir)
    return n_records


def site_records(spellings: Path) -> Iterator[tuple[str, int, str, tuple[str, ...]]]:
    """(contig, pos, ref, alts) of every distinct record key and of every single allele, each once,
    sorted within a position."""
    contig_there, pos_there = "", -1
    alleles_there: set[tuple[str, tuple[str, ...]]] = set()
    for batch in tables.batches(spellings, ["contig", "pos", "ref", "alts"]):
        for contig, pos, ref, alts in zip(
            *(batch.column(name).to_pylist() for name in range(4)), strict=True
        ):
            if (contig, pos) != (contig_there, pos_there):
                yield from ((contig_there, pos_there, *both) for both in sorted(alleles_there))
                contig_there, pos_there, alleles_there = contig, pos, set()
            spelled = tuple(alts.split(","))
            alleles_there |= {(ref, spelled), *((ref, (alt,)) for alt in spelled)}
    yield from ((contig_there, pos_there, *both) for both in sorted(alleles_there))


def _header(lines: list[str], contigs: list[str]) -> bytes:
    contig_lines = [f"##contig=<ID={contig}>" for contig in contigs]
    return (
        "\n".join(["##fileformat=VCFv4.3", *contig_lines, *lines, COLUMNS.decode()]) + "\n"
    ).encode()


def _write_text(path: Path, lines: list[str]) -> None:
    with part_file(path, force=True) as part, synced(part) as file:
        file.write(("\n".join(lines) + "\n").encode())
