"""One untouched run, with which every run with a fault is compared."""

import nextflow_run
import pytest
from chaos_inputs import OPTIONS, inputs


@pytest.fixture(scope="session")
def untouched(tmp_path_factory):
    """Published file -> bytes of the run without a fault."""
    launch = inputs(tmp_path_factory.mktemp("untouched") / "launch")
    run = nextflow_run.run(launch, *OPTIONS)
    assert run.code == 0, run.text
    return nextflow_run.contents(run.outdir)
