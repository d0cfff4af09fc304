"""What a report says of the audits of its models."""

import json

import pytest
from synthetic_run import DIGESTS, make_run

from gfmtrust.core.contracts.audit import Audit, AuditedModel, Measured, Statistic
from gfmtrust.core.errors import BadDataError, ConfigurationError
from gfmtrust.report import multiqc
from gfmtrust.report.audits import read_audits
from gfmtrust.report.report import HTML, RunFiles, report

LINES = ("Skill 2.", "Nearly <uniform> at 10 %.", "Reads 32 bp.", "A fourth line.")


def audit_of(name, sha):
    numbers = (
        Statistic("skill", 2.003, 1.9, 2.1, 0.0, 9, unit="1"),
        Statistic("the model", None, None, None, 2.0, 0),
    )
    league = Measured("league", "model", "q", "bits", "n", "r", "", "", numbers)
    model = AuditedModel(name, "gpn", sha, 128, 10)
    return Audit(model, (name,), "g.fa", "77" * 16, 1, "cpu", 1, 1.0, (league,), LINES)


def write(folder, name, sha):
    audit_of(name, sha).write(folder / name / Audit.NAME)
    return folder


@pytest.mark.long
def test_the_report_quotes_three_lines_and_links_to_the_page(tmp_path):
    folder = write(tmp_path / "audit", "gpn-a", DIGESTS["bundles"]["gpn-a"])
    run = make_run(tmp_path, skill=2.6)
    report(RunFiles(**run, audit=folder), out_dir=tmp_path / "out")
    page = (tmp_path / "out" / HTML).read_text()
    assert all(
        line in page for line in ("Skill 2.", "Nearly &lt;uniform&gt; at 10 %.", "Reads 32 bp.")
    )
    assert "A fourth line." not in page
    assert 'href="../audit/gpn-a/audit.html"' in page
    table = json.loads((tmp_path / "out" / multiqc.AUDIT).read_text())
    assert table["data"] == {"gpn-a": {"skill": 2.0}}


def test_without_an_audit_there_is_none():
    assert read_audits(None, {}) == ()
    assert multiqc.audit_data(()) == {}


@pytest.mark.bad_input
def test_an_audit_of_another_bundle_is_refused(tmp_path):
    folder = write(tmp_path, "gpn-a", "bb" * 32)
    with pytest.raises(ConfigurationError, match="audit of bundle bbbbbbbbbbbb"):
        read_audits(folder, {"gpn-a": "a1" * 32})


@pytest.mark.bad_input
def test_an_audit_of_a_model_that_the_run_has_not_is_refused(tmp_path):
    folder = write(tmp_path, "other", "bb" * 32)
    with pytest.raises(ConfigurationError, match="audit of other"):
        read_audits(folder, {"gpn-a": "a1" * 32})


@pytest.mark.bad_input
def test_an_audit_of_another_version_is_refused(tmp_path):
    content = audit_of("gpn-a", "a1" * 32).to_dict() | {"version": 99}
    (tmp_path / "gpn-a").mkdir()
    (tmp_path / "gpn-a" / Audit.NAME).write_text(json.dumps(content))
    with pytest.raises(BadDataError, match="version 99"):
        read_audits(tmp_path, {"gpn-a": "a1" * 32})
