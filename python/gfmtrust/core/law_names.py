"""The laws of oracle genomes by name, with what is random in each, for people. The laws themselves
are in `validation.oracle.laws`; the names are here because `--help` imports nothing heavy."""

LAW_TEXTS = {
    "clear": "chain of order 4, rows Dirichlet 0.2",
    "easy": "chain of order 4, rows Dirichlet 0.5",
    "medium": "chain of order 4, half of the rows Dirichlet 0.3, half 3",
    "hard": "chain of order 6, rows Dirichlet 0.3, 3, 40 in 10, 30, 60 %",
    "few_cpg": "chain of order 4 whose CpG mostly mutated away",
    "iid": "every base alike and on its own",
    "motifs": "pairs of planted motifs at set distances",
    "mutation_selection": "mutation-selection balance with a bias against CpG",
    "repeats": "direct and inverted copies, a tenth of their letters changed",
    "stems": "stems of compensating pairs",
    "codons": "genes without stops, third letter C or G",
}
SHIFTED = "_shifted"
"""The suffix of the changed copy of a law."""
