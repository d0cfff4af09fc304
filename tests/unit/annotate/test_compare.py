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


def run_of(folder, records):
    """A results folder with those alleles: pos (0-based), ref, alt, llr, gain."""
    names = ("pos", "ref", "alt", "llr", "gain")
    columns = dict(zip(names, map(list, zip(*records, strict=True)), strict=True))
    n = len(records)
    numbers = {name: np.full(n, np.nan, np.float32) for name in compare.NUMBERS}
    numbers |= {name: np.float32(columns.pop(name)) for name in ("llr", "gain")}
    keys = {"contig": ["c"] * n, "status": ["SCORED"] * n, "rank": np.ones(n, np.uint8)}
    table = pa.table(keys | columns | numbers)
    path = folder / "scores" / "sites.parquet"
    tables.write(path, table, table.schema, RunFacts(models={}).to_dict())
    return folder


def test_a_folder_and_its_own_vcf_do_not_differ(tmp_path):
    """The VCF has four decimals, and every gain of the folder differed from its own text."""
    numbers = np.float32(np.random.default_rng(1).normal(size=(400, 2)) * 5)
    numbers[:3] = [[0.00005, -0.00005], [123.45675, 0.00015], [-1e-9, 0]]
    run = run_of(tmp_path / "run", [(i, "A", "C", *row) for i, row in enumerate(numbers)])
    lines = "".join(
        f"c\t{i + 1}\t.\tA\tC\t.\t.\tGFM_STATUS=SCORED;GFM_RANK=1;"
        f"GFM_LLR={llr:.4f};GFM_GAIN={gain:.4f}\n"
        for i, (llr, gain) in enumerate(numbers.tolist())
    )
    vcf = tmp_path / "a.vcf"
    vcf.write_text(HEADER.format(sha="ab", command="one") + lines)
    for sides in ((run, vcf), (vcf, run)):
        changes = compare.compare(*sides).changes
        assert [(changes[name].n, changes[name].differ) for name in ("llr", "gain")] == [
            (400, 0)
        ] * 2
    further = run_of(tmp_path / "more", [(0, "A", "C", 0.00005, 0), (1, "A", "C", 0.00006, 0)])
    again = run_of(tmp_path / "again", [(0, "A", "C", 0.00005, 0), (1, "A", "C", 0.00007, 0)])
    assert compare.compare(further, again).changes["llr"].differ == 1  # folders stay exact


def test_letters_are_compared_without_their_case(tmp_path):
    """sites.parquet has letters in upper case, and a lower-case record was on one side alone."""
    run = run_of(tmp_path / "run", [(0, "A", "C", 1, 1), (1, "A", "A]chr1:5]", 1, 1)])
    records = [(1, "a", "c", "SCORED", "1", "1"), (2, "a", "A]chr1:5]", "SCORED", "1", "1")]
    comparison = compare.compare(written(tmp_path / "a.vcf", records), run)
    assert (comparison.n_a, comparison.both, comparison.only_a) == (2, 2, [])


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("info", "text"),
    [
        ("GFM_STATUS=SCORED", "GFM_RANK is .; expected a rank from 0 to 3"),
        ("GFM_STATUS=SCORED;GFM_RANK=9", "GFM_RANK is 9; expected a rank from 0 to 3"),
        ("GFM_STATUS=SCORED;GFM_RANK=1;GFM_LLR=x", "llr is x; expected a number or ."),
    ],
)
def test_a_file_that_lost_a_key_is_named_with_its_record(tmp_path, capsys, info, text):
    """bcftools annotate -x INFO/GFM_RANK left a file that ended in an error of ours (70)."""
    lost = tmp_path / "lost.vcf"
    lost.write_text(HEADER.format(sha="ab", command="one") + f"c\t10\t.\tA\tC\t.\t.\t{info}\n")
    assert cli.main(["compare", str(written(tmp_path / "a.vcf")), str(lost)]) == 65
    assert f"lost.vcf c:10: {text}" in capsys.readouterr().err
