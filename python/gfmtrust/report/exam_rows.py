"""Rows of the report on the exam of a calibration: levels by cell, population, memory, decoy ladder,
percentiles, negative controls and reasons."""

from __future__ import annotations

import numpy as np

from gfmtrust.annotate.exam_lines import memory_text, population_outcome, why_not_run
from gfmtrust.annotate.meanings import REASONS
from gfmtrust.calibration.class_calibration import LABELS
from gfmtrust.calibration.heldout_verdict import contigs_text
from gfmtrust.calibration.ladder import LadderRow
from gfmtrust.calibration.level_cells import LevelCell, level_cells, own_outcome
from gfmtrust.calibration.own_alleles import PopulationRow
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.calibration.run_background import BackgroundFacts
from gfmtrust.core.vocabulary import NEGATIVE_CONTROLS, CopyClass, Rank, VariantClass, Why
from gfmtrust.io.vcf.reader import format_position
from gfmtrust.report.numbers import AlleleNumbers
from gfmtrust.report.rows import MISSING, SHOWN_ALLELE, number
from gfmtrust.report.sanity import Calls, FlagFacts, Median, Share

SHOWN_CLASSES = 25
"""Classes of the percentile that the report lists, those with the smallest p-values first."""
FEW_CELLS = 4
"""Names of cells that one row lists; the others are counted."""


def levels(calibration: RunCalibration) -> list[dict]:
    """A row per level and cell. Cells in which no probe reached the level are joined in one row per
    reason, and what is given comes first within a class of variant."""
    cells = level_cells(calibration)
    rows = []
    for kind in dict.fromkeys(cell.kind for cell in cells):
        of_kind = [cell for cell in cells if cell.kind == kind]
        of_kind.sort(key=lambda cell: (not cell.is_given, -Rank[cell.level]))
        joined: dict[tuple[str, str], list[LevelCell]] = {}
        for cell in of_kind:
            same = [one for one in of_kind if one.certificate is cell.certificate]
            if cell.certificate.tested and all(one.own_alleles is None for one in same):
                if cell is same[0]:  # the certificate is all that is known of its cells
                    rows.append(_level(cell))
            elif cell.certificate.tested or cell.own_alleles is not None:
                rows.append(_level(cell))
            else:
                reason = cell.why_not.split(" (")[0]  # the number of probes differs by cell
                joined.setdefault((cell.level, reason), []).append(cell)
        rows += [_untested(reason, some) for (_, reason), some in joined.items()]
    return rows


def _level(cell: LevelCell) -> dict:
    certificate = cell.certificate
    balanced, run = certificate.balanced, certificate.run
    lines = [f"bound {balanced.bound:.1%}"]
    if cell.set != LABELS and run.n:  # labels have one orientation
        lines.append(f"run-oriented {run.errors:,} / {run.n:,}, {run.bound:.1%}")
    others = ", ".join(name.rpartition("/")[2] for name in cell.shared)
    return {
        "level": cell.level,
        "cell": f"{_kind(cell)}: {_shown(cell.name)}",
        "shared": f"shares its certificate with {others}" if others else "",
        "promise": f"{certificate.alpha:.0%}",
        "probes": f"{balanced.errors:,} / {balanced.n:,}" if balanced.n else MISSING,
        "probe_lines": lines if balanced.n else [],
        **_own_cells(cell),
        "outcome": _given(cell),
        "state": "given" if cell.is_given else "not",
    }


def _kind(cell: LevelCell) -> str:
    return f"{cell.kind} by labels" if cell.set == LABELS else cell.kind


def _own_cells(cell: LevelCell) -> dict:
    """What the run's own alleles say, which are SNVs."""
    if cell.kind != VariantClass.SNV.value or cell.set == LABELS:
        return {"own": MISSING, "own_lines": ["not examined"]}
    row = cell.own_alleles
    if row is None or not row.n:
        return {"own": MISSING, "own_lines": [own_outcome(row)]}
    lines = [f"bounds {row.low:.1%} to {row.high:.1%}", own_outcome(row)]
    if row.left_out:
        lines.append(f"{row.left_out:,} left out: ALT is common")
    return {"own": f"{row.errors:,} / {row.n:,} ({row.errors / row.n:.1%})", "own_lines": lines}


def _given(cell: LevelCell) -> str:
    if cell.is_given:
        return f"given from reliability {cell.certificate.threshold:.3f}"
    return f"withdrawn: {cell.why_not}" if cell.withdrawn else f"not given: {cell.why_not}"


