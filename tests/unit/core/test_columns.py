"""The table of columns: its entries, what is derived from it, and a measure that is added to it."""

import gzip
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from paths import ROOT

from gfmtrust.annotate import region_summary, regions
from gfmtrust.calibration import reliability
from gfmtrust.calibration.features import ALLELE_FACTS, SITE_FACTS, over_sites
from gfmtrust.core import columns, measures
from gfmtrust.core.column import At, Column
from gfmtrust.io import tables

COMPUTED = {name for names in measures.FUNCTIONS for name in names}
FROM_LLRS = {name for names in measures.FROM_LLRS for name in names}


def test_every_column_is_declared_once():
    names = [column.name for column in columns.COLUMNS]
    assert sorted(names) == sorted(set(names))
    bed_names = [column.bed_name for column in columns.BED_COLUMNS]
    assert sorted(bed_names) == sorted(set(bed_names))


def test_every_function_has_an_entry_that_says_how_variants_have_it():
    """A measure of the LLRs is computed from the variant's own; no other one may say so."""
    for name in COMPUTED:
        assert (columns.column_of(name).over_sites == "llrs") == (name in FROM_LLRS), name
    assert {columns.column_of(name).over_sites for name in SITE_FACTS} == {"mean", "first", "any"}


def test_every_column_that_a_flag_depends_on_is_a_feature():
    computed = COMPUTED | set(SITE_FACTS)
    assert set(reliability.FEATURE_COLUMNS) <= computed | set(ALLELE_FACTS)
    assert set(columns.PREDICTORS) <= computed | set(reliability.FROM_LLR)


def test_every_number_of_a_region_is_computed():
    assert set(region_summary.FUNCTIONS) | set(region_summary.MEANS) == set(region_summary.NUMBERS)
    by_function = [
        column.bed_name for column in columns.BED_COLUMNS if column.over_bases == "function"
    ]
    assert set(by_function) <= set(region_summary.FUNCTIONS)


def test_the_published_order_of_files_does_not_change():
    """Users read these columns by number; a new one stands behind the first version's measures."""
    assert regions.COLUMNS[:4] == ("length_bp", "scored_bases", "scored_share", "entropy")
    assert regions.COLUMNS[9:17] == (
        "disagreement",
        "strand_jsd",
        "surprisal",
        "nll",
        "reliability",
        "certified_share",
        "high_share",
        "decoy_errors",
    )
    assert tables.REGION_BASES.names[4:] == [
        "status",
        "surprisal",
        "ent",
        "dis",
        "gain",
        "strand_jsd",
        "rel",
        "rank",
        "wrong",
    ]
    assert columns.PREDICTORS[:3] == ("abs_llr", "margin", "ent")


def test_features_of_sites_become_those_of_variants_as_their_columns_say():
    """Two variants, of three sites and of one."""
    import pandas as pd

    sites = pd.DataFrame(
        {
            "ent": [1.0, 2.0, 0.0, 0.5],
            "near_edge": [False, True, False, False],
            "soft_masked": [True, False, False, False],
            "region_class": ["a", "b", "b", "c"],
        }
    )
    variants = over_sites(sites, np.array([0, 3]))
    assert variants["ent"].tolist() == [1.0, 0.5]
    assert variants["near_edge"].tolist() == [True, False]
    assert variants["soft_masked"].tolist() == [True, False]
    assert variants["region_class"].tolist() == ["a", "c"]


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"dtype": "float16"}, "dtype 'float16'"),
        ({"description": 'A "quoted" word'}, "a description with a quote"),
        ({"vcf": "GFM_OTHER"}, "an INFO key that is not GFM_NAME"),
        ({"vcf": "GFM_TOP", "dtype": "bool"}, "an INFO key of dtype bool"),
        ({"bed": At()}, "over_bases 'mean' without a place in bases.parquet"),
        ({"decimals": 5}, "more than four decimals"),
    ],
)
def test_an_entry_that_contradicts_itself_is_refused(changed, fault):
    entry = {"name": "top", "description": "Largest", "level": "site"}
    with pytest.raises(ValueError, match=f"column 'top': {fault}"):
        Column(**entry | changed)


@pytest.mark.bad_input
def test_a_feature_without_an_entry_is_refused():
    import pandas as pd

    with pytest.raises(ValueError, match="column 'luck' is not in COLUMNS"):
        over_sites(pd.DataFrame({"luck": [1.0]}), np.array([0]))


# ---- a new measure: one entry, one function

ENTRY = """    Column(
        "top",
        "Largest probability of the mean distribution",
        "site",
        bounds=(0.25, 1.0),
        better="high",
        vcf="GFM_TOP",
        sites=True,
        bases=At(),
        bed=At(),
        report=Shown("mean top", ".3f"),
        predictor=At(),
        decimals=2,
    ),
"""
FUNCTION = """

@from_answers("top")
def largest_probability(answers: Answers) -> np.ndarray:
    return mean_distribution(answers.probs, answers.weights).max(axis=1)
"""
RUN = """
import json
from pathlib import Path
from finished_run import finished, noisy
from planned_run import GENOME, snv_rows
from gfmtrust.annotate.regions import annotate_regions
from gfmtrust.annotate.vcf import annotate_vcf
from gfmtrust.report import rows

here, alleles = Path.cwd(), snv_rows(GENOME, range(100, 900, 5))
finished(here, noisy, alleles)
records = [f"{c}\\t{pos + 1}\\t.\\t{ref}\\t{alt}\\t.\\t.\\t." for c, _, pos, ref, alt in alleles]
header = "##fileformat=VCFv4.2\\n#CHROM\\tPOS\\tID\\tREF\\tALT\\tQUAL\\tFILTER\\tINFO"
(here / "a.vcf").write_text("\\n".join([header, *records, ""]))
(here / "a.bed").write_text("chr1\\t1000\\t1300\\n")
calibration = here / "calibration" / "calibration.json"
annotate_vcf(here / "a.vcf", "a", here / "sites" / "sites.parquet", calibration, here / "out.vcf.gz")
annotate_regions(
    here / "a.bed", "b", here / "sites" / "bases.parquet", calibration, here / "out.bed.gz"
)
(here / "titles.json").write_text(json.dumps(rows.region_titles()))
"""


