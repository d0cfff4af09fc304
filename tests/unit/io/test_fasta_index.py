"""A FASTA that `samtools faidx` indexes is read with the letters that htslib gives; every other one
is refused with a line of our own."""

import itertools

import pysam
import pytest
from vcf_texts import stored

from gfmtrust.core.alphabet import decode
from gfmtrust.core.errors import BadDataError
from gfmtrust.io.genome import Genome

HEADERS = (">a", "> a", ">\ta words", ">a d\xe9j\xe0", ">\xe9", ">")
ENDS = ("\n", "\r\n", "\r")
BODIES = (
    ("ACGT", "AC"),
    ("ACGT", "AC", ""),
    ("ACGT", "AC", "", "", ""),
    ("", "ACGT", "AC"),
    ("ACGT", "", "AC"),
    ("AC", "ACGT"),
    ("ACGT",),
    (),
)
FILES = [
    end.join((header, *body, ">b", *body)) + last
    for header, end, body in itertools.product(HEADERS, ENDS, BODIES)
    for last in (end, "")
]
LIBRARIES = ("Error", "codec", "pyfaidx", "pysam", "unpack", "argument", "!", "htslib")


def _by_htslib(path) -> dict[str, str] | None:
    """Name and letters of each contig; None where there is no index."""
    verbosity = pysam.set_verbosity(0)
    try:
        pysam.faidx(str(path))
    except pysam.SamtoolsError:
        return None
    finally:
        pysam.set_verbosity(verbosity)
    raw, letters = path.read_bytes(), {}
    for line in path.with_name("h.fa.fai").read_bytes().splitlines():
        name, length, offset, *_ = line.split(b"\t")
        text = b"".join(raw[int(offset) :].split(b">")[0].split())
        assert len(text) == int(length)
        letters[name.decode("utf-8", "backslashreplace")] = text.decode("ascii")
    return letters


def _read(path, work) -> dict[str, str] | str:
    """Name and letters of each contig; the message where the file is refused."""
    try:
        with Genome.open(path, work) as genome:
            genome.sums()
            return {
                name: decode(genome.codes(name, 0, length))
                for name, length in genome.contigs.items()
            }
    except BadDataError as error:
        return str(error)


@pytest.mark.long
@pytest.mark.bad_input
def test_the_files_that_samtools_indexes_are_read_and_the_others_are_refused(tmp_path):
    work = tmp_path / "work"
    work.mkdir()
    n_read = 0
    for text in FILES:
        raw = text.encode("latin-1")
        expected = _by_htslib(stored(tmp_path / "h.fa", raw))
        letters = _read(stored(tmp_path / "g.fa", raw), work)
        if isinstance(letters, str):
            assert expected is None or "" in expected, (raw, letters)
            assert letters.startswith(("g.fa ", "g.fa: ")), letters
            assert not any(word in letters for word in LIBRARIES), letters
        else:
            n_read += 1
            # htslib refuses a contig without letters, and a genome may have one.
            assert letters == (expected or {name: "" for name in letters}), raw
    assert n_read > len(FILES) // 4


def test_further_columns_of_an_index_are_ignored(tmp_path):
    path = stored(tmp_path / "g.fa", b">a d\xe9j\xe0\nACGT\nAC\n>b\nGG\n")
    stored(tmp_path / "g.fa.fai", b"a\t6\t8\t4\t5\tx\nb\t2\t19\t2\t3\tx\n")
    with Genome.open(path, tmp_path) as genome:
        genome.sums()
        assert genome.codes("a", 0, 6).tolist() == [0, 1, 2, 3, 0, 1]
        assert genome.codes("b", 0, 2).tolist() == [2, 2]


@pytest.mark.bad_input
def test_an_index_of_blocks_that_is_cut_off_is_named(tmp_path):
    path = stored(tmp_path / "g.fa.gz", b">a\n" + b"ACGT\n" * 30_000, "bgzf")
    pysam.faidx(str(path))
    blocks = tmp_path / "g.fa.gz.gzi"
    blocks.write_bytes(blocks.read_bytes()[:12])
    with pytest.raises(BadDataError, match=r"^g\.fa\.gz\.gzi: "):
        Genome.open(path, tmp_path)
