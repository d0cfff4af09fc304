"""The untouched runs, with which every run with a fault is compared."""

import nextflow_run
import pytest
from chaos_inputs import OPTIONS, TOOLS, WITH_A_NETWORK, inputs


@pytest.fixture(scope="session")
def untouched(tmp_path_factory):
    """Published file -> bytes of the run without a fault."""
    launch = inputs(tmp_path_factory.mktemp("untouched") / "launch")
    run = nextflow_run.run(launch, *OPTIONS, tools=launch / TOOLS)
    assert run.code == 0, run.text
    return nextflow_run.contents(run.outdir)


@pytest.fixture(scope="session")
def untouched_network(tmp_path_factory):
    """The score store that a first run with a network makes, and the published files of a second
    one that looks its answers up there."""
    folder = tmp_path_factory.mktemp("network")
    launch = inputs(folder / "first")
    first = nextflow_run.run(launch, *OPTIONS, *WITH_A_NETWORK, tools=launch / TOOLS)
    assert first.code == 0, first.text
    store = first.outdir / "score_store"
    launch = inputs(folder / "second", store)
    second = nextflow_run.run(launch, *OPTIONS, *WITH_A_NETWORK, tools=launch / TOOLS)
    assert second.code == 0, second.text
    return store, nextflow_run.contents(second.outdir)
