"""The sentences of the report: the verdict and the texts beside the figures. Pure functions of
numbers, without markup."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gfmtrust.calibration.class_calibration import DECOY, LABELS
from gfmtrust.calibration.outcome import label_sentences
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.core.contracts.counts import RegionCounts
from gfmtrust.core.vocabulary import Rank, Status, VariantClass
from gfmtrust.report.no_high import REGION_BASES, why_no_high
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


def verdict(
    numbers: AlleleNumbers, calibration: RunCalibration, beds: Sequence[RegionCounts] = ()
) -> Verdict:
    """The verdict: whether any allele is HIGH, or any region of a run without alleles, and if not,
    the reason. beds: the counts of the annotated BED files."""
    n_high, n_medium = numbers.ranks[Rank.HIGH], numbers.ranks[Rank.MEDIUM]
    medium = _medium_line(n_high, n_medium, calibration)
    if not numbers.alleles:
        return _of_regions(beds, calibration)
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
    headline, *lines = why_no_high(calibration, _scored_kinds(numbers, beds))
    return Verdict(f"No allele is HIGH: {headline}", (*lines, medium), False)


def _scored_kinds(numbers: AlleleNumbers, beds: Sequence[RegionCounts]) -> list[str]:
    """What the run has scored and flagged below HIGH: the classes of its alleles, in the order of
    the vocabulary, then REGION_BASES where no region is HIGH."""
    counts = numbers.kinds.counts
    kinds = [str(kind) for kind in VariantClass if kind in counts and counts[kind][1:].any()]
    has_high = any(bed.ranks[Rank.HIGH.name] for bed in beds)
    if any(bed.scored_bases for bed in beds) and not has_high:
        kinds.append(REGION_BASES)
    return kinds or [VariantClass.SNV.value]


def _of_regions(beds: Sequence[RegionCounts], calibration: RunCalibration) -> Verdict:
    """The verdict of a run without alleles."""
    if not any(bed.scored_bases for bed in beds):
        what = (
            "no base of its BED files could be scored" if beds else "it has no BED file with a base"
        )
        return Verdict(
            "No allele was given.",
            (
                f"The run has no record with an ALT, and {what}; the report describes only the models.",
            ),
            False,
        )
    n_high, n = sum(bed.ranks[Rank.HIGH.name] for bed in beds), sum(bed.intervals for bed in beds)
    if n_high:
        return Verdict(f"{n_high:,} of {n:,} regions are HIGH ({n_high / n:.1%}).", (), True)
    headline, *lines = why_no_high(calibration, [REGION_BASES])
    return Verdict(f"No region is HIGH: {headline}", tuple(lines), False)


def _medium_line(n_high: int, n_medium: int, calibration: RunCalibration) -> str:
    if n_medium:
        promise = _medium_promise(calibration)
        return (
            f"{n_medium:,} are MEDIUM{promise and ': '}{promise}. All other scored alleles are LOW."
        )
    if n_high:
        return "None is MEDIUM; all other scored alleles are LOW: do not use their numbers."
    return "No allele is MEDIUM either: every scored allele is LOW."


def _medium_promise(calibration: RunCalibration) -> str:
    """What MEDIUM promises in words, by labels and by decoys; '' where nothing certifies it."""
    alpha = f"{calibration.options.alpha_medium:.0%}"
    texts = {
        LABELS: f"the call (effect or none) contradicts the labels in at most {alpha} of such "
        "alleles, as the mean over both labels",
        DECOY: f"the model prefers the decoy in at most {alpha} of such cases",
    }
    certified = {
        one.set
        for _, one in calibration.in_use()
        if any(each.level == Rank.MEDIUM.name and each.exists for each in one.certificates)
    }
    return "; where GFM_BASIS is DECOY, ".join(
        text for basis, text in texts.items() if basis in certified
    )


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


def curve_sentence(bins: list[CurveBin], by_labels: bool = False) -> str:
    """The sentence that describes the calibration curve. by_labels: whether labels certify some of
    the flags."""
    if not bins and by_labels:
        return (
            "No probe could be scored, so that no decoy says anything of the reliability. The flags were certified on labels: "
            "see what each flag promises, and the certificates by labels."
        )
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
        return "There is no entropy: the models of this run give scores or likelihoods of alleles, and no distribution over the four bases."
    return (
        f"{numbers.at_uniform:,} of {numbers.scored:,} scored alleles ({numbers.at_uniform / numbers.scored:.0%}) "
        "have an entropy above 1.9 bits, "
        "at which the models nearly guess."
    )


def league_sentence(rows: list[LeagueRow]) -> str:
    """The sentence that states whether the models beat the context model."""
    gains = [(row.gain, row.gain_low, row.gain_high) for row in rows if row.gain is not None]
    if not gains:
        return "No other model of this run has a distribution over the four bases that could be compared with that of the context model."
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
