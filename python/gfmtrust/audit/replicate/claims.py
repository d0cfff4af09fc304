"""The five claims of arXiv 2604.04287, and what this replication says of each, with intervals."""

from __future__ import annotations

from dataclasses import dataclass

from gfmtrust.audit.replicate.draws import Values, difference
from gfmtrust.audit.replicate.measure import Numbers
from gfmtrust.audit.replicate.settings import DNA, TEXT, kind
from gfmtrust.audit.verdict import interval
from gfmtrust.core.contracts.audit import Statistic
from gfmtrust.core.contracts.replication import ClaimVerdict

REPLICATES, DOES_NOT, UNDECIDED, NOT_TESTED = (
    "replicates",
    "does not replicate",
    "cannot be decided",
    "not tested by this design",
)
CONTROL = "gain over the frequencies of the tokens"
Group = tuple[str, bool]
"""Corpus, and whether its members are tied."""


@dataclass(frozen=True)
class Claim:
    """published: the statistic that the paper argues with; corrected: the one that answers the same
    question without its fault. dna_minus_text, corrected_dna_minus_text: the sign of the claim."""

    name: str
    text: str
    published: str
    corrected: str
    dna_minus_text: bool
    corrected_dna_minus_text: bool


CLAIMS = (
    Claim(
        "C1", "models of DNA give near-uniform answers, models of text do not",
        "KL(U || p)", CONTROL, False, False,
    ),
    Claim(
        "C2", "models of DNA that differ by their seed disagree more than models of text",
        "JS distance, mean over cuts", "JS distance over its null, no cut", True, True,
    ),
    Claim(
        "C3", "token embeddings of DNA are less stable between seeds than those of text",
        "Jaccard of 10 neighbours", "Jaccard of 10 neighbours, tokens seen, centred", False, False,
    ),
    Claim(
        "C4", "in models of DNA the Fisher information is in the embeddings, not between tokens",
        "embeddings, as published", "attention, drawn tokens", True, False,
    ),
)  # fmt: skip
LAST = ClaimVerdict(
    "C5", "so self-supervision from sequence alone may not suit DNA", NOT_TESTED,
    "It would need training on windows that another task has weighted.", (),
)  # fmt: skip


def verdicts(groups: dict[Group, dict[str, Numbers]], seed: int) -> tuple[ClaimVerdict, ...]:
    """One verdict for each claim, from the members of all corpora."""
    control = groups[TEXT, True]["C1"][CONTROL].values
    learned = difference("text: gain", control, Values.of([0.0]), 0.0, seed)
    return (*(verdict(claim, groups, learned, seed) for claim in CLAIMS), LAST)


def verdict(
    claim: Claim, groups: dict[Group, dict[str, Numbers]], control: Statistic, seed: int
) -> ClaimVerdict:
    """The verdict on one claim. control: the gain of the text's members over the frequencies of the
    tokens; where it is not above 0, they learned nothing that DNA could be compared with."""
    rows = tuple(
        _difference(claim, groups, corpus, tied, is_published, seed)
        for is_published in (True, False)
        for tied in (True, False)
        for corpus in DNA
    )
    rows = tuple(row for row in rows if row is not None)
    decided = word(rows[: len(DNA)])
    if control.low is None or control.low <= 0:
        reason = (
            "The text models are no positive control: their gain over the frequencies of the tokens "
            f"is {interval(control, 3)}. By the differences alone: {decided}."
        )
        return ClaimVerdict(claim.name, claim.text, UNDECIDED, reason, rows)
    return ClaimVerdict(claim.name, claim.text, decided, _reason(rows), rows)


def _difference(claim, groups, corpus, tied, is_published, seed) -> Statistic | None:
    name = claim.published if is_published else claim.corrected
    values = [groups[one, tied][claim.name].get(name) for one in (corpus, TEXT)]
    if None in values:
        return None
    dna, text = values
    is_dna_first = claim.dna_minus_text if is_published else claim.corrected_dna_minus_text
    order = (corpus, dna, TEXT, text) if is_dna_first else (TEXT, text, corpus, dna)
    label = f"{order[0]} minus {order[2]}, {kind(tied)}"
    return difference(
        label, order[1].values, order[3].values, 0.0, seed, unit=dna.unit, series=name
    )


def word(rows: tuple[Statistic, ...]) -> str:
    """The verdict from differences that are positive where they agree with the claim: all must be
    above 0, or all below."""
    if all(row.low is not None and row.low > 0 for row in rows):
        return REPLICATES
    if all(row.high is not None and row.high < 0 for row in rows):
        return DOES_NOT
    return UNDECIDED


def _reason(rows: tuple[Statistic, ...]) -> str:
    n = len(DNA)
    names = ("published, tied", "published, untied", "corrected, tied", "corrected, untied")
    parts = [(name, rows[i * n : (i + 1) * n]) for i, name in enumerate(names)]
    return "; ".join(f"{name}: {word(part)}" for name, part in parts if part) + "."


def line(one: ClaimVerdict) -> str:
    """The verdict as one line, with the intervals of the published statistic."""
    shown = "; ".join(f"{row.label} {interval(row, 3)}" for row in one.differences[: len(DNA)])
    if not shown:
        return f"{one.claim} {one.verdict}: {one.text}. {one.reason}"
    name = one.differences[0].series
    return f"{one.claim} {one.verdict}: {one.text}. {name[:1].upper()}{name[1:]}: {shown}."
