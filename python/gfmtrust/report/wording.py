"""The sentences of the report: the verdict and the texts beside the figures. Pure functions of
numbers, without markup."""

from __future__ import annotations

from dataclasses import dataclass

from gfmtrust.calibration.certificates import Certificate
from gfmtrust.calibration.class_calibration import LABELS
from gfmtrust.calibration.outcome import label_sentences
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.core.vocabulary import Rank, Status
from gfmtrust.report.numbers import AlleleNumbers, CurveBin, LeagueRow

BARELY = 0.05
"""A model whose gain is below this number of bits per base is called hardly better than the context
model."""


@dataclass(frozen=True)
class Verdict:
    """The first words that a reader sees. any_high: whether any allele is HIGH."""

    headline: str
    lines: tuple[str, ...]
    any_high: bool


def verdict(numbers: AlleleNumbers, calibration: RunCalibration) -> Verdict:
    """The verdict: whether any allele is HIGH, and if not, the reason."""
    n_high, n_medium = numbers.ranks[Rank.HIGH], numbers.ranks[Rank.MEDIUM]
    medium = _medium_line(n_high, n_medium, calibration)
    if not numbers.alleles:
        return Verdict(
            "No allele was given.",
            (
                "The run has no record with an ALT; the rest of the report describes only the models.",
            ),
            False,
        )
    if not numbers.scored:
        ((reason, count),) = numbers.statuses.most_common(1)
        return Verdict(
            "No allele could be scored.",
            (f"The commonest reason is {reason} ({count:,} of {numbers.alleles:,} alleles).",),
            False,
        )
    if n_high:
        share = n_high / numbers.scored
        by_labels = [f"{text}." for text in label_sentences(calibration).values()]
        if by_labels:
            headline = f"{n_high:,} of {numbers.scored:,} scored alleles are HIGH ({share:.1%})."
            return Verdict(headline, (*by_labels, medium), True)
        return Verdict(
            f"{n_high:,} of {numbers.scored:,} scored alleles are HIGH ({share:.1%}).",
            (
                f"At positions like these the model prefers a decoy to the real base in at most {calibration.options.alpha_high:.0%} "
                f"of cases (with confidence {1 - calibration.options.delta:.0%}).",
                medium,
            ),
            True,
        )
    headline, *lines = why_no_high(calibration)
    return Verdict(f"No allele is HIGH: {headline}", (*lines, medium), False)


def why_no_high(calibration: RunCalibration) -> list[str]:
    """The reason why no allele is HIGH as a sentence, and its explanation."""
    if calibration.shift is not None and calibration.shift.fired:
        return [
            "the sites of this run are unlike the probes on which the flags were certified, so every flag is LOW.",
            "The shift test fired. Calibrate again on this run.",
        ]
    if calibration.high_withheld:
        return [f"the level is withheld ({calibration.high_withheld})."]
    if calibration.options.at_most_medium:
        return [
            f"{calibration.options.at_most_medium}, so no flag is above MEDIUM.",
            f"{calibration.outcome}.",
        ]
    if not calibration.snv.certificates:
        return ["no certificate could be made.", f"{calibration.outcome}."]
    if calibration.snv.limits.model_gain is not None and calibration.snv.limits.model_gain <= 0:
        return [
            "on this genome the models know no more than the context model, a k-mer (Markov) baseline.",
            f"{calibration.outcome}.",
        ]
    high = [
        certificate
        for certificate in calibration.snv.certificates
        if certificate.level == Rank.HIGH.name
    ]
    if any(certificate.exists for certificate in high):
        return ["the level is certified on this genome, but no allele of this run reaches it."]
    return [
        "on this genome the model cannot distinguish the real base from a decoy well enough.",
        *nearest_miss(high),
        "This is a result, not a failure: do not use the numbers of this model as evidence here.",
    ]


def nearest_miss(high: list[Certificate]) -> list[str]:
    """The distance of the best cell from its limit; [] where nothing was tested."""
    tested = [certificate for certificate in high if certificate.balanced.n]
    if not tested:
        return []
    best = min(
        tested, key=lambda certificate: max(certificate.balanced.bound, certificate.run.bound)
    )
    return [
        f"Among the {best.balanced.n:,} most reliable probes that were tested, {best.balanced.errors:,} decoys were preferred to the real base; "
        f"the upper bound of the error is {max(best.balanced.bound, best.run.bound):.1%}, and HIGH allows {best.alpha:.0%}."
    ]


