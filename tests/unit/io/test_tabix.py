"""Indexes of the files that we write."""

import pysam
import pytest

from gfmtrust.core.warning_counts import WarningCounts
from gfmtrust.io import tabix

HEADER = (
    "##fileformat=VCFv4.2\n##contig=<ID=chr1>\n"
    '##INFO=<ID=END,Number=1,Type=Integer,Description="End">\n'
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
)


def written(path, *records):
    with pysam.BGZFile(str(path), "w") as vcf:
        vcf.write("".join([HEADER, *records]).encode())
    return path


@pytest.mark.parametrize(("end", "kind"), [(2**29 - 2, "tbi"), (600_000_000, "csi")])
def test_a_record_that_ends_beyond_a_tbi_has_a_csi(tmp_path, end, kind):
    """A long deletion states its end in INFO/END alone."""
    vcf = written(tmp_path / "a.vcf.gz", f"chr1\t100\t.\tA\t<DEL>\t.\t.\tEND={end}\n")
    warnings = WarningCounts()
    name = tabix.write_index(vcf, "vcf", csi=False, warning_counts=warnings)
    assert name == f"a.vcf.gz.{kind}"
    assert [path.name for path in tmp_path.glob("a.vcf.gz.*")] == [name]
    with pysam.TabixFile(str(vcf), index=str(tmp_path / name)) as index:
        assert len(list(index.fetch("chr1", end - 2, end))) == 1


@pytest.mark.bad_input
def test_an_index_that_htslib_refuses_leaves_no_file_and_one_warning(tmp_path):
    vcf = written(
        tmp_path / "a.vcf.gz", "chr1\t9\t.\tA\tC\t.\t.\t.\n", "chr1\t5\t.\tA\tC\t.\t.\t.\n"
    )
    warnings = WarningCounts()
    assert tabix.write_index(vcf, "vcf", csi=False, warning_counts=warnings) is None
    assert [path.name for path in tmp_path.iterdir()] == ["a.vcf.gz"]
    assert len(warnings.lines()) == 1