def _untested(reason: str, cells: list[LevelCell]) -> dict:
    """One row for cells of one level in which no probe reached it, for the same reason."""
    names = [cell.name for cell in cells]
    further = len(names) - FEW_CELLS
    more = f" and {further} further cell{'' if further == 1 else 's'}" if further > 0 else ""
    probes = sorted(cell.certificate.n_probes for cell in cells)
    between = f"{probes[0]:,}" if probes[0] == probes[-1] else f"{probes[0]:,} to {probes[-1]:,}"
    first = cells[0]
    return {
        "level": first.level,
        "cell": f"{_kind(first)}: {', '.join(map(_shown, names[:FEW_CELLS]))}{more}",
        "shared": "",
        "promise": f"{first.certificate.alpha:.0%}",
        "probes": MISSING,
        "probe_lines": [f"{between} in the cell" if len(cells) == 1 else f"{between} in each cell"],
        **_own_cells(first),
        "outcome": f"{'withdrawn' if first.withdrawn else 'not given'}: {reason}",
        "state": "not",
    }


def _shown(name: str) -> str:
    return name.replace("_", " ").replace("/", " · ")


def own_by_level(calibration: RunCalibration) -> dict[str, tuple[int, int]]:
    """Wrong own alleles and own alleles of each level, over all cells in which it was not
    withdrawn: what a reader of the flag meets."""
    totals: dict[str, tuple[int, int]] = {}
    for cell in level_cells(calibration):
        if cell.own_alleles is not None and not cell.withdrawn:
            errors, n = totals.get(cell.level, (0, 0))
            totals[cell.level] = (errors + cell.own_alleles.errors, n + cell.own_alleles.n)
    return {level: total for level, total in totals.items() if total[1]}


def population(rows: tuple[PopulationRow, ...]) -> list[dict]:
    return [
        {
            "level": row.level,
            "promise": f"{row.alpha:.0%}",
            "alt": _ratio(row.alt_common_errors, row.alt_common),
            "ref": f"{number(row.ref_common_error, '.1%')} of {row.ref_common:,}"
            if row.ref_common
            else MISSING,
            "bias": number(row.bias, "+.1%"),
            "interval": MISSING
            if row.bias_low is None or row.bias_high is None
            else f"{row.bias_low:+.1%} to {row.bias_high:+.1%}",
            "outcome": population_outcome(row),
        }
        for row in rows
    ]


def _ratio(errors: int, n: int) -> str:
    return f"{errors:,} / {n:,} ({errors / n:.1%})" if n else MISSING


def memory(calibration: RunCalibration) -> dict | None:
    """The verdict on memory with its numbers; None where none was made."""
    verdict = calibration.memory
    if verdict is None:
        return None
    facts = [
        ("single-copy probes", f"{verdict.n:,}"),
        ("wrong there", number(verdict.error, ".1%")),
        ("bits per base of the models near them", number(verdict.surprisal, ".2f")),
        ("gain over the context model, bits per base", number(verdict.gain, "+.2f")),
    ]
    if verdict.known_share is not None:
        facts += [
            ("probes near which the gain is 1 bit or more", number(verdict.known_share, ".1%")),
            ("wrong there", number(verdict.known_error, ".1%")),
            ("probes near which there is no gain", number(verdict.blind_share, ".1%")),
            ("wrong there", number(verdict.blind_error, ".1%")),
        ]
    heldout = calibration.heldout
    if heldout is not None:
        facts += [
            (
                f"held-out contigs: {contigs_text(heldout.contigs)}",
                "hold up" if heldout.holds else "no",
            ),
            ("single-copy probes there, wrong", _ratio(heldout.errors, heldout.n)),
            ("on the other contigs", _ratio(heldout.errors_others, heldout.n_others)),
        ]
    text = memory_text(verdict)
    return {
        "suspected": verdict.suspected,
        "text": f"{text[0].upper()}{text[1:]}.",
        "facts": [(name, value) for name, value in facts if value != MISSING],
    }


def ladder(rows: tuple[LadderRow, ...]) -> list[tuple[str, ...]]:
    return [
        (
            f"{_shown(row.copy_class)}: {row.rung}",
            f"{row.n:,}",
            f"{row.error:.1%}",
            f"{row.low:.1%} to {row.high:.1%}",
        )
        for row in rows
    ]


