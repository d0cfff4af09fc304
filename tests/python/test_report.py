"""The report: numbers against slow twins, words for every outcome, one safe self-contained page."""

import json
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
from synthetic_run import fitted, make_run, site_row, vcf_counts, write_sites

from gfmtrust import calibration, local_lr, report_plots, report_words
from gfmtrust.certificates import Certificate, Tally
from gfmtrust.errors import BadDataError, ConfigurationError, MissingInputError
from gfmtrust.records import Rank, Status
from gfmtrust.report import HTML, html, read_run, report
from gfmtrust.report_numbers import FLAGS, AlleleNumbers, LeagueRow, allele_numbers, calibration_curve, league
from gfmtrust.shift import ShiftVerdict


class Page(HTMLParser):
    """Tags with their attributes, and the text a reader sees."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self._hidden = [], "", 0
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self._hidden += tag == "style"

    def handle_endtag(self, tag):
        self._hidden -= tag == "style"

    def handle_data(self, data):
        self.text += "" if self._hidden else " " + data


def words(page):
    return " ".join(page.text.split())


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A finished report of a model that knows something, with the folder it lies in."""
    folder = tmp_path_factory.mktemp("good")
    run = report(**make_run(folder, skill=2.6), out_dir=folder / "out")
    return run, folder


