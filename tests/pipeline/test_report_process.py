"""REPORT in a pipeline of somebody else: its MultiQC files come by topic too, and a resumed run
puts its own report back in place."""

import subprocess

import nextflow_run
import pytest

pytestmark = pytest.mark.pipeline
HOST = """
include {{ REPORT }} from '{root}/modules/local/gfmtrust/report/main'

workflow {{
    channel.topic('multiqc_files').view {{ meta, process, tool, files -> "topic: ${{meta.id}} ${{process}} ${{tool}} ${{files.name}}" }}
    REPORT(
        [[id: 'cohort'], file('checked'), file('plan'), file('calibration'), file('sites')],
        [[id: 'cohort'], file('S1.counts.json')],
        [[id: 'cohort'], []],
        [[id: 'cohort'], file('m.metrics.json')],
        [[id: 'cohort'], file('bundle')],
        [[id: 'cohort'], []],
        [[id: 'cohort'], []],
        [[id: 'cohort'], file('entropy.bw')],
        params.title,
        'code',
    )
}}
"""
CONFIG = """
params.outdir = 'out'
params.publish_dir_mode = 'copy'
includeConfig '{root}/conf/modules.config'
"""


@pytest.fixture
def host(tmp_path, fake_tools):
    """Function title, options -> what a host's run printed, and the report it published."""
    for name in ("checked", "plan", "calibration", "sites", "bundle"):
        (tmp_path / name).mkdir()
    for name in ("S1.counts.json", "m.metrics.json", "entropy.bw"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "main.nf").write_text(HOST.format(root=nextflow_run.ROOT))
    (tmp_path / "nextflow.config").write_text(CONFIG.format(root=nextflow_run.ROOT))
    variables = nextflow_run.environment(tmp_path, "v2", fake_tools) | {
        "FAKE_LOG": str(tmp_path / "calls.log")
    }

    def run(title, *options):
        done = subprocess.run(
            ["nextflow", "run", "main.nf", "--title", title, *options],
            cwd=tmp_path,
            env=variables,
            capture_output=True,
            text=True,
            timeout=nextflow_run.LIMIT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout, (tmp_path / "out" / "report" / "gfmtrust_report.html").read_text()

    return run


@pytest.mark.slow
def test_multiqc_files_come_by_topic_and_no_stale_report_is_left(host):
    text, page = host("first")
    assert "topic: cohort REPORT gfmtrust" in text
    assert "gfmtrust_mqc.tsv" in text
    assert page == "<html>first</html>\n"
    assert host("second", "-resume")[1] == "<html>second</html>\n"
    text, page = host("first", "-resume")
    assert page == "<html>first</html>\n"
    assert "cached: 1" in text.lower() or "Cached process > REPORT" in text
