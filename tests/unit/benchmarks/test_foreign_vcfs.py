"""The campaign of foreign VCFs: its genome, its own comparison of texts, and a folder whose outcomes
are known."""

import argparse
from pathlib import Path

import foreign_vcfs
import pytest
from foreign_parts import genome, stripped
from naive_splice import expected
from vcf_texts import COLUMNS, HEADER, OUR_LINES, SAMPLES, line, stored, vcf_text

TEXT = HEADER + COLUMNS + line(info=b".") + line(pos=b"7", info=b"AC=1;") + line(pos=b"9", alt=b".")
VALUES = [b"GFM_STATUS=SCORED;GFM_RANK=1", b"GFM_STATUS=SCORED;GFM_RANK=0", None]


def test_the_genome_has_the_letters_of_the_records(tmp_path):
    path = stored(tmp_path / "a.vcf.gz", vcf_text(), "bgzf")
    lengths = genome.write(tmp_path / "g.fa", [path], 100)
    contigs = {
        name: "".join(lines)
        for name, *lines in (
            one.split("\n") for one in (tmp_path / "g.fa").read_text()[1:].split("\n>")
        )
    }
    assert {name: len(text) for name, text in contigs.items()} == lengths
    assert contigs["chr1"][4:8] == "AAAA"
    assert contigs["chr1"][8] == "G", "the first record at a position decides"
    assert lengths["chr2"] == 41 + genome.MARGIN, "position 900 is beyond the longest contig"
    assert set("".join(contigs.values())) <= set("ACGTN")


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "text", [b"", b"\x00\xff" * 99, b"c\t1\n", b"c\t0\t.\tA\tC\t.\n", TEXT[:90]]
)
def test_what_is_no_record_gives_no_letter(tmp_path, text):
    assert genome.write(tmp_path / "g.fa", [stored(tmp_path / "a.vcf", text)], 100) == {}


@pytest.mark.parametrize("end", [b"", b"\n", b"\n\n\n"])
def test_an_annotated_text_is_its_source_but_for_our_keys(end):
    source = TEXT.removesuffix(b"\n") + end
    assert stripped.difference(source, expected(source, OUR_LINES, VALUES)) == ""


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        (b"AC=1;GFM", b"AC=2;GFM", "line 8"),
        (b"rs1\tA\t.", b"rs2\tA\t.", "line 9"),
        (b"##FILTER", b"##FILTRE", "line 5"),
        (b"1e-300\tPASS\tGFM", b"0\tPASS\tGFM", "line 7"),
        (b"chr1\t9", b"chr1\t9\nchr1\t9", "10 lines, 9 in the input"),
    ],
)
def test_any_other_difference_is_named(old, new, place):
    annotated = expected(TEXT, OUR_LINES, VALUES)
    assert annotated.count(old) == 1
    changed = stripped.difference(TEXT, annotated.replace(old, new))
    assert changed.replace("11 lines, 10", "10 lines, 9") == place


@pytest.mark.long
@pytest.mark.bad_input
def test_a_folder_whose_outcomes_are_known(tmp_path, capsys):
    folder = tmp_path / "vcfs"
    folder.mkdir()
    records = [(b"chr1", str(pos).encode(), b"A", b"C", b".") for pos in range(20, 15_000, 500)]
    stored(folder / "a.vcf.gz", vcf_text(records), "gzip")
    stored(folder / "b.vcf", HEADER + SAMPLES + line(samples=(b"0/1", b".")) + b"\n\n")
    (folder / "c.vcf").write_bytes(vcf_text()[:-20].replace(b"##fileformat", b"##format"))
    (folder / "d.bcf").write_bytes(b"BCF\x02\x02")
    (folder / "notes.txt").write_text("no VCF")
    vcfs = foreign_vcfs.vcfs_of([folder])
    options = argparse.Namespace(longest=20_000, probes=400)
    outcomes = foreign_vcfs.campaign(vcfs, tmp_path / "work", options)
    rows = [(one.path.name, one.result, one.code, one.n_records) for one in outcomes]
    assert rows == [
        ("a.vcf.gz", "identical", 0, len(records)),
        ("b.vcf", "identical", 0, 1),
        ("c.vcf", "refused", 65, 0),
        ("d.bcf", "refused", 65, 0),
    ]
    assert "31 records annotated\n2 identical (0)\n2 refused (65)" in foreign_vcfs.summary(outcomes)
    assert Path(folder / "b.vcf").read_bytes().endswith(b"\n\n")
