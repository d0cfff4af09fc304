"""The context model: a k-mer (Markov) baseline fitted to the user's genome, without a download.

    write.fit_context_model("genome.fa", "context_model", seed=0)   # a bundle with members.json
    members.Members.open("context_model").admitted(contig_index, pos)   # bool (n, 8): members that
    # never saw a site's block

`members` assigns blocks, `counts` counts k-mers, `evaluate` is the model in NumPy, `mixture` fits
its weights, `fit` combines these, `graph` writes the model in ONNX, and `write` creates the bundle.
The meaning of the numbers is in docs/understand/reliability.md, "The context model".
"""