def test_page_is_whole_small_and_needs_nothing(good):
    text = (good[1] / "out" / HTML).read_text()
    page = Page(text)
    assert len(text) < 500_000
    assert not [tag for tag, _ in page.tags if tag in ("script", "link", "img", "iframe", "object", "form", "base")]
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on") or name == "src"]
    assert not re.findall(r"https?://(?!www\.w3\.org/)", text)
    policy = next(attributes["content"] for tag, attributes in page.tags if attributes.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
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
    assert "no phase" in page.text


def test_equal_inputs_give_equal_bytes(good, tmp_path):
    report(**make_run(tmp_path, skill=2.6), out_dir=tmp_path / "out")
    for path in sorted((good[1] / "out").iterdir()):
        assert (tmp_path / "out" / path.name).read_bytes() == path.read_bytes(), path.name


@pytest.mark.parametrize(
    ("options", "headline"),
    [
        ({"skill": 0.0}, "No allele is HIGH: on this genome the model cannot tell the real base from a decoy well enough."),
        ({"n_sites": 0, "samples": False, "regions": False}, "No allele was given."),
        ({"n_probes": 60, "regions": False}, "No allele is HIGH"),
        ({"n_probes": 0}, "No allele is HIGH: no certificate could be made."),
    ],
)
def test_thin_runs_still_have_a_report(tmp_path, options, headline):
    run = report(**make_run(tmp_path, **{"n_sites": 200, **options}), out_dir=tmp_path / "out")
    page = Page((tmp_path / "out" / HTML).read_text())
    assert headline in words(page)
    assert run.numbers.ranks[Rank.HIGH] == 0
    assert "HIGH 1" not in words(page)


def test_a_run_in_which_nothing_is_scored(tmp_path):
    folders = make_run(tmp_path, n_sites=0)
    write_sites(
        tmp_path / "sites" / "sites.parquet",
        [site_row("c", 3, "A", "<DEL>", "SYMBOLIC"), site_row("c", 4, "A", "AT", "UNSUPPORTED")],
    )
    report(**folders, out_dir=tmp_path / "out")
    assert "No allele could be scored." in words(Page((tmp_path / "out" / HTML).read_text()))


@pytest.mark.bad_input
def test_hostile_names_are_text(tmp_path):
    folders = make_run(tmp_path, n_sites=50)
    path = folders["checked"] / "checks.json"
    content = json.loads(path.read_text())
    evil = "<script>alert(1)</script>\"'&{{7*7}}"
    content["genome"]["name"] = content["inputs"][0]["name"] = evil
    content["inputs"][0]["warnings"][0]["text"] = "<img src=x onerror=alert(1)>"
    path.write_text(json.dumps(content))
    sample = json.loads(folders["counts"][0].read_text())
    sample["id"] = evil
    folders["counts"][0].write_text(json.dumps(sample))
    write_sites(tmp_path / "sites" / "sites.parquet", [site_row("<b>", 3, "A", "C", rank=3, rel=0.99)])
    report(**folders, out_dir=tmp_path / "out", title=evil)
    text = (tmp_path / "out" / HTML).read_text()
    page = Page(text)
    assert not [tag for tag, _ in page.tags if tag in ("script", "img", "b")]
    assert "{{7*7}}" in page.text
    assert "<script>alert(1)</script>" in page.text  # as words, in title, table and warnings
    for name in ("gfmtrust_general_stats_mqc.json", "gfmtrust_flags_mqc.json"):
        assert "<" not in (tmp_path / "out" / name).read_text()


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
        report(**folders, out_dir=tmp_path / "out")
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
        report(**folders, out_dir=tmp_path / "out")


def test_numbers_agree_with_a_slow_count(good):
    numbers = good[0].numbers
    rows = pyarrow.parquet.read_table(good[1] / "sites" / "sites.parquet").to_pylist()
    assert numbers.statuses == Counter(row["status"] for row in rows)
    assert {rank: n for rank, n in numbers.ranks.items() if n} == Counter(Rank(row["rank"]) for row in rows)
    assert numbers.reasons == Counter(code for row in rows for code in (row["why"] or "").split("&") if code)
    for flag in FLAGS:
        mine = [row for row in rows if row["rank"] == flag]
        assert numbers.ent[flag].sum() == numbers.llr[flag].sum() == len(mine)
        for low in (0.0, 0.5, 1.0, 1.95):
            expected = sum(low <= row["ent"] < low + 0.05 or (low == 1.95 and row["ent"] == 2.0) for row in mine)
            assert abs(numbers.ent[flag][round(low / 0.05)] - expected) <= 1  # an edge may round either way
    best = sorted((row for row in rows if row["rank"] >= 2), key=lambda row: (-row["rank"], -abs(row["llr"])))[:20]
    assert [(row["pos"], row["alt"]) for row in numbers.loci] == [(row["pos"], row["alt"]) for row in best]


def test_top_loci_do_not_depend_on_batches(tmp_path):
    rows = [site_row("c", i, "A", "C", rank=3, rel=0.99, llr=float((i * 37) % 101) - 50) for i in range(500)]
    write_sites(tmp_path / "s.parquet", rows)
    table = pyarrow.parquet.read_table(tmp_path / "s.parquet")
    pyarrow.parquet.write_table(table, tmp_path / "t.parquet", row_group_size=7)
    assert allele_numbers(tmp_path / "s.parquet").loci == allele_numbers(tmp_path / "t.parquet").loci


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
    return Certificate(level, ("unique",), (), threshold, 0.05, 0.05, Tally(n, errors, 0.08), Tally(n // 2, errors, 0.09), 1, 500)


def numbers_of(high=0, medium=0, low=10):
    found = AlleleNumbers()
    found.statuses.update({Status.SCORED: high + medium + low})
    found.ranks.update({Rank.HIGH: high, Rank.MEDIUM: medium, Rank.LOW: low})
    return found


@pytest.mark.parametrize(
    ("change", "counts", "headline"),
    [
        ({"shift": ShiftVerdict("fired", 50, 50)}, {}, "the run's sites are unlike the probes"),
        ({"high_withheld": "HIGH went to the null control twin"}, {}, "withheld (HIGH went to the null control twin)"),
        ({"certificates": (certificate("HIGH", 0.9),)}, {}, "no allele of this run reaches it"),
        ({"certificates": (certificate("HIGH", None),)}, {}, "cannot tell the real base from a decoy well enough"),
        ({"certificates": ()}, {}, "no certificate could be made"),
        ({"certificates": (certificate("HIGH", 0.9),)}, {"high": 5}, "5 of 15 scored alleles are HIGH (33.3%)."),
    ],
)
def test_verdict_in_words(change, counts, headline):
    found = replace(fitted(3.0, 400)[0], **change)
    verdict = report_words.verdict(numbers_of(**counts), found)
    assert headline in verdict.headline
    assert verdict.any_high == bool(counts)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ((0.2, 0.1, 0.3), "The models beat counting"),
        ((0.03, 0.01, 0.05), "hardly beat"),
        ((0.03, -0.01, 0.05), "is open"),
        ((-0.2, -0.3, -0.1), "worse than counting"),
    ],
)
def test_league_in_words(row, says):
    assert says in report_words.league_sentence([LeagueRow("m", 1.5, 10, *row)])
    assert "only model" in report_words.league_sentence([LeagueRow("context model", 1.5, 10)])


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
    found = figures(good[0])
    assert len(found) == 4 + 3 + 1 + 2 + 3 + 2 + 20  # figures, models, bars of kind, classes and samples, the contig's two, loci
    ids = []
    for svg in found:
        ElementTree.fromstring(svg)
        here = re.findall(r' id="([^"]*)"', svg)
        assert set(re.findall(r"(?:url\(|href=\")#(\w+)", svg)) <= set(here)
        ids += here
    assert not [name for name in ids if "_" in name]
    assert "nan" not in "".join(found)


@pytest.mark.bad_input
def test_figures_of_nothing():
    for svg in (
        report_plots.entropy_histogram(AlleleNumbers()),
        report_plots.llr_by_flag(AlleleNumbers()),
        report_plots.calibration_plot([], {Rank.HIGH: 0.05}),
        report_plots.funnel_plot([("alleles", 0), ("HIGH", 0)]),
    ):
        ElementTree.fromstring(svg)


@pytest.mark.bad_input
def test_hundreds_of_files_stay_below_the_limit(tmp_path):
    folders = make_run(tmp_path, n_sites=50)
    content = json.loads((folders["checked"] / "checks.json").read_text())
    content["inputs"] = [{**content["inputs"][0], "id": f"sample_{i}", "name": f"sample_{i}.vcf.gz"} for i in range(900)]
    (folders["checked"] / "checks.json").write_text(json.dumps(content))
    run = read_run(**folders)
    many = replace(run, files=[vcf_counts(f"sample_{i}", 1, 2, 3, 4) for i in range(900)])
    text = html(many, "t")
    assert len(text) < 500_000
    assert "first 500 of 900" in words(Page(text))


def test_frozen_calibrations_are_read_back_alike(good):
    text = (good[1] / "calibration" / "calibration.json").read_text()
    assert calibration.Calibration.from_json(text) == good[0].calibration


def test_regions_and_their_approximation_are_told(good):
    page = (good[1] / "out" / HTML).read_text()
    assert "<td>every 8th token in one pass; entropy differs by 0.021 bit (median), 0.310 (99 %)</td>" in page
    assert "<td>one base a pass</td>" in page
    assert '<td class="n">41.0%</td>' in page


def test_local_likelihood_ratios_have_a_section_and_stand_in_the_manifest(tmp_path, good):
    given = make_run(tmp_path, n_sites=200)
    rng = np.random.default_rng(1)
    label = np.arange(1000) % 2
    rows = pd.DataFrame({"contig_index": 0, "pos": np.arange(1000) * 30_000, "label": label, "llr": rng.normal(1 - 2.0 * label, 1)})
    told = local_lr.write({"SNV": rows}, {"DEL": "3 <alleles>"}, False, 0.0441, 1, given["calibration"], draws=50)
    run = report(**given, out_dir=tmp_path / "out")
    page = html(run, "x")
    supporting = next(one for one in told["thresholds"] if one["strength"] == "supporting")
    assert f'<td class="n">2.406</td><td class="n">{supporting["effect_from"]:+.2f}</td>' in page
    assert "Research use only; not ACMG evidence.</strong> How many times as likely a score (-LLR, nats)" in page
    assert "500 labelled alleles with an effect and 500 without, windows of 100" in page
    assert "DEL: none, 3 &lt;alleles&gt;" in page
    listed = [one["name"] for one in json.loads((tmp_path / "out" / "manifest.json").read_text())["files"]]
    assert {"calibration.json", "local_lr.json", "local_lr.tsv"} <= set(listed)
    assert "Local likelihood ratios" not in html(good[0], "x")
