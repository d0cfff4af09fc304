"""nf-core's lints by the offline recipe, the switches and their reasons, and the reader of a lint's
output."""

import subprocess
import sys

import nextflow_run
import pytest
import yaml

sys.path.insert(0, str(nextflow_run.ROOT / "dev"))
import nf_core_lint  # noqa: E402

NF_CORE = nf_core_lint.command()
PANEL = """
╭─ [✗] 2 Pipeline Tests Failed ─────────────╮
│ files_exist: File not found: CHANGELOG.md │
│ readme: no badge                          │
╰───────────────────────────────────────────╯
│ LINT RESULTS SUMMARY  │
│ [✔] 142 Tests Passed  │
│ [✗]   2 Tests Failed  │
"""


@pytest.mark.pipeline
@pytest.mark.slow
@pytest.mark.skipif(NF_CORE is None, reason="no nf-core: make lint installs it")
def test_every_lint_of_nf_core_passes():
    result = nf_core_lint.lints(NF_CORE)
    assert len(result) == 5
    assert result == {lint: [] for lint in result}


@pytest.mark.slow
@pytest.mark.pipeline
def test_nextflow_lints_our_sources_and_the_hosts_with_our_modules_in_them(tmp_path):
    import shutil

    import nf_core_modules

    configs = [
        nextflow_run.ROOT / "nextflow.config",
        *(nextflow_run.ROOT / "conf").glob("*.config"),
    ]

    nf_core_modules.write(tmp_path)
    for host in ("bare", "sarek", "raredisease"):
        shutil.copytree(nextflow_run.ROOT / "tests" / "hosts" / host, tmp_path / host)
        for part in ("modules", "subworkflows"):
            (tmp_path / host / part).symlink_to(tmp_path / part)
    ended = subprocess.run(
        [
            "nextflow",
            "lint",
            "-o",
            "concise",
            "modules",
            "subworkflows",
            "bare/main.nf",
            "sarek/main.nf",
            "sarek/annotate_all.nf",
            "raredisease/main.nf",
            *map(str, nextflow_run.SOURCES + configs),
        ],
        cwd=tmp_path,
        env=nextflow_run.environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=nextflow_run.LIMIT_S,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "had no errors" in ended.stdout + ended.stderr


def test_each_switch_has_its_reason_and_there_are_six():
    switches = yaml.safe_load((nextflow_run.ROOT / ".nf-core.yml").read_text())["lint"]
    page = (nextflow_run.ROOT / "docs" / "extend" / "lint.md").read_text()
    rows = [
        row.split("|")[1:3]
        for row in page.split("| switch | reason |", 1)[1].splitlines()[2:]
        if row.startswith("|")
    ]
    assert [name.strip(" `") for name, _reason in rows] == list(switches)
    assert all(len(reason.split()) >= 6 for _name, reason in rows)
    assert len(switches) <= 6
    assert switches["nextflow_config"] == ["custom_config"]


def test_failures_are_read_line_by_line():
    assert nf_core_lint.failures(PANEL) == [
        "files_exist: File not found: CHANGELOG.md",
        "readme: no badge",
    ]
    assert nf_core_lint.failures("LINT RESULTS SUMMARY\n│ [✗]   0 Tests Failed  │\n") == []


@pytest.mark.bad_input
@pytest.mark.parametrize("text", ["", "Traceback: ConnectionError", "│ [✗]   2 Tests Failed  │"])
def test_a_lint_that_did_not_end_is_no_pass(text):
    with pytest.raises(ValueError):
        nf_core_lint.failures(text)


@pytest.mark.bad_input
def test_a_schema_that_is_not_called_valid_is_a_failure():
    assert nf_core_lint.schema_failures("[✓] Pipeline schema looks valid (found 52 params)") == []
    assert nf_core_lint.schema_failures("[✗] Pipeline schema does not follow nf-core specs") != []


@pytest.mark.bad_input
def test_without_nf_core_it_says_how_to_get_it(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["nf_core_lint.py", "--nf_core", ""])
    assert nf_core_lint.main() == 66
    assert (
        capsys.readouterr().err
        == "lint: nf-core: not found; expected it on PATH or in .gfmtrust/lint; run make lint\n"
    )
