"""The context model: a k-mer (Markov) baseline fitted to the user's genome, without a download.

    fit_context_model("genome.fa", "context_model", seed=0)      # an ordinary bundle, with
    members.json Members.open("context_model").admitted(contig_index, pos)    # bool (n, 8): members
    that never saw a site's block

`members` deals blocks, `counts` counts words, `evaluate` is the law in numpy, `mixture` fits its
weights, `fit` joins these, `graph` writes the law in ONNX, `write` makes the bundle. What the
numbers mean is in docs/understand/reliability.md, section 2.
"""

from gfmtrust.baseline.fit import ContextModel, fit_model
from gfmtrust.baseline.members import N_MEMBERS, Members
from gfmtrust.baseline.write import fit_context_model, write_bundle

__all__ = ["N_MEMBERS", "ContextModel", "Members", "fit_context_model", "fit_model", "write_bundle"]
