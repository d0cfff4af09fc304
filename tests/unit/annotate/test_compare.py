"""Two annotations side by side, against counts made by hand."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from gfmtrust.annotate import compare, comparison_text
from gfmtrust.cli import main as cli
from gfmtrust.core import documents
from gfmtrust.core.contracts.run import RunFacts
from gfmtrust.io import tables

HEADER = (
    '##fileformat=VCFv4.2\n##contig=<ID=c,length=900>\n##GFM_model=<ID=toy,SHA256={sha},NOTE="x">\n##gfmtrustCommand={command}\n'
    "##gfmtrustShift=ok\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
)
RECORDS = [  # pos, ref, alts, statuses, ranks, llrs
    (10, "A", "C,G", "SCORED,SCORED", "3,1", "-2.5,0.5"),
    (20, "G", "T", "SCORED", "2", "-1"),
    (30, "C", "<DEL>", "SYMBOLIC", "0", "."),
    (30, "C", "T", "SCORED", "1", "0.1"),
    (30, "C", "T", "SCORED", "1", "0.1"),  # the same allele again
    (40, "T", "A", "SCORED", "3", "-4"),
]


def written(path: Path, records=RECORDS, sha="ab", command="one") -> Path:
    lines = [
        f"c\t{pos}\t.\t{ref}\t{alts}\t.\t.\tDP=3;GFM_STATUS={status};GFM_RANK={rank};GFM_LLR={llr}\n"
        for pos, ref, alts, status, rank, llr in records
    ]
    path.write_text(
        HEADER.format(sha=sha, command=command) + "".join(lines) + "c\t50\t.\tA\t.\t.\t.\tDP=1\n"
    )
    return path


def test_a_file_and_itself_do_not_differ(tmp_path):
    comparison = compare.compare(
        written(tmp_path / "a.vcf"), written(tmp_path / "b.vcf", command="another")
    )
    assert (comparison.n_a, comparison.n_b, comparison.both) == (7, 7, 7)
    assert (comparison.changed_flags, comparison.flips, comparison.facts) == (0, 0, {})
    assert comparison.flags.to_numpy().sum() == 7
    assert comparison.changes["llr"] == compare.Change(
        6, 0, {"median": 0.0, "p99": 0.0, "p99.9": 0.0, "largest": 0.0}, 0, 0
    )


def test_what_moved_is_counted(tmp_path):
    other = [*RECORDS]
    other[0] = (10, "A", "C,G", "SCORED,SCORED", "1,1", "-2.25,0.5")  # HIGH to LOW
    other[1] = (20, "G", "T", "TOO_LONG", "0", ".")
    other[5] = (41, "T", "A", "SCORED", "3", "-4")  # another place
    comparison = compare.compare(
        written(tmp_path / "a.vcf"), written(tmp_path / "b.vcf", other, sha="cd")
    )
    assert (comparison.n_a, comparison.n_b, comparison.both) == (7, 7, 6)
    assert (comparison.changed_flags, comparison.flips) == (2, 1)
    assert comparison.flags.loc["HIGH", "LOW"] == comparison.flags.loc["MEDIUM", "NOT_SCORED"] == 1
    assert comparison.statuses.loc["SCORED", "TOO_LONG"] == 1
    moved = comparison.changes["llr"]
    assert (moved.n, moved.differ, moved.only_a, moved.only_b) == (4, 1, 1, 0)
    assert moved.quantiles["largest"] == pytest.approx(0.25)
    assert comparison.facts == {"model toy": ("ab", "cd")}
    text = comparison_text.text(comparison)
    assert "HIGH to LOW or back  1" in text
    assert "status   SCORED -> TOO_LONG  1" in text
    assert "only A 1  only B 1" in text
    heading, high = text.splitlines()[4:6]
    assert heading.index("LOW") == high.index("1")


def test_a_results_folder_is_all_of_its_alleles(tmp_path):
    texts = [
        ("c", 9, "A", "C", "SCORED", 3, -2.5),
        ("c", 9, "A", "G", "SCORED", 1, 0.5),
        ("c", 19, "G", "T", "SCORED", 2, -1.5),
    ]
    columns = dict(
        zip(
            ("contig", "pos", "ref", "alt", "status", "rank", "llr"),
            map(list, zip(*texts, strict=True)),
            strict=True,
        )
    )
    missing = {name: np.full(3, np.nan, np.float32) for name in compare.NUMBERS if name != "llr"}
    table = pa.table({**columns, **missing})
    tables.write(
        tmp_path / "run" / "scores" / "sites.parquet",
        table,
        table.schema,
        RunFacts(models={"toy": {"bundle_sha256": "ab"}}).to_dict(),
    )
    comparison = compare.compare(tmp_path / "run", written(tmp_path / "b.vcf"))
    assert (comparison.n_a, comparison.n_b, comparison.both) == (3, 7, 3)
    assert comparison.changed_flags == 0
    assert comparison.changes["llr"].quantiles["largest"] == pytest.approx(0.5)
    assert "model toy" not in comparison.facts


def test_the_command_writes_its_figures(tmp_path, capsys):
    a, b = written(tmp_path / "a.vcf"), written(tmp_path / "b.vcf")
    assert (
        cli.main(
            [
                "compare",
                str(a),
                str(b),
                "--out",
                str(tmp_path / "c.json"),
                "--max_flags",
                "0",
                "--max_llr",
                "0",
            ]
        )
        == 0
    )
    assert documents.read_json(tmp_path / "c.json")["alleles"] == {"a": 7, "b": 7, "both": 7}
    assert capsys.readouterr().out.startswith("alleles  A 7  B 7  both 7  only A 0  only B 0\n")


def test_alleles_of_one_side_alone_are_named(tmp_path):
    """1-based and as the file spells them; the second record of an allele is an allele of its
    own."""
    more = [(pos, "A", "C", "SCORED", "1", "0.1") for pos in (100, 101, 102, 103)]
    comparison = compare.compare(
        written(tmp_path / "a.vcf", [*RECORDS, *more]),
        written(tmp_path / "b.vcf", [*RECORDS, more[0], more[0]]),
    )
    assert comparison.only_a == [f"c:{pos} A>C" for pos in (101, 102, 103)]
    assert comparison.only_b == ["c:100 A>C"]
    text = comparison_text.text(comparison).splitlines()
    assert text[1].split(maxsplit=2) == ["only", "A", "c:101 A>C, c:102 A>C, c:103 A>C"]
    assert comparison.as_dict()["only_b"] == comparison.only_b


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("change", "limits", "text"),
    [
        (
            {0: (10, "A", "C,G", "SCORED,SCORED", "2,1", "-2.5,0.5")},
            ["--max_flags", "0.1"],
            "1 of 7 flags changed (14 %); expected at most 10",
        ),
        (
            {1: (20, "G", "T", "SCORED", "2", "-1.01")},
            ["--max_llr", "0.001"],
            "an LLR moved by 0.01 nats",
        ),
        ({1: (20, "G", "T", "SCORED", "2", ".")}, ["--max_llr", "1"], "1 are on one side alone"),
        (
            {1: (21, "G", "T", "SCORED", "2", "-1")},
            ["--max_llr", "1"],
            "1 alleles on one side alone; expected none",
        ),
    ],
)
def test_the_lock_ends_with_65_and_names_the_first_that_broke(
    tmp_path, capsys, change, limits, text
):
    other = [change.get(row, record) for row, record in enumerate(RECORDS)]
    ended = cli.main(
        [
            "compare",
            str(written(tmp_path / "a.vcf")),
            str(written(tmp_path / "b.vcf", other)),
            *limits,
        ]
    )
    assert ended == 65
    assert text in capsys.readouterr().err


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("make", "code", "text"),
    [
        (lambda path: None, 66, "b.vcf: not found; expected an annotated VCF or a results folder"),
        (
            lambda path: path.mkdir(),
            66,
            "no scores/sites.parquet; expected the results folder of a finished run",
        ),
        (
            lambda path: path.write_text(HEADER + "c\t5\t.\tA\tC\t.\t.\tDP=1\n"),
            65,
            "no record with GFM_STATUS; expected an annotated VCF",
        ),
        (
            lambda path: written(path, [(7, "A", "C", "SCORED", "1", "0.2")]),
            65,
            "no allele in common",
        ),
        (
            lambda path: written(path, [(7, "A", "C,G", "SCORED", "1", "0.2")]),
            65,
            "1 values of status; expected 2, one an ALT",
        ),
    ],
)
def test_what_cannot_be_compared_is_said(tmp_path, capsys, make, code, text):
    make(tmp_path / "b.vcf")
    assert cli.main(["compare", str(written(tmp_path / "a.vcf")), str(tmp_path / "b.vcf")]) == code
    assert text in capsys.readouterr().err
