"""The result of a check: the figures, the verdict and the printed lines."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from gfmtrust.export.check_model.baselines import CONTEXT
from gfmtrust.export.check_model.tokens import Reading, shown

CHANCE_BITS = 2.0
SURE = 2.0
"""The number of standard errors by which a model must beat chance."""
WORDS = {"letter_frequencies": "letter frequencies", "order_2": "order 2", CONTEXT: "context model"}


@dataclass(frozen=True)
class Figures:
    """The figures of one part of the genome.

    bits: of the model, per base; se: its standard error, from the variation between windows.
    baselines: bits per base of each baseline on the same bases; gain_se: standard error of the gain
        over the letter frequencies.
    unit, bits_per_unit, unit_se, gate_bits: what the sanity check compares, per 'base' or 'token'.
    is_constant: whether all windows had the same answer.
    """

    part: str
    windows: int
    bases: int
    bits: float
    se: float
    baselines: dict[str, float]
    gain_se: float
    unit: str
    bits_per_unit: float
    unit_se: float
    gate_bits: float
    is_constant: bool

    @property
    def fault(self) -> str:
        """Why the part does not pass, '' where it does. The model must pass the sanity check and,
        where bases are scored one by one, beat the letter frequencies by SURE standard errors.

        The sanity check alone would accept a network that always prefers A and T, and in a few
        windows any network by chance.
        """
        gains = [("chance", self.gate_bits - self.bits_per_unit, self.unit_se)]
        if self.unit == "base":
            gains.append(
                (
                    "the frequencies of the four letters",
                    self.baselines["letter_frequencies"] - self.bits,
                    self.gain_se,
                )
            )
        if self.is_constant:
            return "every window gets the same answer"
        for what, gain, _ in gains:
            if not gain > 0:
                return f"the network's answers are no better than {what}"
        for what, gain, error in gains:
            if not gain > SURE * error:
                return f"the network's answers are not surely better than {what} ({self.bases:,} bases; more --windows would tell)"
        return ""

    @property
    def passed(self) -> bool:
        """Whether the model reads DNA on this part of the genome."""
        return not self.fault


@dataclass(frozen=True)
class Check:
    """The complete result of a check.

    identity: group of bundle.json. vocabulary, weights: names of the files that were read.
    genome: described in words. seconds: for 1,000 sites with both strands and their neighbours.
    parity: the largest difference of logp from torch and its limit, None where it was not recorded.
    """

    identity: dict
    kind: str
    vocabulary: list[str]
    vocabulary_size: int
    weights: list[str]
    dtypes: list[str]
    window_bp: int
    reading: Reading
    genome: str
    ships: bool
    figures: list[Figures]
    skipped: list[str]
    parity: dict | None
    seconds: float
    threads: int
    provider: str
    bundle: str

    @property
    def best(self) -> Figures:
        """The part on which the model is best; a part that passes precedes one that does not."""
        return min(
            self.figures,
            key=lambda one: (not one.passed, one.bits - one.baselines["letter_frequencies"]),
        )

    @property
    def passed(self) -> bool:
        """Whether the model reads DNA on at least one part of the genome."""
        return self.best.passed

    @property
    def verdict(self) -> str:
        """The last line of the output, about the part that the model reads best."""
        name, best = self.identity["model_id"], self.best
        measured = f"{best.bits:.2f} bits per base on {best.part}"
        if best.unit == "token":
            measured += f" ({best.bits_per_unit:.2f} per token; chance is {best.gate_bits:.2f})"
        if not self.passed:
            remedy = (
                ", or the model was trained on other organisms (give --fasta with a genome of theirs)"
                if self.ships
                else ""
            )
            return f"verdict: {name}: {best.fault} on this genome, {measured}: the weights may be random or misread{remedy}"
        below = [
            f"{WORDS[one]} ({bits:.2f})" for one, bits in best.baselines.items() if best.bits < bits
        ]
        above = [
            f"{WORDS[one]} ({bits:.2f})"
            for one, bits in best.baselines.items()
            if best.bits >= bits
        ]
        parts = [
            f"{relation} {_listed(names)}"
            for relation, names in (("below", below), ("not below", above))
            if names
        ]
        return f"verdict: {name} reads DNA: {measured}, {', '.join(parts)}"


def failure(check: Check) -> tuple[str, str]:
    """Return what was measured and what a passing model has, for the error of a failed check."""
    best = check.best
    expected = f"below {best.gate_bits:.3f} bits per {best.unit} by {SURE:g} standard errors"
    if best.unit == "base":
        expected += f" and below {best.baselines['letter_frequencies']:.3f}, the letter frequencies"
    return (
        f"{best.bits_per_unit:.3f} bits per {best.unit} on {best.part}, standard error {best.unit_se:.3f}",
        expected,
    )


def content(check: Check) -> dict:
    """Return the check as JSON: the fields of the dataclasses, with `passed` and `verdict`."""
    return asdict(check) | {"passed": check.passed, "verdict": check.verdict}


def text(check: Check) -> str:
    """Return the printed text; the verdict is the last line."""
    one, reading = check.identity, check.reading
    revision = f" at {one['revision']}" if one["revision"] else ""
    vocabulary = ", ".join(check.vocabulary) or "the code of the tokenizer (no vocabulary file)"
    mask = f"masked with {reading.mask}" if reading.mask else "asked from the tokens before it"
    rows = [
        ("model", f"{one['model_id']}: family {one['family']}, {one['n_parameters']:,} parameters"),
        (
            "source",
            f"{one['repository'] or 'a local folder'}{revision}; licence {one['licence'] or 'not stated'}",
        ),
        (
            "weights",
            f"{', '.join(check.weights) or 'in the bundle'}; {', '.join(check.dtypes) or 'types not recorded'}",
        ),
        ("tokenizer", f"{check.kind}; {check.vocabulary_size:,} tokens from {vocabulary}"),
        (
            "window",
            f"{check.window_bp:,} bases, {len(reading.ids):,} tokens; the site's token is number {reading.site}, {mask}",
        ),
        ("tokens", f"{shown(reading)}   (round the site: {reading.letters})"),
        ("genome", check.genome),
    ]
    lines = [f"{name:<11}{value}\n" for name, value in rows]
    return "".join([*lines, "\n", *_table(check), "\n", *_closing(check), f"\n{check.verdict}\n"])


def _table(check: Check) -> list[str]:
    """Return the bits per base of the model and of what it must beat, one line per part of the
    genome."""
    header = ["bits per base", "model", "std. error", "chance", *WORDS.values(), "bases asked"]
    lines = [header]
    for one in check.figures:
        bits = (one.bits, one.se, CHANCE_BITS, *(one.baselines[name] for name in WORDS))
        lines.append([one.part, *(f"{value:.3f}" for value in bits), f"{one.bases:,}"])
    widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
    table_lines = [
        "  ".join(
            [
                line[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)),
            ]
        )
        for line in lines
    ]
    table_lines += [
        f"{part}: no window of {check.window_bp:,} bases without N" for part in check.skipped
    ]
    table_lines += [
        f"{one.part}: {one.bits_per_unit:.3f} bits per token, {one.gate_bits:.3f} or more is chance"
        for one in check.figures
        if one.unit == "token"
    ]
    return [f"{line}\n" for line in table_lines]


def _closing(check: Check) -> list[str]:
    held_out = (
        "The three counting models answer each base without having seen its part of the sequence.\n"
    )
    parity = (
        f"logp differs from torch by {check.parity['max_logp']:.2g} at most, {check.parity['allowed']:.2g} allowed"
        if check.parity
        else "not recorded"
    )
    return [
        held_out,
        f"{'parity':<11}{parity}\n",
        f"{'speed':<11}{check.seconds:,.3g} s per 1,000 sites (both strands, neighbours), {check.provider}, {check.threads} "
        f"{'thread' if check.threads == 1 else 'threads'}\n",
        *([f"{'bundle':<11}{check.bundle}\n"] if check.bundle else []),
    ]


def _listed(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
