"""Codes of a genome against letters read naively; indexes that lie, letters that are not DNA, every
packing."""

import gzip
import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import pysam
import pytest
from paths import ROOT
from vcf_texts import stored

from gfmtrust.core.errors import BadDataError, InputOutputError, MissingInputError
from gfmtrust.io import fasta as fasta_scan
from gfmtrust.io import genome
from gfmtrust.io.genome import Genome

DATA = ROOT.parent / "shared" / "data"
CODE = {letter: code for code, letter in enumerate("ACGT")}


def fasta_text(contigs, width=10, end="\n"):
    return "".join(
        f">{name}{end}" + "".join(text[i : i + width] + end for i in range(0, len(text), width))
        for name, text in contigs.items()
    ).encode()


CONTIGS = {
    "chr1 some words": "ACGTNacgtnRYKMacGT" * 5 + "ACG",
    "chr2": "TTTT",
    "HLA-A*01:01": "gattaca" * 3,
    "last": "A" * 20,
}
NAMES = ["chr1", "chr2", "HLA-A*01:01", "last"]
LETTERS = dict(zip(NAMES, CONTIGS.values(), strict=True))


def naive_codes(text, start, end):
    return [CODE.get(text[i].upper(), 4) if 0 <= i < len(text) else 5 for i in range(start, end)]


