"""A genome of random letters with its context model, which each audit would fit anew."""

import audit_bundles
import pytest

from gfmtrust.baseline.write import fit_context_model


@pytest.fixture(scope="session")
def random_genome(tmp_path_factory):
    """A FASTA of 30,000 random letters, and the options of an audit of it: the FASTA and the model
    that the audit would fit."""
    folder = tmp_path_factory.mktemp("random")
    fasta = audit_bundles.random_fasta(folder / "g.fa")
    fit_context_model(fasta, folder / "context_model", seed=1)
    return fasta, ("--fasta", fasta, "--context_model", folder / "context_model")