@pytest.fixture(scope="module")
def with_toy_measure(tmp_path_factory):
    """A copy of the package to which one entry and one function are added, and a small run of it:
    (checkout, folder of the run)."""
    # with its bytecode and machine code, which Python and numba compare with the sources: compiling
    # them again took three quarters of the test
    checkout, run = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("run")
    for name in ("python/gfmtrust", "docs", "assets", "conf"):
        shutil.copytree(ROOT / name, checkout / name, ignore=shutil.ignore_patterns("demo"))
    tool = next(ROOT.glob("*/write_docs.py")).relative_to(ROOT)
    (checkout / tool).parent.mkdir(exist_ok=True)
    for name in ("README.md", "nextflow_schema.json", tool, tool.with_name("contract_docs.py")):
        shutil.copy(ROOT / name, checkout / name)
    core = checkout / "python" / "gfmtrust" / "core"
    table = (core / "columns.py").read_text()
    end = ')\n"""The order of these columns'
    assert table.count(end) == 1
    (core / "columns.py").write_text(table.replace(end, ENTRY + end))
    (core / "measures.py").write_text((core / "measures.py").read_text() + FUNCTION)
    path = os.pathsep.join(map(str, (checkout / "python", ROOT / "tests" / "helpers")))
    for arguments, folder in ((["-c", RUN], run), ([str(tool)], checkout)):
        ended = subprocess.run(
            [sys.executable, *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
            text=True,
        )
        assert ended.returncode == 0, ended.stderr
    return checkout, run


TOP_EVEN, TOP_ODD = 0.94, 0.25 + (0.94 - 0.25) * 0.05
"""What `noisy` says, of even and of odd positions."""


def expected(pos):
    return np.where(np.asarray(pos) % 2 == 0, TOP_EVEN, TOP_ODD)


@pytest.mark.long
def test_a_new_measure_is_in_the_vcf(with_toy_measure):
    lines = gzip.open(with_toy_measure[1] / "out.vcf.gz", "rt").read().splitlines()
    assert any(
        line.startswith("##INFO=<ID=GFM_TOP,Number=A,Type=Float,Description=") for line in lines
    )
    records = [line.split("\t") for line in lines if not line.startswith("#")]
    values = [float(record[7].rpartition(";GFM_TOP=")[2]) for record in records]
    assert len(values) == 160
    assert values == [round(x, 2) for x in expected([int(r[1]) - 1 for r in records]).tolist()]


@pytest.mark.long
def test_a_new_measure_is_in_the_tables(with_toy_measure):
    for name in ("sites", "bases"):
        table = pq.read_table(with_toy_measure[1] / "sites" / f"{name}.parquet").to_pandas()
        scored = table[(table["status"] == "SCORED")]
        np.testing.assert_allclose(scored["top"], expected(scored["pos"]), atol=1e-6)


@pytest.mark.long
def test_a_new_measure_is_in_the_bed_and_its_counts(with_toy_measure):
    _, run = with_toy_measure
    lines = gzip.open(run / "out.bed.gz", "rt").read().splitlines()
    names = next(line for line in lines if "columns" in line).split(": ")[1].split()
    row = dict(zip(names, lines[-1].split("\t")[3:], strict=True))
    assert float(row["top"]) == round((TOP_EVEN + TOP_ODD) / 2, 2)
    assert names[names.index("high_share") + 1] == "top"
    counts = json.loads((run / "b.counts.json").read_text())
    assert counts["mean_top"] == pytest.approx((TOP_EVEN + TOP_ODD) / 2, abs=1e-6)
    assert "mean top" in json.loads((run / "titles.json").read_text())


@pytest.mark.long
def test_a_new_measure_is_a_predictor_of_the_reliability(with_toy_measure):
    calibration = json.loads((with_toy_measure[1] / "calibration" / "calibration.json").read_text())
    assert [row["measure"] for row in calibration["classes"]["SNV"]["ablation"]][-1] == "top"
    probes = pq.read_table(with_toy_measure[1] / "calibration" / "probes.scored.parquet")
    assert "top" in probes.column_names
    page = (with_toy_measure[0] / "docs" / "start" / "output.md").read_text()
    block = page.split("<!-- begin probe_columns")[1].split("<!-- end")[0]
    assert re.findall(r"^\| `(\w+)` \|", block, flags=re.MULTILINE) == probes.column_names


@pytest.mark.long
def test_a_new_measure_is_in_the_docs(with_toy_measure):
    checkout, _ = with_toy_measure
    row = "| `top` | Largest probability of the mean distribution | 1 | 0.25 to 1 | high |"
    assert row in (checkout / "docs" / "understand" / "reliability.md").read_text()
    pages = {path.name: path.read_text() for path in Path(checkout, "docs").rglob("*.md")}
    assert "| `GFM_TOP` | A | Float |" in pages["output.md"]
    assert pages["output.md"].count("| `top` |") == 4  # BED and three Parquet tables
    assert "`near_edge`, `top`" in pages["reliability.md"]
