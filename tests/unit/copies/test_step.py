"""The step copy_index: which sites files ask for, and the table it writes."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fake_genome import genome_letters

from gfmtrust.cli import main as cli
from gfmtrust.copies import asked, index
from gfmtrust.io.genome import Genome

HEADER = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


@pytest.fixture
def fasta(tmp_path) -> Path:
    """Contig a: 200 letters twice, 300 apart; contig b: C at 60 to 63, between other letters."""
    unit = genome_letters(1, 200)
    other = genome_letters(3, 59) + "A" + "CCCC" + "G" + genome_letters(4, 200)
    path = tmp_path / "genome.fa"
    path.write_text(f">a\n{unit}{genome_letters(2, 300)}{unit}\n>b\n{other}\n")
    return path


def vcf(path: Path, *alleles: tuple[str, int, str, str]) -> Path:
    lines = (f"{contig}\t{pos}\t.\t{ref}\t{alt}\t.\t.\t.\n" for contig, pos, ref, alt in alleles)
    path.write_text(HEADER + "".join(lines))
    return path


def test_sites_of_alleles(fasta, tmp_path):
    """Spans by hand: a base; an insertion and a deletion moved left through CCCC; an MNV."""
    path = vcf(
        tmp_path / "calls.vcf",
        ("b", 60, "A", "C,G"),
        ("b", 64, "C", "CC"),
        ("b", 62, "CCC", "C"),
        ("b", 60, "ACC", "GTC"),
    )
    with Genome.open(fasta, tmp_path) as genome:
        result = asked.of_vcf(path, genome)
    sites = set(zip(*(column.tolist() for column in result), strict=True))
    assert sites == {(1, 59, 1), (1, 60, 0), (1, 60, 2), (1, 59, 2)}


def test_index_of_a_vcf_a_bed_and_a_table(fasta, tmp_path):
    calls = vcf(tmp_path / "calls.vcf", ("a", 101, genome_letters(1, 200)[100], "N,<DEL>"))
    assert cli.main(["copy_index", "--fasta", str(fasta), "--out", "none.parquet"]) == 64
    (tmp_path / "bases.bed").write_text("a\t100\t103\nb\t100\t101\n")
    pq.write_table(
        pa.table({"contig_index": [0, 1], "pos": [600, 100], "span": [3, 0]}), "more.parquet"
    )
    options = ["copy_index", "--fasta", str(fasta), "--out", "copies.parquet"]
    options += ["--vcf", str(calls), "--bed", "bases.bed", "--sites", "more.parquet"]
    assert cli.main(options) == 0
    with Genome.open(fasta, tmp_path) as genome:
        built = index.CopyIndex.read("copies.parquet", genome.digest())
    rows = zip(built.contig_index, built.pos, built.span, built.copies, strict=True)
    assert [tuple(map(int, row)) for row in rows] == [
        (0, 100, 1, 1),
        (0, 101, 1, 1),
        (0, 102, 1, 1),
        (0, 600, 3, 1),
        (1, 100, 0, 0),
        (1, 100, 1, 0),
    ]
    (tmp_path / "more.bed").write_text("a\t110\t111\n")
    options = ["copy_index", "--fasta", str(fasta), "--out", "again.parquet", "--bed", "more.bed"]
    assert cli.main([*options, "--copy_index", "copies.parquet"]) == 0
    with Genome.open(fasta, tmp_path) as genome:
        again = index.CopyIndex.read("again.parquet", genome.digest())
    assert len(again) == 7
    assert np.isin(built.pos, again.pos).all()


@pytest.mark.bad_input
def test_refusals_have_their_codes(fasta, tmp_path, capsys):
    (tmp_path / "bases.bed").write_text("a\t100\t103\nchrZ\t1\t5\n")
    (tmp_path / "other.fa").write_text(f">a\n{genome_letters(9, 500)}\n")
    first = ["copy_index", "--bed", "bases.bed", "--fasta", str(fasta), "--out", "copies.parquet"]
    assert cli.main(first) == 0
    assert cli.main(first) == 73  # exists
    other = ["copy_index", "--bed", "bases.bed", "--fasta", "other.fa", "--out", "o.parquet"]
    assert cli.main([*other, "--copy_index", "copies.parquet"]) == 78
    pq.write_table(pa.table({"pos": [1]}), "no_contig.parquet")
    pq.write_table(pa.table({"contig_index": [7], "pos": [1]}), "far.parquet")
    for table in ("no_contig.parquet", "far.parquet"):
        assert cli.main([*other[:1], *other[3:], "--sites", table]) == 65
    lines = [
        line for line in capsys.readouterr().err.splitlines() if "copies.parquet: the copy" in line
    ]
    assert len(lines) == 1
    assert not (tmp_path / "o.parquet").exists()
