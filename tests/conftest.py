"""Session-wide fixtures: one export of each small checkpoint, made when the first test asks for
it."""

import fcntl
import functools
import gc
import itertools
import os
import re

# One thread for OpenMP, as in the tasks of a run (nextflow.config): threads that wait for each other
# spend CPU time, and other tests use the other cores. It counts only before numpy is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# The garbage collector looks at every object in memory again and again, by default after 700 new
# ones; an export of a network spent a sixth of its CPU time in it.
gc.set_threshold(50_000, 20, 20)

import checkpoints  # noqa: E402
import pytest  # noqa: E402
from fake_genome import genome_letters  # noqa: E402


def pytest_collection_finish():
    """Modules and tests live until the end: the garbage collector need not look at them."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def small_fasta(tmp_path_factory):
    """Two contigs of random letters, 3,000 and 800 bases; nothing to learn."""
    path = tmp_path_factory.mktemp("fasta") / "genome.fa"
    path.write_text(f">chr1\n{genome_letters(0, 3000)}\n>chr2\n{genome_letters(1, 800)}\n")
    return path


@pytest.fixture(scope="session")
def exported(tmp_path_factory, small_fasta):
    """Function kind -> Bundle of a checkpoint with random weights, exported once for all workers
    (it fails the gate, as it must)."""
    from gfmtrust.bundle.bundle import Bundle
    from gfmtrust.export import export
    from gfmtrust.export.options import ExportOptions

    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "exported"
    (folder / "weights").mkdir(parents=True, exist_ok=True)

    @functools.cache
    def bundle(kind: str):
        with open(folder / f"{kind}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if (folder / kind).exists():
                return Bundle.open(folder / kind)
            weights = checkpoints.write(folder / "weights" / kind, kind, licence="MIT")
            return export.export_model(
                weights, small_fasta, folder, ExportOptions(allow_untrained=True, n_windows=40)
            )

    return bundle


def pytest_unconfigure():
    """At its end the interpreter looks at them again."""
    gc.unfreeze()


NUMBERS = itertools.count()


@pytest.fixture
def tmp_path(tmp_path_factory, request):
    """A new folder. That of pytest is found by a look at all folders of the run, which costs more
    than many a test."""
    name = re.sub(r"\W", "_", request.node.name)[:30]
    folder = tmp_path_factory.getbasetemp() / f"{name}-{next(NUMBERS)}"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    """Each test works in a folder of its own: indexes are made in the current folder."""
    monkeypatch.chdir(tmp_path)
