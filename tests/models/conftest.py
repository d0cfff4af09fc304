"""Tests of networks: each needs torch. Without it the folder is left out, so that the rest of the
suite is collected in an environment for scoring."""

import functools
import importlib.util

import pytest

HAS_TORCH = importlib.util.find_spec("torch") is not None
collect_ignore_glob = [] if HAS_TORCH else ["test_*.py"]


def pytest_report_header() -> list[str]:
    return [] if HAS_TORCH else ["torch is not installed: tests/models is left out"]


def pytest_collection_modifyitems(items) -> None:
    """Every test of this folder is marked `torch`, whether its module says so or not."""
    for item in items:
        if item.path.is_relative_to(__file__.rsplit("/", 1)[0]):
            item.add_marker(pytest.mark.torch)


@pytest.fixture(autouse=True, scope="session")
def _one_registry_of_operators():
    """The exporter of torch reads its list of operators anew for every graph, half a second each
    time; here it reads the list once."""
    from torch.onnx._internal.exporter import _registration

    registry = _registration.ONNXRegistry
    read = functools.cache(registry.from_torchlib)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "from_torchlib", staticmethod(read))
        yield


@pytest.fixture(scope="session")
def exported_case(exported):
    """Function kind -> the subject of the conformance suite, from the export that all tests share."""
    import checkpoints

    from gfmtrust import models
    from gfmtrust.export import conformance

    def case(kind: str) -> conformance.Subject:
        example, bundle = checkpoints.example(kind), exported(kind)
        weights = bundle.directory.parent / "weights" / kind
        family = models.family_of(example.config)
        return conformance.Subject(kind, family, example, weights, bundle)

    return case


@pytest.fixture(scope="module")
def one_thread():
    """Threads that wait for each other take longer than one where other tests run beside this."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)
