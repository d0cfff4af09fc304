"""Text of the demo's files: VCF, gVCF, BED, samplesheet. The bytes depend on the rows alone; no
time, host or version is written."""

from __future__ import annotations

from gfmtrust.core import alphabet
from gfmtrust.io.vcf import header as vcf_header
from gfmtrust.io.vcf import reader as vcf_reader
from gfmtrust.validation.oracle.awkward import ABSENT_CONTIG, UNDECLARED
from gfmtrust.validation.oracle.cohort import Row
from gfmtrust.validation.oracle.genomes import GAP, NOISE, PLAIN, DrawnContig, DrawnGenome

SAMPLES = ("demo_a", "demo_b", "demo_c")
GVCF_BLOCK_BP = 500
LONGEST_SPACER_BP = 12
REGION_BP = 300
_DECLARATIONS = """\
##FILTER=<ID=PASS,Description="All filters passed">
##INFO=<ID=AC,Number=A,Type=Integer,Description="Allele count in genotypes">
##INFO=<ID=AF,Number=A,Type=Float,Description="Allele frequency">
##INFO=<ID=AN,Number=1,Type=Integer,Description="Alleles in called genotypes">
##INFO=<ID=DP,Number=1,Type=Integer,Description="Depth over all samples">
##INFO=<ID=END,Number=1,Type=Integer,Description="Last position of the record">
##INFO=<ID=FS,Number=1,Type=Float,Description="Strand bias, Phred-scaled">
##INFO=<ID=MQ,Number=1,Type=Float,Description="Root mean square mapping quality">
##INFO=<ID=SOR,Number=1,Type=Float,Description="Symmetric odds ratio of strand bias">
##INFO=<ID=SVLEN,Number=A,Type=Integer,Description="Length of the structural variant">
##INFO=<ID=SVTYPE,Number=1,Type=String,Description="Type of structural variant">
##FORMAT=<ID=GT,Number=1,Type=String,Description="Genotype">
##FORMAT=<ID=DP,Number=1,Type=Integer,Description="Depth">
##ALT=<ID=DEL,Description="Deletion">
##ALT=<ID=NON_REF,Description="Any other allele at this place">
"""


def header(genome: DrawnGenome, samples: tuple[str, ...]) -> str:
    """Return the VCF header; the absent contig is declared, the undeclared keys of the awkward
    records are not."""
    contigs = [(contig.name, len(contig.codes)) for contig in genome.contigs] + [
        (ABSENT_CONTIG, 5000)
    ]
    lines = "".join(f"##contig=<ID={name},length={length}>\n" for name, length in contigs)
    columns = "\t".join(
        [vcf_header.COLUMNS.decode("ascii"), *(("FORMAT", *samples) if samples else ())]
    )
    return f"##fileformat=VCFv4.2\n##source=gfmtrust_oracle\n{_DECLARATIONS}{lines}{columns}\n"


def vcf_text(genome: DrawnGenome, rows: list[Row], sample: int | None = None) -> str:
    """Return a VCF of rows in their order, with all samples, or with one sample and only the
    records in which it has an ALT.

    Records without ALT are also in the file of one sample; UNDECLARED ones are only there, so that
    every bcftools command accepts the file of all samples.
    """
    if sample is None:
        declared = [row for row in rows if row.kind not in UNDECLARED]
        return header(genome, SAMPLES) + "".join(
            _line(row, tuple(range(len(SAMPLES)))) for row in declared
        )
    carried = [
        row for row in rows if max(row.genotypes[sample]) > 0 or not any(map(max, row.genotypes))
    ]
    return header(genome, SAMPLES[sample : sample + 1]) + "".join(
        _line(row, (sample,)) for row in carried
    )


def gvcf_text(genome: DrawnGenome, contig: DrawnContig, rows: list[Row], sample: int) -> str:
    """Return a gVCF of one contig: the sample's bi-allelic SNVs with <NON_REF> beside their ALT,
    and blocks of <NON_REF> between them."""
    carried = [
        row
        for row in rows
        if row.contig == contig.name and row.kind == "snv" and max(row.genotypes[sample]) > 0
    ]
    ends = sorted(
        {row.pos for row in carried}
        | {s.start for s in contig.segments if s.kind == GAP}
        | {len(contig.codes)}
    )
    resumed = {s.start: s.end for s in contig.segments if s.kind == GAP}
    lines, start = [header(genome, SAMPLES[sample : sample + 1])], 0
    by_pos = {row.pos: row for row in carried}
    for end in ends:
        lines += [
            _block_line(contig, s, min(s + GVCF_BLOCK_BP, end))
            for s in range(start, end, GVCF_BLOCK_BP)
        ]
        if end in by_pos:
            row = by_pos[end]
            lines.append(_line(_with_non_ref(row), (sample,)))
        start = resumed.get(end, end + 1)
    return "".join(lines)


def bed_text(regions: list[tuple[str, int, int, str]]) -> str:
    """Return BED4 lines of (contig, start, end, name), in the given order."""
    return "".join(f"{contig}\t{start}\t{end}\t{name}\n" for contig, start, end, name in regions)