@pytest.fixture
def work(tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture(params=["plain", "crlf", "bgzf", "gzip"])
def opened(request, tmp_path, work):
    text = fasta_text(CONTIGS, end="\r\n" if request.param == "crlf" else "\n")
    how = "plain" if request.param == "crlf" else request.param
    with Genome.open(
        stored(tmp_path / ("g.fa" if how == "plain" else "g.fa.gz"), text, how), work
    ) as selected:
        yield selected


def test_names_lengths_and_codes(opened):
    assert opened.names == NAMES
    assert opened.contigs == {name: len(text) for name, text in LETTERS.items()}
    for name, text in LETTERS.items():
        for start in range(-3, len(text) + 3):
            for end in (start, start + 1, start + 7, len(text) + 4):
                if end >= start:
                    assert opened.codes(name, start, end).tolist() == naive_codes(text, start, end)


def test_soft_mask_is_the_lower_case(opened):
    for name, text in LETTERS.items():
        expected = [0 <= i < len(text) and text[i].islower() for i in range(-2, len(text) + 2)]
        assert opened.soft_masked(name, -2, len(text) + 2).tolist() == expected


@pytest.mark.parametrize("width", [1, 4, 20, 21, 93, 200])
def test_windows_equal_single_reads_inside_at_edges_and_beyond(opened, width):
    for name, text in LETTERS.items():
        starts = np.random.default_rng(0).permutation(np.arange(-width - 2, len(text) + 3))
        windows = opened.windows(name, starts, width)
        assert windows.dtype == np.uint8
        assert windows.tolist() == [naive_codes(text, start, start + width) for start in starts]
        assert opened.windows(name, starts[:0], width).shape == (0, width)


def test_digest_and_md5_do_not_depend_on_case_lines_or_packing(opened, tmp_path, work):
    other = stored(
        tmp_path / "other.fa", fasta_text({name: text.lower() for name, text in CONTIGS.items()}, 7)
    )
    with Genome.open(other, work) as result:
        assert result.digest() == opened.digest()
    for name, text in LETTERS.items():
        assert opened.sums()[name].md5 == hashlib.md5(text.upper().encode()).hexdigest()


def test_digest_sees_letters_names_and_order(tmp_path, work):
    variants = [
        {"a": "ACGT", "b": "AC"},
        {"b": "AC", "a": "ACGT"},
        {"a": "ACGA", "b": "AC"},
        {"a": "ACGT", "c": "AC"},
        {"a": "ACGTA", "b": "C"},
    ]
    digests = set()
    for n, contigs in enumerate(variants):
        with Genome.open(stored(tmp_path / f"{n}.fa", fasta_text(contigs)), work) as result:
            digests.add(result.digest())
    assert len(digests) == len(variants)


def test_contigs_make_room_for_each_other(tmp_path, work, monkeypatch):
    monkeypatch.setattr(genome, "CACHED_BASES", 25)
    with Genome.open(stored(tmp_path / "g.fa", fasta_text(CONTIGS)), work) as result:
        for name in [*NAMES, *NAMES[::-1], *NAMES]:
            assert result.codes(name, 0, 4).tolist() == naive_codes(LETTERS[name], 0, 4)
            assert sum(map(len, result._cache.values())) <= max(25, len(LETTERS[name]))


def test_long_contig_is_read_in_pieces(tmp_path, work, monkeypatch):
    monkeypatch.setattr(genome, "FETCH_BASES", 7)
    for how, name in (("plain", "g.fa"), ("bgzf", "g.fa.gz")):
        with Genome.open(stored(tmp_path / name, fasta_text(CONTIGS), how), work) as result:
            assert result.codes("chr1", 0, 93).tolist() == naive_codes(LETTERS["chr1"], 0, 93)


# --- indexes
# --------------------------------------------------------------------------------------------------------------------


def test_index_is_made_in_the_working_folder_and_never_beside_the_fasta(tmp_path, work):
    folder = tmp_path / "read_only"
    folder.mkdir()
    for how, name in (("plain", "g.fa"), ("bgzf", "h.fa.gz"), ("gzip", "i.fa.gz")):
        path = stored(folder / name, fasta_text(CONTIGS), how)
        with Genome.open(path, work) as result:
            assert result.codes("chr2", 0, 4).tolist() == [3, 3, 3, 3]
    assert sorted(path.name for path in folder.iterdir()) == ["g.fa", "h.fa.gz", "i.fa.gz"]
    assert {"g.fa.fai", "h.fa.gz.fai", "h.fa.gz.gzi"} <= {path.name for path in work.iterdir()}


def test_index_beside_the_fasta_is_used_even_if_older(tmp_path, work):
    path = stored(tmp_path / "g.fa", fasta_text(CONTIGS))
    with Genome.open(path, work):
        shutil.move(work / "g.fa.fai", f"{path}.fai")
    os.utime(f"{path}.fai", (1, 1))
    with Genome.open(path, work) as result:
        result.sums()
        assert result.codes("last", 0, 3).tolist() == [0, 0, 0]
    assert list(work.iterdir()) == []


def test_index_agrees_with_htslib(tmp_path, work):
    path = stored(
        tmp_path / "g.fa.gz", fasta_text({"a": "ACGTACGTAC" * 9000, "b": "GG"}, 60), "bgzf"
    )
    pysam.faidx(str(path))
    theirs = {name: Path(f"{path}{name}").read_bytes() for name in (".fai", ".gzi")}
    for name in theirs:
        Path(f"{path}{name}").unlink()
    with Genome.open(path, work):
        pass
    assert (work / "g.fa.gz.fai").read_bytes() == theirs[".fai"]
    for name, content in theirs.items():
        (work / f"g.fa.gz{name}").unlink()
        Path(f"{path}{name}").write_bytes(content)
    with Genome.open(path, work) as result:
        assert result.sums()["a"].length == 90_000
        assert result.codes("b", 0, 3).tolist() == [2, 2, 5]


def test_index_of_a_dead_run_is_made_anew_unless_this_run_made_it(tmp_path, work):
    path = stored(tmp_path / "g.fa", fasta_text(CONTIGS))
    (work / "g.fa.fai").write_text("chr1\t93\t17")
    with Genome.open(path, work) as result:
        assert result.names == NAMES
    with Genome.open(path, work, indexed=True) as result:
        assert result.names == NAMES


def index_rows(path, work):
    with Genome.open(path, work):
        return [line.split("\t") for line in (work / f"{path.name}.fai").read_text().splitlines()]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("row", "column", "value", "result"),
    [
        (0, 1, "83", "chr2 begins or ends elsewhere"),
        (1, 1, "14", "HLA-A.* begins or ends elsewhere"),
        (0, 2, "16", "chr1 begins or ends"),
        (0, 3, "9", "chr2 begins or ends elsewhere"),
        (3, 1, "2000", "the last contig begins or ends elsewhere"),
        (3, 1, "9" * 18, "the last contig begins or ends elsewhere"),
        (0, 4, "9" * 18, "chr2 begins or ends elsewhere"),
        (1, 0, "chr3", "chr3 begins or ends elsewhere"),
        (1, 2, "0", "chr2 begins or ends elsewhere"),
    ],
)
def test_index_of_another_file_is_seen_on_opening(tmp_path, work, row, column, value, result):
    path = stored(tmp_path / "g.fa", fasta_text(CONTIGS))
    rows = index_rows(path, work)
    rows[row][column] = value
    Path(f"{path}.fai").write_text("".join("\t".join(cells) + "\n" for cells in rows))
    with pytest.raises(BadDataError, match=rf"g.fa.fai: {result}.*delete the index"):
        Genome.open(path, work)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("change", "result"),
    [
        (
            lambda rows: rows[1].__setitem__(0, "chr3"),
            "g.fa.gz.fai: contig chr3; g.fa.gz has chr2; expected the same; delete the index",
        ),
        (
            lambda rows: rows.pop(),
            "g.fa.gz.fai: 3 contigs; g.fa.gz has 4; expected the same; delete the index",
        ),
        (
            lambda rows: rows.reverse(),
            "g.fa.gz.fai: contig last; g.fa.gz has chr1; expected the same; delete the index",
        ),
        (
            lambda rows: rows[0].__setitem__(1, "90"),
            "g.fa.gz.fai: chr1 length 90; g.fa.gz has 93; expected the same; delete the index",
        ),
        (
            lambda rows: rows[0].__setitem__(2, "18"),
            "g.fa.gz.fai: chr1 lies elsewhere in g.fa.gz; expected the same place",
        ),
        (
            lambda rows: rows[0].__setitem__(3, "9"),
            "g.fa.gz.fai: chr1 lies elsewhere in g.fa.gz; expected the same place",
        ),
    ],
)
def test_stale_index_of_a_compressed_fasta_is_found_by_the_scan(tmp_path, work, change, result):
    path = stored(tmp_path / "g.fa.gz", fasta_text(CONTIGS), "bgzf")
    rows = index_rows(path, work)
    change(rows)
    Path(f"{path}.fai").write_text("".join("\t".join(cells) + "\n" for cells in rows))
    shutil.copy(work / "g.fa.gz.gzi", f"{path}.gzi")
    with Genome.open(path, work) as opened, pytest.raises(BadDataError) as caught:
        opened.sums()
    assert str(caught.value).startswith(result)