def _medium_line(n_high: int, n_medium: int, calibration: RunCalibration) -> str:
    if n_medium:
        return (
            f"{n_medium:,} are MEDIUM: the model prefers the decoy in at most {calibration.options.alpha_medium:.0%} of such cases. "
            "All other scored alleles are LOW."
        )
    if n_high:
        return "None is MEDIUM; all other scored alleles are LOW: do not use their numbers."
    return "No allele is MEDIUM either: every scored allele is LOW."


def level_text(level: Rank, calibration: RunCalibration) -> str:
    """The guarantee of a flag in this run."""
    if level == Rank.LOW:
        return "The allele is scored, and nothing is promised."
    alpha = {
        Rank.HIGH: calibration.options.alpha_high,
        Rank.MEDIUM: calibration.options.alpha_medium,
    }[level]
    if calibration.shift is not None and calibration.shift.fired:
        return "Not given in this run: the shift test fired."
    if level == Rank.HIGH and calibration.options.at_most_medium:
        return f"Not given in this run: {calibration.options.at_most_medium}."
    if level == Rank.HIGH and calibration.high_withheld:
        return f"Withheld: {calibration.high_withheld}."
    kinds: dict[str, list[str]] = {"Decoy error": [], "Mean error of the two labels": []}
    for name, one in calibration.in_use():
        if any(each.level == level.name and each.exists for each in one.certificates):
            by_labels = "Mean error of the two labels"
            kinds[by_labels if one.set == LABELS else "Decoy error"].append(name)
    exactly = " of exactly this flag" if level == Rank.MEDIUM else ""
    texts = [
        f"{what}{exactly} at most {alpha:.0%}, confidence {1 - calibration.options.delta:.0%} "
        f"({', '.join(names)})."
        for what, names in kinds.items()
        if names
    ]
    if not texts:
        return (
            f"Does not exist in this run: an error of at most {alpha:.0%} could not be certified."
        )
    return " ".join(texts)


def curve_sentence(bins: list[CurveBin]) -> str:
    """The sentence that describes the calibration curve."""
    if not bins:
        return "No probe could be scored, so nothing can be said about reliability."
    n = sum(bin_.n for bin_ in bins)
    right = sum(bin_.right * bin_.n for bin_ in bins) / n
    best = bins[-1]
    return (
        f"Over {n:,} probes the real base was preferred in {right:.1%} of cases; guessing gives 50%. Among the most reliable tenth it was "
        f"{best.right:.1%} ({best.low:.1%} to {best.high:.1%})."
    )


def entropy_sentence(numbers: AlleleNumbers) -> str:
    """The sentence that states how close to guessing the models are."""
    if not numbers.scored:
        return "No allele was scored."
    if not any(counts.sum() for counts in numbers.ent.values()):
        return "There is no entropy: the models of this run give likelihoods of alleles and no distribution over the four bases."
    return (
        f"{numbers.at_uniform:,} of {numbers.scored:,} scored alleles ({numbers.at_uniform / numbers.scored:.0%}) "
        "have an entropy above 1.9 bits, "
        "at which the models nearly guess."
    )


def league_sentence(rows: list[LeagueRow]) -> str:
    """The sentence that states whether the models beat the context model."""
    gains = [(row.gain, row.gain_low, row.gain_high) for row in rows if row.gain is not None]
    if not gains:
        return (
            "The context model is the only model of this run; there is nothing to compare it with."
        )
    gain, low, high = gains[0]
    if low is None or high is None:
        return f"The models gain {gain:+.3f} bits per base over the context model; there are too few blocks for an interval."
    if high <= 0:
        return f"The models are worse than the context model on this genome ({gain:+.3f} bits per base)."
    measured = f"{gain:+.3f} bits per base, {low:+.3f} to {high:+.3f}"
    if low <= 0:
        return f"It is not certain whether the models beat the context model on this genome ({measured})."
    return f"The models {'hardly beat' if gain < BARELY else 'beat'} the context model on this genome ({measured})."


def funnel_steps(numbers: AlleleNumbers) -> list[tuple[str, int]]:
    """The number of alleles that are given, scored, MEDIUM or HIGH, and HIGH."""
    high = numbers.ranks[Rank.HIGH]
    return [
        ("alleles", numbers.alleles),
        ("scored", numbers.statuses[Status.SCORED]),
        ("MEDIUM or HIGH", high + numbers.ranks[Rank.MEDIUM]),
        ("HIGH", high),
    ]
