"""The context model: a k-mer (Markov) baseline fitted to the user's genome, without a download.

    fit_context_model("genome.fa", "context_model", seed=0)      # an ordinary bundle, with
    members.json Members.open("context_model").admitted(contig_index, pos)    # bool (n, 8): members
    that never saw a site's block

`members` assigns blocks, `counts` counts k-mers, `evaluate` is the model in NumPy, `mixture` fits
its weights, `fit` combines these, `graph` writes the model in ONNX, and `write` creates the bundle.
The meaning of the numbers is in docs/understand/reliability.md, "The context model".
"""

from gfmtrust.baseline.fit import ContextModel, fit_model
from gfmtrust.baseline.members import N_MEMBERS, Members
from gfmtrust.baseline.write import fit_context_model, write_bundle

__all__ = ["N_MEMBERS", "ContextModel", "Members", "fit_context_model", "fit_model", "write_bundle"]