@pytest.mark.bad_input
def test_block_index_of_another_file_is_found_by_the_scan(tmp_path, work):
    path = stored(tmp_path / "g.fa.gz", fasta_text({"a": "ACGTACGTAC" * 9000}, 60), "bgzf")
    with Genome.open(path, work):
        pass
    shutil.move(work / "g.fa.gz.fai", f"{path}.fai")
    Path(f"{path}.gzi").write_bytes(
        (1).to_bytes(8, "little") + (77).to_bytes(8, "little") + (65280).to_bytes(8, "little")
    )
    with (
        Genome.open(path, work) as opened,
        pytest.raises(BadDataError, match="blocks that are not in g.fa.gz"),
    ):
        opened.sums()


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "text",
    [
        "chr1\t93\n",
        "chr1\tx\t17\t10\t11\n",
        "chr1\t93\t-17\t10\t11\n",
        "chr1\t93\t17\t10\t" + "9" * 19 + "\n",
        "chr1\t" + "9" * 5000 + "\t17\t10\t11\n",
    ],
)
def test_malformed_index(tmp_path, text):
    path = stored(tmp_path / "g.fa.fai", text.encode())
    with pytest.raises(
        BadDataError,
        match=r"g.fa.fai: line 1 is '.*'; expected name, length, offset, bases, bytes; delete the index",
    ):
        fasta_scan.read_index(path)


# --- the scan
# -------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("cut", [0, 1])
def test_scan_is_independent_of_how_the_bytes_come(tmp_path, monkeypatch, chunk, end, cut):
    text = fasta_text(CONTIGS, end=end)
    text = text[: len(text) - cut]
    monkeypatch.setattr(
        fasta_scan.bgzf,
        "read_chunks",
        lambda path, max_ratio: (text[i : i + chunk] for i in range(0, len(text), chunk)),
    )
    items = list(fasta_scan.scan(tmp_path / "g.fa"))
    assert [contig.name for contig in items] == NAMES
    assert [contig.length for contig in items] == [len(letters) for letters in LETTERS.values()]
    for contig, letters in zip(items, LETTERS.values(), strict=True):
        assert text[contig.offset : contig.offset + 3].decode() == letters[:3]
        assert text[contig.end - 1 : contig.end].decode() == letters[-1]
        assert text[contig.end : contig.end + 1] in (b"", b"\r", b"\n")
        assert contig.md5 == hashlib.md5(letters.upper().encode()).hexdigest()


def test_contig_without_letters(tmp_path):
    items = list(fasta_scan.scan(stored(tmp_path / "g.fa", b">a\n>b\nAC\n>c")))
    assert [(contig.name, contig.length) for contig in items] == [("a", 0), ("b", 2), ("c", 0)]


@pytest.mark.parametrize("text", [b">a\n>b\nAC\n>c\n", b">a\n>b\nAC\n", b">b\nAC\n>c\n"])
def test_contig_without_letters_can_be_opened(tmp_path, work, text):
    with Genome.open(stored(tmp_path / "g.fa", text), work) as result:
        assert result.contigs["b"] == 2
        assert result.sums()["b"].length == 2
        assert result.windows(result.names[-1], np.array([0]), 3).shape == (1, 3)


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("text", "result"),
    [
        (
            b">a\nACGT\nACUT\n",
            "g.fa a:7: letter 'U'; expected DNA letters in lines of one length; write T for U",
        ),
        (b">a\nACGT\n>b\nacgu\n", "g.fa b:4: letter 'U'"),
        (b">a\nAC GT\n", "g.fa a:3: letter ' '"),
        (b">a\nAC>b\nGT\n", "g.fa a:3: letter '>'"),
        (b">a\nAC\xff\n", "g.fa a:3: letter '\\xff'"),
        (b">a\nACE\n", "g.fa a:3: letter 'E'"),
        (b"ACGT\n", "g.fa: 'ACGT' before the first contig"),
        (b"\n\n", "g.fa: no contig"),
        (b">\nACGT\n", "g.fa before byte 2: a header without a name"),
    ],
)
def test_letters_and_headers_that_are_wrong(tmp_path, text, result):
    with pytest.raises(BadDataError) as caught:
        list(fasta_scan.scan(stored(tmp_path / "g.fa", text)))
    assert result in str(caught.value)


