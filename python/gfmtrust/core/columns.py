"""Every number we write, declared once: INFO key, BED column, unit, range, sentence for users.

The VCF header, the BED columns, the report's rows and the table of measures in the docs come from
here; adding a measure is one entry (and one function in `measures`). No arithmetic here.
"""

from __future__ import annotations

from dataclasses import dataclass

from gfmtrust import __version__


@dataclass(frozen=True)
class InfoKey:
    """One INFO key as the VCF header declares it. `number` and `type` are words of VCF 4.5, section
    1.4.2."""

    id: str
    number: str
    type: str
    description: str

    @property
    def header_line(self) -> str:
        """The `##INFO` line; `Source` and `Version` say who wrote the key."""
        return (
            f'##INFO=<ID={self.id},Number={self.number},Type={self.type},Description="{self.description}",'
            f'Source="gfmtrust",Version="{__version__}">'
        )


@dataclass(frozen=True)
class Measure:
    """One measure: how it is named in each format and how a reader should read it.

    `info_id` is None where it is not written to VCF, `bed_column` None where not written to BED.
    `lowest` and `highest` bound the values (None: unbounded). `better` is the end that speaks for
    trust: 'low', 'high', 'none'.
    """

    name: str
    description: str
    unit: str
    lowest: float | None
    highest: float | None
    better: str
    info_id: str | None = None
    bed_column: str | None = None
    decimals: int = 4
    number: str = "A"
    type: str = "Float"

    @property
    def info_key(self) -> InfoKey | None:
        """The INFO key of the measure, None where it has none."""
        return (
            InfoKey(self.info_id, self.number, self.type, self.description)
            if self.info_id
            else None
        )


MEASURES: tuple[Measure, ...] = (
    Measure(
        "rel",
        "Reliability: estimated probability that the preference between REF and ALT finds the base that stands there",
        "",
        0.0,
        1.0,
        "high",
        "GFM_REL",
        "reliability",
    ),
    Measure(
        "llr",
        "Log-likelihood ratio ln p(ALT)/p(REF), mean over views, nats; negative means ALT is disfavoured",
        "nats",
        None,
        None,
        "none",
        "GFM_LLR",
    ),
    Measure(
        "llr_sd",
        "Standard deviation of the log-likelihood ratio over views, nats",
        "nats",
        0.0,
        None,
        "low",
        "GFM_LLR_SD",
    ),
    Measure(
        "ent",
        "Shannon entropy of the mean distribution over A C G T, bits; 0 is certain and 2 is uniform",
        "bits",
        0.0,
        2.0,
        "low",
        "GFM_ENT",
        "entropy",
    ),
    Measure(
        "dis",
        "Disagreement: mutual information between views and base, bits; 0 means that all views say the same",
        "bits",
        0.0,
        2.0,
        "low",
        "GFM_DIS",
        "disagreement",
    ),
    Measure(
        "gain",
        "Local gain over the context model, bits per base, the site left out; above 0 beats counting",
        "bits/base",
        None,
        None,
        "high",
        "GFM_GAIN",
        "gain",
    ),
    Measure(
        "surprisal",
        "Surprisal of the base that stands there, -log2 of its mean probability, bits",
        "bits",
        0.0,
        None,
        "low",
        None,
        "surprisal",
    ),
    Measure(
        "abs_llr",
        "Absolute log-likelihood ratio, nats; the comparator that every other measure must beat",
        "nats",
        0.0,
        None,
        "high",
    ),
    Measure(
        "margin",
        "Absolute log-likelihood ratio in units of its spread over views",
        "",
        0.0,
        None,
        "high",
    ),
    Measure(
        "sign_agreement",
        "Weight of the views that agree on the sign of the log-likelihood ratio, less the others",
        "",
        0.0,
        1.0,
        "high",
    ),
    Measure(
        "dis_between",
        "Part of the disagreement between models, bits; missing with one model",
        "bits",
        0.0,
        2.0,
        "low",
    ),
    Measure(
        "dis_within",
        "Part of the disagreement within models, bits: instability, blind to what all views share",
        "bits",
        0.0,
        2.0,
        "low",
    ),
    Measure(
        "dis_strand",
        "Part of dis_within between the strands, bits; missing where no model read both",
        "bits",
        0.0,
        2.0,
        "low",
    ),
    Measure(
        "dis_shift",
        "Part of dis_within between shifts, phases, contexts and members on one strand, bits; missing with one of them",
        "bits",
        0.0,
        2.0,
        "low",
    ),
    Measure(
        "strand_jsd",
        "Jensen-Shannon divergence of the two strands, bits; missing where they are equal by construction",
        "bits",
        0.0,
        1.0,
        "low",
        None,
        "strand_jsd",
    ),
    Measure(
        "strand_llr",
        "Absolute difference of the two strands' log-likelihood ratios, nats",
        "nats",
        0.0,
        None,
        "low",
    ),
    Measure(
        "local_surprisal",
        "Mean surprisal of the bases near the site, the site left out, bits",
        "bits",
        0.0,
        None,
        "low",
    ),
)
"""All measures; those with an INFO id are written to VCF in this order."""

FLAG_KEYS: tuple[InfoKey, ...] = (
    InfoKey("GFM_STATUS", "A", "String", "SCORED or the reason why the allele was not scored"),
    InfoKey(
        "GFM_RANK",
        "A",
        "Integer",
        "Confidence flag as a number: 3 HIGH, 2 MEDIUM, 1 LOW, 0 not scored",
    ),
    InfoKey(
        "GFM_CONF",
        "A",
        "String",
        "Confidence flag: HIGH, MEDIUM or LOW; research use only, not ACMG evidence",
    ),
    InfoKey("GFM_WHY", "A", "String", "Reasons that kept the flag down, worst first, joined by &"),
)

INFO_KEYS: tuple[InfoKey, ...] = FLAG_KEYS + tuple(m.info_key for m in MEASURES if m.info_key)
"""The INFO keys in the order in which they are written."""

BED_MEASURES: tuple[Measure, ...] = tuple(m for m in MEASURES if m.bed_column)
"""The measures that have a BED column."""


def measure(name: str) -> Measure:
    """The entry of that name. Raises ValueError naming the known ones."""
    for entry in MEASURES:
        if entry.name == name:
            return entry
    raise ValueError(f"measure {name!r} is not in MEASURES: {', '.join(m.name for m in MEASURES)}")


def info_header_lines() -> list[str]:
    """The `##INFO` lines of all our keys, without line ends."""
    return [key.header_line for key in INFO_KEYS]
