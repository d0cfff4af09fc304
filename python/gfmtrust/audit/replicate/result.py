"""Puts the statistics of all members into replicate.json."""

from __future__ import annotations

from gfmtrust.audit.replicate import claims
from gfmtrust.audit.replicate.corpora import Corpus
from gfmtrust.audit.replicate.draws import statistic
from gfmtrust.audit.replicate.measure import SEEN, Number, Numbers
from gfmtrust.audit.replicate.settings import Settings, kind, sizes
from gfmtrust.core.contracts.audit import Measured, Statistic
from gfmtrust.core.contracts.replication import Replication, Size, TrainedCorpus

PARTS = {
    "C1": (
        "How far are the answers from uniform?",
        "the frequencies of the tokens alone; 0 for a gain",
        "KL(U || p), entropy and perplexity depend on the number of tokens, and a byte pair encoding "
        "has other tokens than 6-mers: only the gain over the frequencies of the tokens can be "
        "compared between corpora.",
    ),
    "C2": (
        "Do members that differ by their seed give other answers?",
        "the answer of the second member to another question",
        "A low cut leaves the first choice alone, so that the distance is near 1 wherever both are "
        "nearly uniform; without a cut it is small there. Compare each distance with its null.",
    ),
    "C3": (
        "Have the same tokens the same neighbours in other members?",
        "orders of the rows: in closed form for Jaccard and CKA, one draw for Procrustes",
        "Biased CKA of independent noise is far above 0. Local Spearman as published looks from the "
        "first member alone; both ways it looks from either.",
    ),
    "contextual": (
        "Are the embeddings of sequences alike in other members?",
        "Gaussian noise of the same shape for one member; orders of the rows for pairs",
        "Biased CKA of Gaussian noise of n rows and d columns is d / (d + n): 0.75 at the published "
        "256 by 768. The debiased one is 0. Alignment compares axes that mean nothing between seeds.",
    ),
    "C4": (
        "Where is the Fisher information?",
        "the share of the parameters that the part has",
        "As published, a tied matrix counts as embeddings although nearly all of its gradient is the "
        "decoder's, and the gradient of a batch is squared. Attention is what passes information "
        "between tokens; drawn tokens give the Fisher information itself.",
    ),
}  # fmt: skip


def measures(groups: dict[claims.Group, dict[str, Numbers]], seed: int) -> tuple[Measured, ...]:
    """All statistics: a measure for each part, tied and untied."""
    return tuple(
        Measured(
            f"{part}_{kind(tied)}", "replicate",
            f"{part}, {kind(tied)}: {question}", "1", null, reading, "", "",
            tuple(
                _row(corpus, name, number, seed)
                for (corpus, is_tied), one in groups.items()
                if is_tied == tied
                for name, number in one[part].items()
            ),
        )
        for part, (question, null, reading) in PARTS.items()
        for tied in (True, False)
    )  # fmt: skip


def _row(corpus: str, name: str, number: Number, seed: int) -> Statistic:
    label = f"{corpus}: {name}{'' if number.is_published else ' (corrected)'}"
    return statistic(label, number.values, number.null, seed, unit=number.unit)


def replication(
    groups: dict[claims.Group, dict[str, Numbers]],
    pieces: dict[str, Corpus],
    settings: Settings,
    genome: tuple[str, str],
    used: tuple[float, float, int],
) -> Replication:
    """The facts of a replication. genome: its name and digest; used: CPU seconds, seconds, bytes."""
    return Replication(
        *genome,
        settings.seed,
        tuple(Size(*row) for row in sizes(settings)),
        tuple(
            TrainedCorpus(
                one.name, one.origin, one.digest, one.vocabulary, int((one.counts >= SEEN).sum())
            )
            for one in pieces.values()
        ),
        claims.verdicts(groups, settings.seed),
        measures(groups, settings.seed),
        settings.tokens,
        settings.members * len(groups),
        *used,
    )