# --- files that are no genome
# ---------------------------------------------------------------------------------------------------


def test_plain_gzip_is_decompressed_with_one_counted_warning(tmp_path, work):
    path = stored(tmp_path / "g.fa.gz", fasta_text(CONTIGS), "gzip")
    with Genome.open(path, work) as result:
        assert result.name == "g.fa.gz"
        assert [(row.count, row.first) for row in result.warnings.rows()] == [(1, "g.fa.gz")]
        assert result.path.parent == work
        assert result.path.read_bytes() == gzip.decompress(path.read_bytes())


def test_bgzf_without_its_ending_is_decompressed_too(tmp_path, work):
    with Genome.open(stored(tmp_path / "g.fa", fasta_text(CONTIGS), "bgzf"), work) as result:
        assert result.contigs["chr1"] == 93
        assert len(result.warnings.rows()) == 1


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("name", "text", "how", "result"),
    [
        ("g.fa", b"", "plain", "empty file"),
        ("g.fa.gz", b"", "bgzf", "empty file"),
        ("g.fa", b"ACGT\n", "plain", "begins with 'ACGT"),
        ("g.fa", b"##fileformat=VCFv4.2\n", "plain", "begins with"),
        ("g.fa.gz", b">a\nACGT\n", "plain", "plain text; expected a compressed"),
        ("g.fa", b">a\nACGT\n>a\nAC\n", "plain", " line 3: contig a twice"),
        ("g.fa", b">a\nACGT\nAC\nACGT\n", "plain", " line 4: letters of a after a line of"),
        ("g.fa", b">a\nACGT\nACGTAC\n", "plain", " line 3: 6 letters of a after a line of 4"),
        ("g.fa.gz", b">a\nACGT\n>a\nAC\n", "bgzf", " line 3: contig a twice"),
        ("g.fa", b">a words\rACGT\r", "plain", " line 1: a CR inside the line"),
        ("g.fa", b">a\nACGT\n\nACGT\n", "plain", " line 4: letters of a after an empty line"),
        ("g.fa", b">\nACGT\n", "plain", " line 1: a header without a name"),
        ("g.fa", b">a\nACGT\n>b", "plain", "ends in the header of b"),
    ],
)
def test_what_is_no_genome_is_refused(tmp_path, work, name, text, how, result):
    with pytest.raises(BadDataError) as caught:
        Genome.open(stored(tmp_path / name, text, how), work).sums()
    place = "" if result.startswith(" line") else ": "
    assert str(caught.value).startswith(f"{name}{place}{result}")
    assert "\n" not in str(caught.value)


@pytest.mark.bad_input
def test_letter_u_is_refused_when_read(tmp_path, work):
    path = stored(tmp_path / "g.fa", b">a\nACGT\nACUT\n")
    with (
        Genome.open(path, work) as result,
        pytest.raises(BadDataError, match="g.fa a:7: letter 'U'"),
    ):
        result.codes("a", 0, 2)


@pytest.mark.bad_input
def test_missing_and_cut_files(tmp_path, work):
    with pytest.raises(MissingInputError):
        Genome.open(tmp_path / "absent.fa", work)
    path = stored(tmp_path / "g.fa.gz", fasta_text({"a": "ACGTACGTAC" * 9000}, 60), "bgzf")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputOutputError, match="ends inside a block"):
        Genome.open(path, work)


@pytest.mark.bad_input
def test_unknown_contig_is_a_key_error(opened):
    with pytest.raises(KeyError):
        opened.codes("chrX", 0, 1)


@pytest.mark.skipif(not DATA.is_dir(), reason="no ../shared/data beside the repository")
def test_real_genome_agrees_with_its_own_index(work):
    with Genome.open(DATA / "hg38_chr1" / "chr1_1M.fa.gz", work) as result:
        text = "".join(
            gzip.open(DATA / "hg38_chr1" / "chr1_1M.fa.gz", "rt").read().splitlines()[1:]
        )
        assert result.contigs == {"chr1": 1_000_000}
        assert result.sums()["chr1"].md5 == hashlib.md5(text.encode()).hexdigest()
        assert result.codes("chr1", 500_000, 500_050).tolist() == naive_codes(
            text, 500_000, 500_050
        )
