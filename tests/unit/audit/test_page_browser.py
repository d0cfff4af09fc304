"""The pages of the audit in Chromium: nothing is wider than a desktop or a narrow window, no fault that
axe finds."""

import pytest
from browser import AXE, CHROMIUM, answer

from gfmtrust.audit import page
from gfmtrust.audit.duel import page as duel_page
from gfmtrust.audit.duel.published import PUBLISHED, SOURCE
from gfmtrust.audit.table import MEASURES
from gfmtrust.core.contracts.audit import Audit, AuditedModel, Measured, Statistic
from gfmtrust.core.contracts.duel import Competitor, Duel, LeftOut
from gfmtrust.core.contracts.replication import ClaimVerdict, Replication, Size, TrainedCorpus
from gfmtrust.core.contracts.tracking import TrackedGroup, Tracking

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        CHROMIUM is None, reason="no Chromium on this machine; on Debian: apt-get install chromium"
    ),
]


def measured(entry):
    series = "bits" if entry.x_label else ""
    rows = tuple(
        Statistic(f"a number with a long name {i}", 1.0 + i, 0.9, 2.5, 2.0, 100, x=i, series=series)
        for i in range(6)
    )
    named = Statistic("skill", 1.2, 1.1, 1.3, 0.0, 100, unit="1")
    return Measured(
        entry.name, entry.group, entry.question, entry.unit, entry.null, entry.reading,
        entry.x_label, "", (*rows, named),
    )  # fmt: skip


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    # these import torch, which no collection of unit tests may do
    from gfmtrust.audit.replicate import page as replicate_page
    from gfmtrust.audit.tracking import page as tracking_page

    folder = tmp_path_factory.mktemp("audit")
    for name in ("gpn-demo-1", "a_model_with_a_rather_long_name"):
        model = AuditedModel(name, "gpn", "ab" * 32, 128, 43_527)
        measures = tuple(measured(entry) for entry in MEASURES)
        audit = Audit(model, (name,), "g.fa", "77" * 16, 1, "cpu", 5, 1.5, measures, ("A line.",))
        audit.write(folder / name / Audit.NAME)
        page.write(folder / name, audit)
    page.write_league(folder)
    duel_page.write(folder, duel())
    replicate_page.write(folder, replication())
    tracking_page.write(folder, tracking())
    return folder


def duel():
    """A duel of two models with long names."""
    model = AuditedModel("a_model_with_a_rather_long_name", "gpn", "ab" * 32, 128, 43_527)
    names = ["one-hot CNN", f"{model.id}: mean of layer 12 of 24 + ridge", f"{model.id}: map + CNN"]
    kinds = ("simple", "probe", "probe")
    competitors = [
        Competitor(name, kind, model.id if kind == "probe" else "", "")
        for name, kind in zip(names, kinds, strict=True)
    ]
    curves = [
        Statistic(f"{name}, {size} examples", 0.3, 0.2, 0.4, 0.0, 5_000, series=name, x=size)
        for name in names
        for size in (100.0, 1_000.0, 10_000.0)
    ]
    apart = [Statistic(names[1], 0.1, 0.0, 0.2, 0.0, 5_000, series="minus one-hot CNN")]
    return Duel(
        "labels.vcf.gz", "ab" * 32, "alleles", "Pearson correlation", 5_000, 20, 5, (100, 1_000),
        "across_loci", "", "g.fa", 1, (model,), tuple(competitors), tuple(curves), tuple(apart),
        (curves[0],), (LeftOut("probes of x", "a reason"),), PUBLISHED, SOURCE, 10, 20, 1.5, ("A.",),
    )  # fmt: skip


def replication():
    """A replication of one claim, with labels as long as they become."""
    name = "6-mers: Jaccard of 10 neighbours, tokens seen, centred (corrected)"
    rows = tuple(
        Statistic(name, 0.1 * i, 0.0, 0.5, 0.04, 3, unit="bits", series="tied") for i in range(9)
    )
    claim = ClaimVerdict("C1", "models of DNA do this or that", "cannot be decided", "A.", rows)
    measures = tuple(
        Measured(part, "replicate", f"{part}: how far is it?", "1", "chance", "Read.", "", "", rows)
        for part in ("C1_tied", "contextual_untied")
    )
    corpus = TrainedCorpus("shuffled", "order of dinucleotides, 1,100,000", "ab" * 32, 4105, 3_900)
    size = Size("network", "4 layers of 128, 4 heads", "12 layers of 768, 12 heads")
    return Replication(
        "a_genome_with_a_rather_long_name.fa.gz", "77" * 16, 1, (size,), (corpus,), (claim,), measures,
        460_800, 24, 1_580.0, 2_280.0, 2_800_000_000,
    )  # fmt: skip


def tracking():
    """One group with a control that passes and one without."""
    rows = tuple(
        TrackedGroup(
            group, network, "passes", "fails", 2_500, 16, 179.0,
            tuple(
                Statistic(f"right at letter {x}", last, 0.5, 1.0, 0.02, 256, x=x, unit="share")
                for x in (16, 32, 64)
            ),
            tuple(1.0 - (1.0 - last) * x / 64 for x in range(1, 65)),
        )
        for group, last in (("A5", 0.7), ("parity", 1.0))
        for network in ("LSTM", "minGRU", "diagonal (as Mamba)", "recurrent (this project)")
    )  # fmt: skip
    return Tracking(1, rows, ("A5",), ("A line.",))


WIDTHS = (1280, 400)
PAGES = ("gpn-demo-1/audit.html", "league.html", "duel.html", "replicate.html", "tracking.html")


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wider_than_the_window(pages, tmp_path, name, width):
    wide = answer(tmp_path, pages / name, width, "document.documentElement.scrollWidth")
    assert wide <= max(width, 500)  # headless Chromium lays out no window narrower than 500


@pytest.mark.parametrize("name", PAGES)
def test_nothing_is_wider_than_a_telephone(pages, tmp_path, name):
    """The page is laid out in 390 pixels of a wider window."""
    narrow = 'document.documentElement.style.width = "390px", document.body.scrollWidth'
    assert answer(tmp_path, pages / name, 500, f"({narrow})") <= 390


@pytest.mark.skipif(
    not AXE.is_file(),
    reason="no axe-core; npm install axe-core, or GFMTRUST_AXE=path/to/axe.min.js",
)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_serious(pages, tmp_path, name, width):
    script = "axe.run().then(result => result.violations)"
    rows = answer(tmp_path, pages / name, width, script, AXE.read_text())
    assert [
        (one["id"], one["nodes"][0]["html"][:200])
        for one in rows
        if one["impact"] in ("serious", "critical")
    ] == []
