"""The ten-consumer contract over a made-up run: each recipe of docs/extend/integration.md as it stands,
where its tool is; and its faults."""

import importlib.util
import os
import sys
from pathlib import Path

import consumer_run
import pytest
from paths import ROOT

pytestmark = pytest.mark.long

MEDIUM_OR_BETTER = {
    ("3", "10", "A", "C"),
    ("3", "70", "A", "G"),
    ("chr1", "10", "A", "C"),
    ("chr1", "20", "C", "T"),
    ("chr1", "30", "G", "A"),
    ("chr1", "50", "ACG", "A"),
    ("chr1", "50", "ACG", "ACGT"),
    ("chr1", "70", "A", "G"),
    ("chr1", "70", "A", "T"),
    ("chr2", "5", "AC", "GT"),
}
"""Read off consumer_run by eye."""
SPLIT = "bcftools norm -m- -o split.vcf in.gfm.vcf.gz && "


def load_tool():
    spec = importlib.util.spec_from_file_location("consumers", ROOT / "dev" / "consumers.py")
    tool = sys.modules["consumers"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


TOOL = load_tool()
TOOLS = Path(os.environ.get("GFMTRUST_CONSUMERS", TOOL.TOOLS)).resolve()


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return consumer_run.make(tmp_path_factory.mktemp("consumers"))


@pytest.fixture(scope="module")
def bench():
    return TOOL.Bench(TOOLS)


def consumer(name):
    return next(one for one in TOOL.CONSUMERS if one.name == name)


def needed(bench, name):
    lacking = bench.lacking(consumer(name))
    if lacking:
        pytest.skip(f"{lacking} is not installed; dev/consumers.sh gets it")


def kept(bench, results, command, files=(), sample="joined"):
    """Alleles that a shell line prints of one annotated file."""
    return bench.run(
        command, dict(files), results, results / "annotated" / sample / f"{sample}.gfm.vcf.gz"
    )


@pytest.mark.parametrize("name", [one.name for one in TOOL.CONSUMERS])
def test_all_keep_the_same_alleles(bench, results, name):
    needed(bench, name)
    one = consumer(name)
    wanted = {
        "genome": {
            ("chr3" if contig == "3" else contig, *rest) for contig, *rest in MEDIUM_OR_BETTER
        },
        "bases": {("chr1", str(pos)) for pos in [*range(201, 231), *range(301, 331)]},
    }.get(one.asks, MEDIUM_OR_BETTER)
    assert bench.ask(one, results) == wanted
    assert TOOL.expected(results, one.asks) == wanted
    assert bench.version(one)[0].isdigit()


def test_ten_consumers_have_a_recipe():
    assert len(TOOL.CONSUMERS) == 11  # tracks are asked twice
    for one in TOOL.CONSUMERS:
        command, files = TOOL.recipe(one.name)
        assert command.strip()
        assert (command == "python recipe.py") == ("recipe.py" in files)
    assert set(TOOL.recipe("vcfanno")[1]) == {"gfm.toml"}


def test_the_command_prints_the_table(results, capsys, monkeypatch):
    names = ["bcftools", "SnpSift", "IGV session"]
    monkeypatch.setattr(TOOL, "CONSUMERS", tuple(map(consumer, names)))
    assert TOOL.main([str(results), "--tools", str(results / "no_tools")]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["consumer", "version", "expression", "kept", "agrees"]
    assert [row.split("  ")[0] for row in rows] == names
    assert rows[-1].split()[-4:] == ["10", "of", "10", "yes"]
    assert all(row.endswith("yes") or "not installed: " in row for row in rows)


# --- what each gets wrong, as the page says
# -----------------------------------------------------------------------------


def test_bcftools_passes_whole_records_that_were_not_split(bench, results):
    needed(bench, "bcftools")
    joined = kept(bench, results, "bcftools view -i 'GFM_RANK>=2' in.gfm.vcf.gz")
    assert ("chr1", "10", "A", "C,G") in joined  # G is LOW
    assert ("chr1", "10", "A", "C,G") not in kept(
        bench, results, "bcftools view -e 'GFM_RANK<2' in.gfm.vcf.gz"
    )  # C is HIGH


@pytest.mark.parametrize("sign", ["> -99", "< 99"])
def test_a_missing_llr_fulfils_no_comparison_of_bcftools_and_vembrane(bench, results, sign):
    needed(bench, "vembrane")
    for line in (
        f"bcftools view -i 'GFM_LLR {sign}' split.vcf",
        f"vembrane filter 'INFO[\"GFM_LLR\"] {sign}' split.vcf",
    ):
        result = kept(bench, results, SPLIT + line)
        assert ("chr2", "90", "A", "C") in result
        assert ("chr1", "60", "A", "C") not in result


def test_vcfanno_invents_an_llr_of_0(bench, results):
    needed(bench, "vcfanno")
    toml = '[[annotation]]\nfile = "results/scores/sites.gfm.vcf.gz"\nfields = ["GFM_LLR"]\nops = ["self"]\nnames = ["GFM_LLR"]\n'
    line = "gunzip -c in.vcf.gz | bcftools norm -m- -Oz -o split.vcf.gz; vcfanno gfm.toml split.vcf.gz | grep -v '^#' | grep 'GFM_LLR=0'"
    by_name = {
        allele[:2] for allele in kept(bench, results, line + " | cut -f1,2,4,5", {"gfm.toml": toml})
    }
    assert {("chr1", "60"), ("chr1", "40")} <= by_name
    assert kept(
        bench, results, "bcftools view -H -i 'GFM_LLR=0' in.gfm.vcf.gz | cut -f1,2,4,5"
    ) == {("chr1", "20", "C", "T,<DEL>")}


def test_snpsift_lets_a_missing_llr_pass_as_0_would(bench, results):
    needed(bench, "SnpSift")
    unscored = ("chr1", "60", "A", "C")
    assert unscored in kept(bench, results, SPLIT + "SnpSift filter '(GFM_LLR[*] > -1)' split.vcf")
    assert unscored not in kept(
        bench, results, SPLIT + "SnpSift filter '(GFM_LLR[*] < -1)' split.vcf"
    )
    first = kept(
        bench, results, SPLIT + "SnpSift filter '(GFM_RANK[*] >= 2) & (GFM_LLR[*] > -1)' split.vcf"
    )
    assert first == {("chr1", "20", "C", "T")}


def test_gatk_stops_on_a_missing_llr_and_on_records_that_were_not_split(bench, results):
    needed(bench, "GATK")
    index = (
        "bcftools view -Oz -o split.vcf.gz {0} && bcftools index -t split.vcf.gz && "
        "gatk SelectVariants -V split.vcf.gz -O kept.vcf -select "
    )
    split = SPLIT + index.format("split.vcf")
    for line in (split + "'GFM_LLR > -1.0'", index.format("in.gfm.vcf.gz") + "'GFM_RANK >= 2'"):
        with pytest.raises(RuntimeError, match="ended with 2"):
            kept(bench, results, line)
    assert kept(bench, results, split + "'GFM_RANK >= 2 && GFM_LLR > -1.0'") == {
        ("chr1", "20", "C", "T")
    }


@pytest.mark.parametrize(
    ("name", "code"),
    [
        (
            "DuckDB",
            "import duckdb; rows = duckdb.sql(\"SELECT contig, pos + 1, ref, alt FROM '{0}' WHERE llr {1}\").fetchall()",
        ),
        (
            "Polars",
            "import polars as pl; rows = pl.read_parquet('{0}').filter(pl.col('llr') {1})"
            ".select('contig', pl.col('pos') + 1, 'ref', 'alt').rows()",
        ),
    ],
)
def test_nan_is_a_number_to_duckdb_and_polars(bench, results, name, code):
    needed(bench, name)
    items = [
        kept(
            bench,
            results,
            "python recipe.py",
            {
                "recipe.py": code.format("results/scores/sites.parquet", sign)
                + "\nfor row in rows: print(*row, sep='\\t')"
            },
        )
        for sign in ("> -1", "< 99")
    ]
    assert any(("chr1", "60", "A", "C") in alleles for alleles in items)


def test_python_readers_give_none(bench, results):
    needed(bench, "cyvcf2")
    code = (
        "from cyvcf2 import VCF\nimport pysam\n"
        "one = [r.INFO.get('GFM_LLR') for r in VCF('split.vcf') if r.POS == 60]\n"
        "two = [r.info['GFM_LLR'] for r in pysam.VariantFile('split.vcf') if r.pos == 60]\n"
        "assert one == [None, None] and two == [(None,), (None,)], (one, two)\n"
    )
    assert kept(bench, results, SPLIT + "python recipe.py", {"recipe.py": code}) == set()


# --- bad input
# ------------------------------------------------------------------------------------------------------------


@pytest.mark.bad_input
def test_a_tool_that_disagrees_or_fails_is_told(bench, results, monkeypatch, capsys):
    monkeypatch.setattr(
        TOOL, "CONSUMERS", (TOOL.Consumer("IGV session", (), "genome", "echo 1", ""),)
    )
    for command, says in (
        ("printf 'chr1\\t10\\tA\\tC\\n'", "no: 9 differ"),
        ("exit 3", "ended with 3"),
    ):
        monkeypatch.setattr(TOOL, "recipe", lambda name, command=command: (command, {}))
        assert TOOL.main([str(results)]) == 1
        assert says in capsys.readouterr().out


@pytest.mark.bad_input
def test_a_folder_without_results_is_refused(tmp_path, capsys):
    assert TOOL.main([str(tmp_path)]) == 66
    assert "no annotated/" in capsys.readouterr().err


@pytest.mark.bad_input
@pytest.mark.parametrize("need", ["no_such_command_here", "module no_such_module_here"])
def test_what_is_not_installed_is_named(bench, need):
    assert bench.lacking(TOOL.Consumer("x", (need,), "vcf", "true", "")) == need


@pytest.mark.bad_input
def test_a_consumer_without_a_recipe_is_found():
    with pytest.raises(IndexError):
        TOOL.recipe("no such heading")


@pytest.mark.bad_input
def test_keys_that_a_header_lacks_are_declared_for_the_tools():
    record = "1\t5\t.\tA\tC\t.\tLow;PASS\tDP=3;NOTE=by;XQ\n"
    lines = ["##fileformat=VCFv4.2\n", "##INFO=<ID=DP,Number=1,Type=Integer>\n", "#CHROM\n", record]
    added = TOOL.undeclared(lines)
    assert [line.split(",")[0] for line in added] == [
        "##FILTER=<ID=Low",
        "##INFO=<ID=NOTE",
        "##INFO=<ID=XQ",
    ]
    assert TOOL.with_lines(lines, added) == [*lines[:2], *added, *lines[2:]]
    assert not TOOL.undeclared(TOOL.with_lines(lines, added))


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("columns", "is_common"),
    [
        ("A\tC,<NON_REF>\t.\tPASS\tDP=3", True),
        ("A\t*,acgn\t.\tPASS\t.", True),
        ("A\t.\t.\tPASS\tEND=9", True),
        ("A\tR\t.\tPASS\tDP=3", False),
        ("N\t<DEL>\t.\tPASS\tEND=9;SVLEN=-4", False),
    ],
)
def test_records_that_a_tool_cannot_read_in_any_file_are_left_out(columns, is_common):
    assert TOOL.is_common(f"1\t5\t.\t{columns}\n") == is_common