def percentile(facts: BackgroundFacts | None) -> dict | None:
    """The background of GFM_PCT and its test of uniformity; None where there is no background."""
    if facts is None:
        return None
    tested = sorted(facts.uniformity, key=lambda one: (one.p, one.name))
    return {
        "text": facts.text,
        "rows": [
            (
                one.name,
                f"{one.background:,}",
                f"{one.tested:,}",
                f"{one.distance:.3f}",
                f"{one.p:.2g}",
                f"{one.at_most_5:.1%}",
            )
            for one in tested[:SHOWN_CLASSES]
        ],
        "more": max(0, len(tested) - SHOWN_CLASSES),
        "sentence": _uniform(len(tested), tested[0].p) if tested else "",
    }


def _uniform(n_classes: int, smallest: float) -> str:
    corrected = min(1.0, smallest * n_classes)
    verdict = "differ" if corrected < 0.05 else "do not differ"
    return (
        f"On blocks of the genome that the background did not see, percentiles {verdict} from uniform ones "
        f"(smallest p of {n_classes} classes {smallest:.2g}, {corrected:.2g} after Bonferroni's "
        "correction)."
    )


def controls(calibration: RunCalibration) -> list[tuple[str, ...]]:
    """A row per negative control, also per one that did not run."""
    ran = {one.name: one for one in calibration.controls}
    names = [*ran, *(kind.label for kind in NEGATIVE_CONTROLS if kind.label not in ran)]
    rows = []
    for name in names:
        if name not in ran:
            rows.append((name, MISSING, MISSING, MISSING, MISSING, why_not_run(calibration)))
            continue
        one = ran[name]
        outcome = "no probe answered" if not one.n else "passed: no flag above LOW"
        if one.n_high or one.n_medium:
            outcome = "FAILED: it earned a flag"
        rows.append(
            (
                name,
                f"{one.n:,}",
                number(one.error, ".0%"),
                f"{one.n_high:,}",
                f"{one.n_medium:,}",
                outcome,
            )
        )
    return rows


def reasons(numbers: AlleleNumbers) -> list[tuple[str, ...]]:
    """Every reason with its sentence and the number of alleles that have it, commonest first."""
    ordered = sorted(Why, key=lambda why: (-numbers.reasons[why.value], list(Why).index(why)))
    return [
        (
            why.value,
            REASONS[why],
            f"{numbers.reasons[why.value]:,}",
            f"{numbers.reasons[why.value] / numbers.scored:.1%}" if numbers.scored else MISSING,
        )
        for why in ordered
    ]


def calls(by_flag: dict[Rank, Calls]) -> list[dict]:
    return [
        {
            "level": flag.name,
            "numbers": [
                f"{one.alleles:,}",
                f"{one.passed.n:,}",
                _share(one.passed),
                _median(one.mq),
                _median(one.dp),
            ],
        }
        for flag, one in by_flag.items()
    ]


def flag_facts(facts: FlagFacts) -> list[dict]:
    rows = []
    in_class = np.sum(list(facts.copies.values()), axis=0)
    for flag in (Rank.HIGH, Rank.MEDIUM, Rank.LOW):
        rows.append(
            {
                "level": flag.name,
                "numbers": [
                    f"{int(facts.alleles[flag]):,}",
                    *(
                        _share(facts.share(facts.copies[name.value], in_class, flag))
                        for name in CopyClass
                    ),
                    _share(facts.share(facts.prefers_alt, facts.with_llr, flag)),
                    f"{int(facts.with_af[flag]):,}",
                    _share(facts.share(facts.rare, facts.with_af, flag)),
                    _share(facts.share(facts.common, facts.with_af, flag)),
                ],
            }
        )
    return rows


def paralogs(facts: FlagFacts) -> list[tuple[str, ...]]:
    return [
        (
            f"{row['contig']}:{format_position(row['pos'])} {_letters(row['ref'])}>{_letters(row['alt'])}",
            number(row["copies"], ","),
        )
        for row in facts.paralogs
    ]


def _letters(text: str) -> str:
    return text if len(text) <= SHOWN_ALLELE else f"{text[:SHOWN_ALLELE]}… ({len(text):,})"


def _share(share: Share) -> str:
    if not share.n:
        return MISSING
    return f"{share.value:.1%} ({100 * share.low:.0f} to {100 * share.high:.0f})"


def _median(one: Median) -> str:
    return f"{one.value:,.0f} ({one.low:,.0f} to {one.high:,.0f})" if one.n else MISSING
