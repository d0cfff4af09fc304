"""The pages of the audit in Chromium: nothing is wider than a desktop or a narrow window."""

import pytest
from browser import CHROMIUM, answer

from gfmtrust.audit import page
from gfmtrust.audit.duel import page as duel_page
from gfmtrust.audit.duel.published import PUBLISHED, SOURCE
from gfmtrust.audit.table import MEASURES
from gfmtrust.core.contracts.audit import Audit, AuditedModel, Measured, Statistic
from gfmtrust.core.contracts.duel import Competitor, Duel, LeftOut

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
    folder = tmp_path_factory.mktemp("audit")
    for name in ("gpn-demo-1", "a_model_with_a_rather_long_name"):
        model = AuditedModel(name, "gpn", "ab" * 32, 128, 43_527)
        measures = tuple(measured(entry) for entry in MEASURES)
        audit = Audit(model, (name,), "g.fa", "77" * 16, 1, "cpu", 5, 1.5, measures, ("A line.",))
        audit.write(folder / name / Audit.NAME)
        page.write(folder / name, audit)
    page.write_league(folder)
    duel_page.write(folder, duel())
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


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("name", ["gpn-demo-1/audit.html", "league.html", "duel.html"])
def test_nothing_is_wider_than_the_window(pages, tmp_path, name, width):
    wide = answer(tmp_path, pages / name, width, "document.documentElement.scrollWidth")
    assert wide <= max(width, 500)  # headless Chromium lays out no window narrower than 500
