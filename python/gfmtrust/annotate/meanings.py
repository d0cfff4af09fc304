"""What every flag, reason and status means, in one sentence each, and the colours of the flags: for
the report and for legend.json.

The keys of the VCF are described in `core.columns`. Source: docs/start/output.md, "Statuses"
and docs/start/output.md, "Reasons: GFM_WHY".
"""

from __future__ import annotations

from gfmtrust.core.vocabulary import Rank, Status, Why

FLAG_MEANING = (
    "A flag says that the model recognises this sequence; it says nothing of an effect or of "
    "pathogenicity."
)
"""The first sentence of the report, and of the legend."""
NO_DECOY_TESTS_MEMORY = "no decoy of a genome can test a model that was trained on this genome"

COLOURS = {
    Rank.HIGH: "#0072b2",
    Rank.MEDIUM: "#e69f00",
    Rank.LOW: "#d55e00",
    Rank.NOT_SCORED: "#969696",
}
"""Colours that colour-blind readers can distinguish (Okabe and Ito 2008)."""

FLAGS = {
    Rank.HIGH: "The model prefers the real base to a decoy at nearly all places like this one.",
    Rank.MEDIUM: "The model prefers the real base to a decoy at most places like this one.",
    Rank.LOW: "The allele is scored and nothing is promised: do not use its numbers.",
    Rank.NOT_SCORED: "The allele has no score; this does not mean that it is benign.",
}

REASONS = {
    Why.SHIFT: "The sites of this run are unlike the probes, so that every flag is LOW.",
    Why.OWN_ALLELES: (
        "The probes certified the level, but at this run's own SNVs the model misses the reference "
        "base more often than the level promises, so it is withdrawn from alleles of this class."
    ),
    Why.REF_BIAS: (
        "Where the population carries the other allele the model still prefers that of the "
        "reference file, as a model does that remembers the file; the level is withdrawn."
    ),
    Why.MEMORISED: (
        f"The model seems to know this genome by heart, and {NO_DECOY_TESTS_MEMORY}: HIGH is "
        "withheld."
    ),
    Why.PARALOG: (
        "ALT is the letter that stands at a near copy of this place, as in a read that was mapped "
        "to the wrong copy or after a gene conversion; the flag is LOW."
    ),
    Why.BACKGROUND: (
        "Context model and probes come from another sequence than the one that is scored; at most "
        "MEDIUM."
    ),
    Why.UNCERTIFIED: (
        "The probes, or the labels, could not certify the next level for alleles of this class: too "
        "many of them are wrong, or there are too few."
    ),
    Why.LOW_REL: "The next level exists, and the reliability of this allele is below its cut-off.",
    Why.COPIED: (
        "The same sequence stands at another place of the genome, and the model may read or "
        "remember it there; at most MEDIUM."
    ),
    Why.NO_DISTRIBUTION: (
        "The models give likelihoods of alleles and no distribution over the four bases; at most "
        "MEDIUM."
    ),
    Why.OOD_WINDOW: (
        "The sequence around the allele is unlike that of the probes, or the window is longer than "
        "those that the model was trained on; at most MEDIUM."
    ),
    Why.NO_GAIN: "The models know no more here than the context model does; at most MEDIUM.",
    Why.STRAND: "The two strands prefer different alleles; at most MEDIUM.",
    Why.NEAR_EDGE: "A part of the window lies outside the contig; at most MEDIUM.",
    Why.N_IN_WINDOW: "Too many letters of the window are N; at most MEDIUM.",
    Why.DISAGREE: "The views of the models disagree here; this explains a flag and limits none.",
    Why.HIGH_ENTROPY: "The models nearly guess here; this explains a flag and limits none.",
    Why.ALT_PREFERRED: "A remark that limits no flag: the model prefers ALT to REF.",
}

STATUSES = {
    Status.NOT_SELECTED: "lies outside --include",
    Status.GVCF_BLOCK: "is a reference block of a gVCF",
    Status.SYMBOLIC: "is symbolic",
    Status.SPANNING_DEL: "is *",
    Status.BREAKEND: "is a breakend",
    Status.NO_CONTIG: "is on a contig that is not in the FASTA",
    Status.OUT_OF_RANGE: "lies outside the contig or too near to its end",
    Status.AMBIGUOUS_BASE: "has or replaces a letter other than A, C, G and T, or is among many N",
    Status.REF_MISMATCH: "has a REF that differs from the FASTA",
    Status.TOO_LONG: "is longer than --max_allele (50 bp) or a quarter of a model's window",
    Status.UNSUPPORTED: "is of a class that no model of the run can score there",
    Status.MODEL_ERROR: "had a runtime failure in its window",
    Status.NONFINITE: "got no finite number from a model",
    Status.SCORED: "has all its numbers and a flag",
}
"""Status -> what an allele with it is or has, as the rest of a sentence."""
