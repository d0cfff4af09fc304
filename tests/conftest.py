"""Session-wide fixtures: one export of each small checkpoint, made when the first test asks for
it."""

import functools

import checkpoints
import pytest
from fake_genome import genome_letters


@pytest.fixture(scope="session")
def small_fasta(tmp_path_factory):
    """Two contigs of random letters, 3,000 and 800 bases; nothing to learn."""
    path = tmp_path_factory.mktemp("fasta") / "genome.fa"
    path.write_text(f">chr1\n{genome_letters(0, 3000)}\n>chr2\n{genome_letters(1, 800)}\n")
    return path


@pytest.fixture(scope="session")
def exported(tmp_path_factory, small_fasta):
    """Function kind -> Bundle of a checkpoint with random weights, exported once a session (it
    fails the gate, as it must)."""
    from gfmtrust.export import export
    from gfmtrust.export.options import ExportOptions

    folder = tmp_path_factory.mktemp("exported")

    @functools.cache
    def bundle(kind: str):
        weights = checkpoints.write(folder / "weights" / kind, kind, licence="MIT")
        return export.export_model(
            weights, small_fasta, folder, ExportOptions(allow_untrained=True, n_windows=40)
        )

    return bundle


@pytest.fixture(autouse=True)
def _own_folder(tmp_path, monkeypatch):
    """Each test works in a folder of its own: indexes are made in the current folder."""
    monkeypatch.chdir(tmp_path)
