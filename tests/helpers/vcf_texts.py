"""Small VCF texts for tests, and the ways to store them. Written by hand: nothing here uses the
code under test."""

import gzip
from pathlib import Path

import pysam

HEADER = (
    b"##fileformat=VCFv4.2\n##contig=<ID=chr1,length=60>\n##contig=<ID=chr2,length=40>\n"
    b'##INFO=<ID=AC,Number=A,Type=Integer,Description="x, y">\n##FILTER=<ID=q10,Description="low">\n'
)
COLUMNS = b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
SAMPLES = b"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS1\tS2\n"
OUR_LINES = [
    '##INFO=<ID=GFM_STATUS,Number=A,Type=String,Description="s",Source="gfmtrust",Version="0">',
    '##INFO=<ID=GFM_RANK,Number=A,Type=Integer,Description="r",Source="gfmtrust",Version="0">',
    "##gfmtrustVersion=0",
]
AWKWARD = [  # (CHROM, POS, REF, ALT, INFO) of records that have broken other tools
    (b"chr1", b"5", b"A", b"C", b"AC=1"),
    (b"chr1", b"6", b"a", b"c,g,*", b"."),
    (b"chr1", b"7", b"A", b"<DEL>", b"SVTYPE=DEL;END=9;"),
    (b"chr1", b"8", b"A", b".", b"AC=0"),
    (b"chr1", b"8", b"A", b"<NON_REF>", b"END=12"),
    (b"chr1", b"9", b"G", b"G[chr2:3[,]chr2:9]G,G.", b"MATEID=x%3By"),
    (b"chr1", b"9", b"R", b"A", b"XYZ=\xc3\xa9\x01"),
    (b"chr1", b"9", b"AT", b"A,ATT,GC", b""),
    (b"chr1", b"9", b"A", b"C,C", b"AC=1;AC=2"),
    (b"chr2", b"0", b"N", b"A", b";"),
    (b"chr2", b"41", b"A", b"T", b"AC=1;;"),
    (b"chr2", b"900", b"A", b"T", b"X=3000000000;Y=0.123456789"),
    (b"chrUn", b"3", b"A", b"A", b"NOGFM_=1;MYGFM_X=2"),
]


def line(
    contig=b"chr1",
    pos=b"5",
    ref=b"A",
    alt=b"C",
    info=b"AC=1",
    qual=b"1e-300",
    filters=b"PASS",
    end=b"\n",
    samples=(),
):
    return (
        b"\t".join(
            [
                contig,
                pos,
                b"rs1",
                ref,
                alt,
                qual,
                filters,
                info,
                *([b"GT", *samples] if samples else []),
            ]
        )
        + end
    )


def vcf_text(records=AWKWARD, samples=False, end=b"\n"):
    names = (b"0/1", b"./.:3") if samples else ()
    text = HEADER + (SAMPLES if samples else COLUMNS)
    body = b"".join(line(*record[:4], info=record[4], samples=names) for record in records)
    return (text + body).replace(b"\n", end)


def stored(path: Path, text: bytes, how: str = "plain") -> Path:
    """Write a text as plain, gzip or bgzf; BGZF is made by htslib itself."""
    if how == "plain":
        path.write_bytes(text)
    elif how == "gzip":
        path.write_bytes(gzip.compress(text, mtime=0))
    else:
        with pysam.BGZFile(str(path), "wb") as file:
            file.write(text)
    return path


def simple_values(record) -> bytes:
    """GFM_STATUS=SCORED and a rank that tells the alleles apart."""
    n = len(record.alts)
    return (
        b"GFM_STATUS="
        + b",".join([b"SCORED"] * n)
        + b";GFM_RANK="
        + b",".join(str(i % 4).encode() for i in range(n))
    )
