"""The untouched runs, with which every run with a fault is compared."""

import chaos_faults
import pytest
from chaos_inputs import OPTIONS, WITH_A_NETWORK


@pytest.fixture(scope="session")
def plain(tmp_path_factory):
    """A run with the context model alone."""
    return chaos_faults.Untouched(tmp_path_factory.mktemp("plain"), OPTIONS)


@pytest.fixture(scope="session")
def with_a_network(tmp_path_factory):
    """A run that looks up the answers of a network, which a run before it has stored."""
    folder, options = tmp_path_factory.mktemp("network"), (*OPTIONS, *WITH_A_NETWORK)
    first = chaos_faults.Untouched(folder / "first", options)
    return chaos_faults.Untouched(folder / "second", options, first.launch / "out" / "score_store")