def demo_regions(genome: DrawnGenome) -> list[tuple[str, int, int, str]]:
    """Return regions where the truth is known: grammar islands, noise, plain background, a gap,
    duplicates, and one without a base."""
    first, second, small = genome.contigs[0], genome.contigs[1], genome.contigs[-1]
    islands = _islands(first)
    noise = _longest(first, NOISE, 3)
    plain = _longest(second, PLAIN, 2)
    gap = next(s for s in small.segments if s.kind == GAP)
    regions = [
        (first.name, start, end, f"grammar_{i}") for i, (start, end) in enumerate(islands[:3], 1)
    ]
    regions += [(first.name, start, end, f"noise_{i}") for i, (start, end) in enumerate(noise, 1)]
    regions += [(second.name, start, end, f"plain_{i}") for i, (start, end) in enumerate(plain, 1)]
    regions += [
        (second.name, *island, f"grammar_{i}") for i, island in enumerate(_islands(second)[:2], 4)
    ]
    start, end = islands[0]
    regions += [
        (first.name, start, end, "grammar_1_again"),
        (first.name, start + (end - start) // 2, end + 120, "overlaps_grammar_1"),
        (first.name, 5000, 5000, "no_base"),
        (first.name, 0, 60, "contig_start"),
        (small.name, gap.start - 80, gap.end + 80, "over_gap"),
        (small.name, len(small.codes) - 150, len(small.codes), "contig_end"),
    ]
    order = {contig.name: i for i, contig in enumerate(genome.contigs)}
    return sorted(regions, key=lambda region: (order[region[0]], region[1], region[2]))


def samplesheet_text() -> str:
    """Return the samplesheet of the demo; paths are relative to its own folder."""
    rows = [
        "sample,vcf",
        "demo_cohort,demo_cohort.vcf.gz",
        "demo_b,demo_b.vcf.gz",
        "demo_c,demo_c.g.vcf.gz",
    ]
    return "".join(f"{row}\n" for row in rows)


def _line(row: Row, samples: tuple[int, ...]) -> str:
    genotypes = [row.genotypes[i] for i in samples]
    info = _counts(row, genotypes, samples) if row.info is None else row.info
    alts = ",".join(row.alts) or "."
    calls = [f"{'/'.join('.' if allele < 0 else str(allele) for allele in pair)}:{row.depths[i]}"
             for pair, i in zip(genotypes, samples, strict=True)]  # fmt: skip
    fields = [
        row.contig,
        vcf_reader.format_position(row.pos),
        row.id,
        row.ref,
        alts,
        row.qual,
        row.filter,
        info,
        "GT:DP",
        *calls,
    ]
    return "\t".join(fields) + "\n"


def _counts(row: Row, genotypes: list[tuple[int, int]], samples: tuple[int, ...]) -> str:
    called = [allele for pair in genotypes for allele in pair if allele >= 0]
    depth = sum(row.depths[i] for i in samples)
    if not row.alts:
        return f"AN={len(called)};DP={depth}"
    counts = [called.count(i + 1) for i in range(len(row.alts))]
    shares = ",".join(f"{count / len(called):.3g}" for count in counts)
    return f"AC={','.join(map(str, counts))};AF={shares};AN={len(called)};DP={depth}"


def _with_non_ref(row: Row) -> Row:
    return Row(
        row.contig,
        row.pos,
        row.ref,
        (*row.alts, "<NON_REF>"),
        row.kind,
        row.genotypes,
        qual=row.qual,
        depths=row.depths,
    )


def _block_line(contig: DrawnContig, start: int, end: int) -> str:
    ref = alphabet.decode(contig.codes[start : start + 1])
    last = vcf_reader.format_position(end - 1)
    return f"{contig.name}\t{vcf_reader.format_position(start)}\t.\t{ref}\t<NON_REF>\t.\t.\tEND={last}\tGT:DP\t0/0:30\n"


def _islands(contig: DrawnContig) -> list[tuple[int, int]]:
    """Return runs of elements with nothing longer than a spacer between them, 200-450 bp, longest
    first."""
    islands, start, end = [], None, None
    for segment in contig.segments:
        is_element = segment.kind not in (PLAIN, NOISE, GAP)
        if is_element:
            start, end = (segment.start if start is None else start), segment.end
        elif start is not None and segment.end - segment.start > LONGEST_SPACER_BP:
            islands.append((start, end))
            start = None
    fitting = [(start, end) for start, end in islands if 200 <= end - start <= 450]
    return sorted(fitting, key=lambda island: (island[0] - island[1], island[0]))


def _longest(contig: DrawnContig, kind: str, n: int) -> list[tuple[int, int]]:
    """Return the first REGION_BP bases of the n longest segments of a kind."""
    spans = [(s.start, s.end) for s in contig.segments if s.kind == kind]
    longest = sorted(spans, key=lambda span: (span[0] - span[1], span[0]))[:n]
    return [(start, min(end, start + REGION_BP)) for start, end in longest]
