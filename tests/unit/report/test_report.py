"""The report: numbers against slow twins, words for every outcome, one safe self-contained page."""

import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from hand_made_calibration import changed_calibration
from report_page import Page, words
from synthetic_run import (
    comparison,
    fitted,
    make_run,
    random_sites,
    site_row,
    vcf_counts,
    write_sites,
)

from gfmtrust.annotate import model_comparison
from gfmtrust.calibration import local_lr
from gfmtrust.calibration.certificates import Certificate, ErrorCount
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.calibration.shift import ShiftVerdict
from gfmtrust.core import documents
from gfmtrust.core.contracts.run import RunFacts
from gfmtrust.core.errors import BadDataError, ConfigurationError, MissingInputError
from gfmtrust.core.vocabulary import Rank, Status
from gfmtrust.io import tables
from gfmtrust.report import figures as report_figures
from gfmtrust.report import loci
from gfmtrust.report import wording as report_wording
from gfmtrust.report.numbers import (
    FLAGS,
    AlleleNumbers,
    LeagueRow,
    allele_numbers,
    calibration_curve,
    league,
)
from gfmtrust.report.report import FILTERS, HTML, RunFiles, html, read_run, report

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A finished report of a model that knows something, with the folder it lies in."""
    folder = tmp_path_factory.mktemp("good")
    run = report(RunFiles(**make_run(folder, skill=2.6)), out_dir=folder / "out")
    return run, folder


def test_page_is_whole_small_and_needs_nothing(good):
    text = (good[1] / "out" / HTML).read_text()
    page = Page(text)
    assert len(text) < 500_000
    assert not [
        tag
        for tag, _ in page.tags
        if tag in ("script", "link", "img", "iframe", "object", "form", "base")
    ]
    assert not [
        name
        for _, attributes in page.tags
        for name in attributes
        if name.startswith("on") or name == "src"
    ]
    assert not re.findall(r"https?://(?!www\.w3\.org/)", text)
    policy = next(
        attributes["content"]
        for tag, attributes in page.tags
        if attributes.get("http-equiv") == "Content-Security-Policy"
    )
    assert (
        policy
        == "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
    )
    assert "url(" not in re.sub(r"url\(#", "", text)
    assert "nan" not in words(page).split()


def test_sections_come_in_order(good):
    page = Page((good[1] / "out" / HTML).read_text())
    order = ["scored alleles are HIGH", "From input to HIGH", "Can the flag be believed?", "What the models say", "Each model alone",
             "Do the models agree?", "Model league", "Flags by group", "Contigs", "Samples", "Regions", "Input checks",
             "Alleles to look at", "Safe filters", "Provenance"]  # fmt: skip
    headings = words(page).split("Provenance", 1)[1]  # behind the links to the sections
    places = [headings.index(title) for title in order[1:]]
    assert words(page).index(order[0]) < words(page).index("Research use only")
    assert places == sorted(places)
    assert "Research use only; not ACMG evidence." in page.text
    assert "without phase" in page.text


def test_equal_inputs_give_equal_bytes(good, tmp_path):
    report(RunFiles(**make_run(tmp_path, skill=2.6)), out_dir=tmp_path / "out")
    for path in sorted((good[1] / "out").iterdir()):
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes(), path.name


@pytest.mark.long
@pytest.mark.parametrize(
    ("options", "headline"),
    [
        (
            {"skill": 0.0},
            "No allele is HIGH: on this genome the model cannot distinguish the real base from a decoy well enough.",
        ),
        ({"n_sites": 0, "samples": False, "regions": False}, "No allele was given."),
        ({"n_probes": 60, "regions": False}, "No allele is HIGH"),
        ({"n_probes": 0}, "No allele is HIGH: no certificate could be made."),
    ],
)
def test_thin_runs_still_have_a_report(tmp_path, options, headline):
    run = report(
        RunFiles(**make_run(tmp_path, **{"n_sites": 200, **options})), out_dir=tmp_path / "out"
    )
    page = Page((tmp_path / "out" / HTML).read_text())
    assert headline in words(page)
    assert run.numbers.ranks[Rank.HIGH] == 0
    assert "HIGH 1" not in words(page)


@pytest.mark.long
def test_a_run_in_which_nothing_is_scored(tmp_path):
    folders = make_run(tmp_path, n_sites=0)
    write_sites(
        tmp_path / "sites" / "sites.parquet",
        [site_row("c", 3, "A", "<DEL>", "SYMBOLIC"), site_row("c", 4, "A", "AT", "UNSUPPORTED")],
    )
    report(RunFiles(**folders), out_dir=tmp_path / "out")
    assert "No allele could be scored." in words(Page((tmp_path / "out" / HTML).read_text()))


EVIL = "<script>alert(1)</script>\"'&{{7*7}}\t=1+1"


@pytest.mark.bad_input
def test_hostile_names_are_text_in_every_place(tmp_path):
    """Genome, file, warning, sample, model, contig, class of region, allele and title, each with
    markup of its own."""
    folders = make_run(tmp_path, n_sites=50)
    places = [
        "genome",
        "input",
        "warning",
        "sample",
        "model",
        "contig",
        "class",
        "title",
        "family",
        "plan",
    ]
    evil = {place: f"<img src=x id={place} onerror=alert(1)>{EVIL}" for place in places}
    path = folders["checked"] / "checks.json"
    content = documents.read_json(path)
    content["genome"]["name"], content["inputs"][0]["name"] = evil["genome"], evil["input"]
    content["inputs"][0]["warnings"][0]["text"] = evil["warning"]
    path.write_text(json.dumps(content))
    sample = documents.read_json(folders["counts"][0])
    sample["id"] = evil["sample"]
    sample["statuses"][evil["plan"]] = 99_999
    folders["counts"][0].write_text(json.dumps(sample))
    row = site_row(evil["contig"], 3, "A", "C", rank=3, rel=0.99, region_class=evil["class"])
    write_sites(
        tmp_path / "sites" / "sites.parquet",
        [row, site_row(evil["contig"], 4, "A", "<b onclick=x>", "SYMBOLIC")],
    )
    write_comparison(tmp_path, comparison(9, (evil["model"], "b")))
    bases = [{"offset": 0, "base": "<b>", "p": [0.25] * 4}]
    output = {"flank": 8, "loci": [{name: row[name] for name in loci.KEY} | {"bases": bases}]}
    (tmp_path / "sites" / loci.FILE).write_text(json.dumps(output))
    report(RunFiles(**folders), out_dir=tmp_path / "out", title=evil["title"])
    page = Page((tmp_path / "out" / HTML).read_text())
    assert not [tag for tag, _ in page.tags if tag in ("script", "img", "b")]
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]
    for place in set(places) - {"family"}:
        assert f"id={place} onerror" in page.text, place  # as words
    for file in (tmp_path / "out").glob("*_mqc.json"):
        assert "<" not in file.read_text()
        assert "\t" not in file.read_text()


def write_comparison(folder, result):
    (folder / "sites" / model_comparison.FILE).write_text(json.dumps(result))


@pytest.mark.bad_input
def test_five_hundred_samples_of_hundreds_of_scaffolds_with_every_locus_stay_below_the_limit(
    tmp_path,
):
    folders = make_run(tmp_path)
    rows = [
        site_row(f"scaffold_{i % 700}", i, "A", "C", rank=3, llr=-float(i % 50), rel=0.9)
        for i in range(2000)
    ]
    rows.sort(key=lambda row: row["contig"])
    write_sites(tmp_path / "sites" / "sites.parquet", rows)
    p = [0.4, 0.3, 0.2, 0.1]
    around = [{"offset": offset, "base": "A", "p": p} for offset in range(-8, 9)]
    output = [
        {name: row[name] for name in loci.KEY} | {"bases": around}
        for row in loci.top_loci(tmp_path / "sites" / "sites.parquet")
    ]
    (tmp_path / "sites" / loci.FILE).write_text(json.dumps({"flank": 8, "loci": output}))
    write_comparison(tmp_path, comparison(2000, tuple(f"model-{i}" for i in range(12))))
    content = documents.read_json(folders["checked"] / "checks.json")
    names = [f"sample_{i:_<57}" for i in range(500)]  # of 64 characters, as long as a name may be
    content["inputs"] = [
        {**content["inputs"][0], "id": name, "name": f"{name}.vcf.gz"} for name in names
    ]
    (folders["checked"] / "checks.json").write_text(json.dumps(content))
    many = replace(
        read_run(RunFiles(**folders)),
        files=[vcf_counts(name, 11_111, 222_222, 333_333, 44_444) for name in names],
    )
    text = html(many, "t")
    assert len(text) < 500_000
    page = Page(text)
    assert all(page.text.count(f" {name} ") == 1 for name in names)
    assert "640 other contigs" in page.text
    assert text.count('class="letters"') == 20


def test_models_are_told_side_by_side(tmp_path, good):
    page = Page((good[1] / "out" / HTML).read_text())
    assert "nt-b 3,000 1.250 32.1%" in words(page)
    assert "gpn-a 0.031 bit 93.8% same 0.062 bit 93.8% same" in words(page)
    folders = make_run(tmp_path, n_sites=50)
    write_comparison(tmp_path, comparison(50, ("context",)))
    report(RunFiles(**folders), out_dir=tmp_path / "out")
    alone = words(Page((tmp_path / "out" / HTML).read_text()))
    assert "Each model alone" in alone
    assert "Do the models agree?" not in alone


def test_a_run_of_regions_alone_compares_its_bases(tmp_path):
    folders = make_run(tmp_path, n_sites=0, samples=False)
    write_comparison(tmp_path, {"snvs": comparison(0)["snvs"], "bases": comparison(77)["snvs"]})
    report(RunFiles(**folders), out_dir=tmp_path / "out")
    assert "at the region bases of the run" in words(Page((tmp_path / "out" / HTML).read_text()))


@pytest.mark.bad_input
def test_without_the_files_of_a_newer_version_those_sections_are_left_out(tmp_path):
    folders = make_run(tmp_path, n_sites=300)
    for name in (model_comparison.FILE, loci.FILE):
        (tmp_path / "sites" / name).unlink()
    report(RunFiles(**folders), out_dir=tmp_path / "out")
    page = Page((tmp_path / "out" / HTML).read_text())
    assert "Each model alone" not in page.text
    assert "Alleles to look at" in page.text
    assert not [tag for tag, attributes in page.tags if attributes.get("class") == "letters"]


@pytest.mark.long
@pytest.mark.bad_input
def test_no_file_of_an_earlier_report_is_left(tmp_path):
    report(RunFiles(**make_run(tmp_path / "a", n_sites=50)), out_dir=tmp_path / "out")
    (tmp_path / "out" / "theirs_mqc.json").write_text("{}")
    report(
        RunFiles(**make_run(tmp_path / "b", n_sites=50, samples=False)), out_dir=tmp_path / "out"
    )
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        HTML,
        "manifest.json",
        "gfmtrust_regions_mqc.json",
        "theirs_mqc.json",
    }
    broken = make_run(tmp_path / "c", n_sites=50)
    (broken["sites"] / "sites.parquet").unlink()
    with pytest.raises(MissingInputError):
        report(RunFiles(**broken), out_dir=tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"theirs_mqc.json"}


SEVEN = """##fileformat=VCFv4.2
##contig=<ID=c,length=1000>
##INFO=<ID=GFM_RANK,Number=A,Type=Integer,Description="rank">
##INFO=<ID=GFM_STATUS,Number=A,Type=String,Description="status">
#CHROM	POS	ID	REF	ALT	QUAL	FILTER	INFO
c	1	r1	A	C	.	.	GFM_RANK=3;GFM_STATUS=SCORED
c	2	r2	A	C,G	.	.	GFM_RANK=1,3;GFM_STATUS=SCORED,SCORED
c	3	r3	A	C,*	.	.	GFM_RANK=2,0;GFM_STATUS=SCORED,SPANNING_DEL
c	4	r4	A	<DEL>	.	.	GFM_RANK=0;GFM_STATUS=SYMBOLIC
c	5	r5	A	.	.	.	.
c	6	r6	A	C	.	.	.
c	7	r7	A	C	.	.	GFM_RANK=1;GFM_STATUS=SCORED
"""


@pytest.mark.skipif(shutil.which("bcftools") is None, reason="bcftools is not on PATH")
@pytest.mark.parametrize(
    ("which", "kept"),
    [
        (0, ["r1 C", "r2 G", "r3 C"]),
        (1, ["r1 C", "r2 G"]),
        (2, ["r1 C"]),
        (3, ["r2 C", "r7 C"]),
        (4, ["c 3 A *", "c 4 A <DEL>"]),
    ],
)
def test_the_filters_that_may_be_copied_keep_what_they_say(good, tmp_path, which, kept):
    (tmp_path / "sample.gfm.vcf.gz").write_text(SEVEN)
    command = FILTERS[which][1]
    assert command in Page((good[1] / "out" / HTML).read_text()).text
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=True
    )
    rows = [line.split("\t") for line in done.stdout.splitlines() if not line.startswith("#")]
    assert [" ".join(row[:4]) if which == 4 else f"{row[2]} {row[4]}" for row in rows] == kept


REPORT_OF = """
import sys
from pathlib import Path
from gfmtrust.report.report import RunFiles, report
run = Path(sys.argv[1])
steps = [run / name for name in ("checked", "plan", "calibration", "sites")]
files = RunFiles(*steps, sorted(run.glob("*.counts.json")), sorted(run.glob("*.metrics.json")), [])
report(files, run / "out")
"""


@pytest.mark.slow
def test_five_million_alleles_take_seconds_and_little_memory(tmp_path):
    """Processor seconds of a process of its own, imports too, so that other work on the machine
    does not count; memory at its height."""
    folders = make_run(tmp_path, skill=2.6)
    piece = random_sites(fitted(2.6)[0], 100_000, 2.6, 5)
    facts = RunFacts(tuple(f"chr{i}" for i in range(25)), (1_000_000,) * 25)
    with tables.TableWriter(
        folders["sites"] / "sites.parquet", piece.schema, facts.to_dict()
    ) as writer:
        for i in range(50):
            named = piece.set_column(0, "contig", pyarrow.array([f"chr{i // 2}"] * len(piece)))
            writer.write(
                named.set_column(
                    1, "contig_index", pyarrow.array([i // 2] * len(piece), pyarrow.int32())
                )
            )
    pid = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, "-c", REPORT_OF, str(tmp_path)])
    _, status, used = os.wait4(pid, 0)
    assert status == 0
    text = (tmp_path / "out" / HTML).read_text()
    assert "5,000,000" in Page(text).text
    assert len(text) < 500_000
    assert used.ru_utime + used.ru_stime < 10
    assert used.ru_maxrss < 2 * 1024 * 1024  # kB


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("gone", "error"),
    [
        ("checked/checks.json", MissingInputError),
        ("plan/plan.json", MissingInputError),
        ("calibration/calibration.json", MissingInputError),
        ("calibration/probes.scored.parquet", MissingInputError),
        ("sites/sites.parquet", MissingInputError),
        ("NA1.counts.json", MissingInputError),
    ],
)
def test_a_missing_file_is_named(tmp_path, gone, error):
    folders = make_run(tmp_path, n_sites=20, n_probes=100)
    (tmp_path / gone).unlink()
    with pytest.raises(error, match=gone.split("/")[-1]):
        report(RunFiles(**folders), out_dir=tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("spoilt", "error"),
    [
        ("checked/checks.json", BadDataError),
        ("calibration/calibration.json", ConfigurationError),
        ("sites/sites.parquet", BadDataError),
        ("NA1.counts.json", BadDataError),
    ],
)
def test_a_spoilt_file_is_refused(tmp_path, spoilt, error):
    folders = make_run(tmp_path, n_sites=20, n_probes=100)
    (tmp_path / spoilt).write_text("{ no")
    with pytest.raises(error):
        report(RunFiles(**folders), out_dir=tmp_path / "out")


def test_numbers_agree_with_a_slow_count(good):
    numbers = good[0].numbers
    rows = pyarrow.parquet.read_table(good[1] / "sites" / "sites.parquet").to_pylist()
    assert numbers.statuses == Counter(row["status"] for row in rows)
    assert {rank: n for rank, n in numbers.ranks.items() if n} == Counter(
        Rank(row["rank"]) for row in rows
    )
    assert numbers.reasons == Counter(
        code for row in rows for code in (row["why"] or "").split("&") if code
    )
    for flag in FLAGS:
        collected = [row for row in rows if row["rank"] == flag]
        assert numbers.ent[flag].sum() == numbers.llr[flag].sum() == len(collected)
        for low in (0.0, 0.5, 1.0, 1.95):
            expected = sum(
                low <= row["ent"] < low + 0.05 or (low == 1.95 and row["ent"] == 2.0)
                for row in collected
            )
            assert (
                abs(numbers.ent[flag][round(low / 0.05)] - expected) <= 1
            )  # an edge may round either way
    best = sorted(
        (row for row in rows if row["rank"] >= 2), key=lambda row: (-row["rank"], -abs(row["llr"]))
    )[:20]
    assert [(row["pos"], row["alt"]) for row in numbers.loci] == [
        (row["pos"], row["alt"]) for row in best
    ]


def test_top_loci_do_not_depend_on_batches(tmp_path):
    rows = [
        site_row("c", i, "A", "C", rank=3, rel=0.99, llr=float((i * 37) % 101) - 50)
        for i in range(500)
    ]
    write_sites(tmp_path / "s.parquet", rows)
    table = pyarrow.parquet.read_table(tmp_path / "s.parquet")
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet", row_group_size=7)
    assert (
        allele_numbers(tmp_path / "s.parquet").loci == allele_numbers(tmp_path / "t.parquet").loci
    )


def test_calibration_curve_has_equal_mass_and_the_right_shares():
    rel = np.array([0.9, 0.5, np.nan, 0.7, 0.6, 0.8, 0.55])
    wrong = np.array([False, True, True, False, True, False, False])
    low, high = calibration_curve(rel, wrong, n_bins=2)
    assert (low.n, low.right, low.reliability) == (3, 1 / 3, pytest.approx((0.5 + 0.55 + 0.6) / 3))
    assert (high.n, high.right) == (3, 1.0)
    assert (low.low, low.high) == (
        pytest.approx(0.0084, abs=1e-4),
        pytest.approx(0.9057, abs=1e-4),
    )  # Clopper-Pearson tables, 1 of 3
    assert calibration_curve(np.array([np.nan]), np.array([True])) == []


def test_league_counts_only_probes_both_answered():
    model, context = np.array([1.0, 1.5, np.nan, 1.0]), np.array([1.5, 1.5, 1.0, 1.75])
    rows = league(model, context, np.array([0, 0, 1, 1]), "m", context_only=False)
    assert [(row.name, row.bits, row.n) for row in rows] == [
        ("uniform", 2.0, 0),
        ("context model", pytest.approx(4.75 / 3), 3),
        ("m", 3.5 / 3, 3),
    ]
    assert rows[2].gain == pytest.approx((0.5 + 0 + 0.75) / 3)
    assert rows[2].gain_low < rows[2].gain < rows[2].gain_high
    assert len(league(model, context, np.zeros(4), "m", context_only=True)) == 2
    assert league(model, context, np.zeros(4), "m", context_only=False)[2].gain_low is None


def test_league_interval_covers_the_truth_with_correlated_blocks():
    rng = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        block = np.repeat(np.arange(40), 25)
        gain = 0.05 + rng.normal(0, 0.1, 40)[block] + rng.normal(0, 0.3, 1000)
        row = league(np.zeros(1000), gain, block, "m", context_only=False)[2]
        covered += row.gain_low <= 0.05 <= row.gain_high
    assert covered >= 180


def certificate(level, threshold, errors=3, n=100):
    return Certificate(
        level,
        ("unique",),
        (),
        threshold,
        0.05,
        0.05,
        ErrorCount(n, errors, 0.08),
        ErrorCount(n // 2, errors, 0.09),
        1,
        500,
    )


def numbers_of(high=0, medium=0, low=10):
    result = AlleleNumbers()
    result.statuses.update({Status.SCORED: high + medium + low})
    result.ranks.update({Rank.HIGH: high, Rank.MEDIUM: medium, Rank.LOW: low})
    return result


@pytest.mark.parametrize(
    ("change", "counts", "headline"),
    [
        (
            {"shift": ShiftVerdict("fired", 50, 50)},
            {},
            "the sites of this run are unlike the probes",
        ),
        (
            {"high_withheld": "HIGH went to the null control twin"},
            {},
            "withheld (HIGH went to the null control twin)",
        ),
        ({"certificates": (certificate("HIGH", 0.9),)}, {}, "no allele of this run reaches it"),
        (
            {"certificates": (certificate("HIGH", None),)},
            {},
            "cannot distinguish the real base from a decoy well enough",
        ),
        ({"certificates": ()}, {}, "no certificate could be made"),
        (
            {"certificates": (certificate("HIGH", 0.9),)},
            {"high": 5},
            "5 of 15 scored alleles are HIGH (33.3%).",
        ),
    ],
)
def test_verdict_in_words(change, counts, headline):
    calibration = changed_calibration(fitted(3.0, 400)[0], **change)
    verdict = report_wording.verdict(numbers_of(**counts), calibration)
    assert headline in verdict.headline
    assert verdict.any_high == bool(counts)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ((0.2, 0.1, 0.3), "The models beat the context model"),
        ((0.03, 0.01, 0.05), "hardly beat"),
        ((0.03, -0.01, 0.05), "not certain"),
        ((-0.2, -0.3, -0.1), "worse than the context model"),
    ],
)
def test_league_in_words(row, says):
    assert says in report_wording.league_sentence([LeagueRow("m", 1.5, 10, *row)])
    assert "No other model" in report_wording.league_sentence([LeagueRow("context model", 1.5, 10)])


def luminance(colour):
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    ("ink", "paper"),
    [("#1a1a1a", "#ffffff"), ("#555555", "#ffffff"), ("#ffffff", "#0072b2"), ("#1a1a1a", "#e69f00"), ("#000000", "#d55e00"),
     ("#1a1a1a", "#d0d0d0"), ("#005a8c", "#ffffff"), ("#1a1a1a", "#8fbbd9"), ("#007052", "#fff4d6"), ("#0066a1", "#fff4d6"),
     ("#805300", "#fff4d6"), ("#a84300", "#fff4d6"), ("#1a1a1a", "#fbf1ea"), ("#1a1a1a", "#eef4f8"), ("#1a1a1a", "#f2f2f2")],
)  # fmt: skip
def test_contrast_is_wcag_aa(ink, paper):
    assert contrast(ink, paper) >= 4.5


def figures(run):
    return re.findall(r"<svg.*?</svg>", html(run, "t"), re.S)


def test_figures_are_well_formed_and_refer_to_what_is_there(good):
    result = figures(good[0])
    assert (
        len(result) == 4 + 3 + 1 + 2 + 3 + 2 + 20
    )  # figures, models, bars of kind, classes and samples, the contig's two, loci
    ids = []
    for svg in result:
        ElementTree.fromstring(svg)
        here = re.findall(r' id="([^"]*)"', svg)
        assert set(re.findall(r"(?:url\(|href=\")#(\w+)", svg)) <= set(here)
        ids += here
    assert not [name for name in ids if "_" in name]
    assert "nan" not in "".join(result)


@pytest.mark.bad_input
def test_figures_of_nothing():
    for svg in (
        report_figures.entropy_histogram(AlleleNumbers()),
        report_figures.llr_by_flag(AlleleNumbers()),
        report_figures.calibration_plot([], {Rank.HIGH: 0.05}),
        report_figures.funnel_plot([("alleles", 0), ("HIGH", 0)]),
    ):
        ElementTree.fromstring(svg)


@pytest.mark.long
@pytest.mark.bad_input
def test_hundreds_of_files_stay_below_the_limit(tmp_path):
    folders = make_run(tmp_path, n_sites=50)
    content = documents.read_json(folders["checked"] / "checks.json")
    content["inputs"] = [
        {**content["inputs"][0], "id": f"sample_{i}", "name": f"sample_{i}.vcf.gz"}
        for i in range(900)
    ]
    (folders["checked"] / "checks.json").write_text(json.dumps(content))
    run = read_run(RunFiles(**folders))
    many = replace(run, files=[vcf_counts(f"sample_{i}", 1, 2, 3, 4) for i in range(900)])
    text = html(many, "t")
    assert len(text) < 500_000
    assert "first 500 of 900" in words(Page(text))


def test_frozen_calibrations_are_read_back_alike(good):
    path = good[1] / "calibration" / "calibration.json"
    assert RunCalibration.read(path) == good[0].calibration


def test_regions_and_their_approximation_are_told(good):
    page = (good[1] / "out" / HTML).read_text()
    assert (
        "<td>every 8th token in one pass; entropy differs by 0.021 bit (median), 0.310 (99 %)</td>"
        in page
    )
    assert "<td>one base per pass</td>" in page
    assert "<td>41.0%</td>" in page


@pytest.mark.long
def test_local_likelihood_ratios_have_a_section_and_stand_in_the_manifest(tmp_path, good):
    given = make_run(tmp_path, n_sites=200)
    rng = np.random.default_rng(1)
    label = np.arange(1000) % 2
    rows = pd.DataFrame(
        {
            "contig_index": 0,
            "pos": np.arange(1000) * 30_000,
            "label": label,
            "llr": rng.normal(1 - 2.0 * label, 1),
        }
    )
    output = local_lr.write(
        {"SNV": rows}, {"DEL": "3 <alleles>"}, False, 0.0441, 1, given["calibration"], draws=50
    )
    run = report(RunFiles(**given), out_dir=tmp_path / "out")
    page = html(run, "x")
    supporting = next(one for one in output["thresholds"] if one["strength"] == "supporting")
    assert f"<td>2.406</td><td>{supporting['effect_from']:+.2f}</td>" in page
    assert (
        "Research use only; not ACMG evidence.</strong> The ratio says how much more likely a score (-LLR, nats)"
        in page
    )
    assert "500 labelled alleles with an effect and 500 without, windows of 100" in page
    assert "DEL: none, 3 &lt;alleles&gt;" in page
    listed = [
        one["name"] for one in documents.read_json(tmp_path / "out" / "manifest.json")["files"]
    ]
    assert {"calibration.json", "local_lr.json", "local_lr.tsv"} <= set(listed)
    assert "Local likelihood ratios" not in html(good[0], "x")
