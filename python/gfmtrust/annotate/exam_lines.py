"""Header lines on the exam of a calibration: what each level promises in each cell, how the probes
and the run's own alleles keep it, and what was withdrawn.

One line per fact, `##gfmtrust<Subject>=<ID=...,...>`, so that a program can read them as well.
"""

from __future__ import annotations

from gfmtrust.annotate.meanings import NO_DECOY_TESTS_MEMORY
from gfmtrust.calibration.heldout_verdict import HeldOutVerdict, contigs_text
from gfmtrust.calibration.level_cells import LevelCell, level_cells, own_outcome
from gfmtrust.calibration.memorisation import MemoryVerdict
from gfmtrust.calibration.own_alleles import MIN_COMMON, NOT_TESTED, PopulationRow
from gfmtrust.calibration.record import RunCalibration
from gfmtrust.core.vocabulary import NEGATIVE_CONTROLS, VariantClass
from gfmtrust.io.vcf.info_values import number_text

SWITCHES = {
    "copied_high": "alleles with a near copy elsewhere in the genome may be HIGH",
    "trust_training": "HIGH is given although the model may have memorised this genome",
}
"""Options that lift a limit -> what they allow."""
NO_LOWER_CASE = "the genome has no lower case: repeats are known from the copy index alone"
SCORES_FROM_ELSEWHERE = "not run: scores come from elsewhere"
"""A negative control that did not run; it must not read like one that was passed."""


def exam_lines(calibration: RunCalibration, soft_masked: bool) -> list[str]:
    """The lines, without line ends. soft_masked: whether the genome has lower case."""
    options = calibration.options
    memory, heldout = calibration.memory, calibration.heldout
    return [
        *(
            structured("gfmtrustLevel", _level_fields(number, cell))
            for number, cell in enumerate(_examined(calibration), start=1)
        ),
        *(structured("gfmtrustPopulation", _population(row)) for row in calibration.population),
        *([structured("gfmtrustMemory", _memory(memory))] if memory else []),
        *([structured("gfmtrustHeldOut", _heldout(heldout))] if heldout else []),
        *(
            structured(
                "gfmtrustWithdrawn",
                {
                    "ID": number,
                    "Level": one.level,
                    "Cell": quoted(one.stratum or "all"),
                    "Reason": one.reason,
                    "Text": quoted(one.text),
                },
            )
            for number, one in enumerate(calibration.withdrawals, start=1)
        ),
        *(
            structured("gfmtrustSwitch", {"ID": name, "Meaning": quoted(meaning)})
            for name, meaning in SWITCHES.items()
            if getattr(options, name)
        ),
        *([] if soft_masked else [f"##gfmtrustSoftMasking=none; {NO_LOWER_CASE}"]),
        *control_lines(calibration),
    ]


def control_lines(calibration: RunCalibration) -> list[str]:
    """A line per negative control, also per one that did not run."""
    ran = {control.name: control for control in calibration.controls}
    names = [*ran, *(kind.label for kind in NEGATIVE_CONTROLS if kind.label not in ran)]
    lines = []
    for name in names:
        fields: dict = {"ID": name.replace(" ", "_")}
        if name in ran:
            one = ran[name]
            fields |= {"N": one.n, "HIGH": one.n_high, "MEDIUM": one.n_medium}
        else:
            fields |= {"N": 0, "Run": quoted(why_not_run(calibration))}
        lines.append(structured("GFM_null", fields))
    return lines


def why_not_run(calibration: RunCalibration) -> str:
    """Why a negative control has no result, in words that no reader takes for a result."""
    is_external = "external" in calibration.digests.get("precision", [])
    return SCORES_FROM_ELSEWHERE if is_external else "not run"


def population_outcome(row: PopulationRow) -> str:
    """The outcome of the population check, with how many alleles there were where it was not
    tested."""
    if row.outcome == NOT_TESTED:
        return f"{NOT_TESTED}: {row.alt_common:,} of {MIN_COMMON}"
    return row.outcome


def memory_text(memory: MemoryVerdict) -> str:
    """The verdict on memory as one sentence without its full stop."""
    if memory.suspected:
        return f"MEMORISED? {memory.text}; {NO_DECOY_TESTS_MEMORY}"
    if memory.state == NOT_TESTED:
        return f"{NOT_TESTED}: {memory.n:,} single-copy probes are too few"
    return f"no sign in {memory.n:,} single-copy probes; {NO_DECOY_TESTS_MEMORY}"


def exam_notes(calibration: RunCalibration) -> list[str]:
    """What a reader who has only the BED file must know of the exam, a sentence each."""
    notes = [
        f"{cell.level} in {cell.name}: promised error {cell.certificate.alpha:g}, own alleles "
        f"{cell.own_alleles.errors} of {cell.own_alleles.n} wrong ({own_outcome(cell.own_alleles)})"
        for cell in _examined(calibration)
        if cell.own_alleles is not None
    ]
    notes += [
        f"{one.level} is withdrawn{f' in {one.stratum}' if one.stratum else ''} ({one.reason}): "
        f"{one.text}"
        for one in calibration.withdrawals
    ]
    if calibration.memory is not None and calibration.memory.suspected:
        notes.append(memory_text(calibration.memory))
    if calibration.heldout is not None and calibration.heldout.holds:
        notes.append(calibration.heldout.words)
    notes += [
        f"--{name}: {meaning}"
        for name, meaning in SWITCHES.items()
        if getattr(calibration.options, name)
    ]
    return [" ".join(note.split()) for note in notes]


def quoted(text: str) -> str:
    """A text as the value of a structured header line (VCF 4.3, section 1.4): control characters
    gone, quote and backslash escaped."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'


def structured(key: str, fields: dict) -> str:
    """`##key=<name=value,...>`."""
    return f"##{key}=<{','.join(f'{name}={value}' for name, value in fields.items())}>"


def _examined(calibration: RunCalibration) -> list[LevelCell]:
    """The cells of SNVs, the class of variant whose own alleles are the exam."""
    return [cell for cell in level_cells(calibration) if cell.kind == VariantClass.SNV.value]


def _level_fields(number: int, cell: LevelCell) -> dict:
    row, probes = cell.own_alleles, cell.certificate.balanced
    fields = {
        "ID": f"{cell.level}_{number}",
        "Level": cell.level,
        "Cell": quoted(cell.name),
        "Given": "yes" if cell.is_given else "no",
        "Promise": f"{cell.certificate.alpha:g}",
        "Probes": probes.n,
        "ProbeErrors": probes.errors,
        "ProbeBound": number_text(probes.bound),
    }
    if row is not None and row.n:
        fields |= {
            "Own": row.n,
            "OwnErrors": row.errors,
            "OwnError": number_text(row.errors / row.n),
            "OwnLow": number_text(row.low),
            "OwnHigh": number_text(row.high),
        }
    if row is not None and row.left_out:
        fields["OwnLeftOut"] = row.left_out
    fields["Outcome"] = quoted(own_outcome(row))
    return fields | ({} if cell.is_given else {"Why": quoted(cell.why_not)})


def _population(row: PopulationRow) -> dict:
    fields = {
        "ID": row.level,
        "Promise": f"{row.alpha:g}",
        "AltCommon": row.alt_common,
        "AltCommonErrors": row.alt_common_errors,
        "RefCommon": row.ref_common,
    }
    numbers = {
        "RefCommonError": row.ref_common_error,
        "Bias": row.bias,
        "BiasLow": row.bias_low,
        "BiasHigh": row.bias_high,
    }
    fields |= {name: number_text(value) for name, value in numbers.items() if value is not None}
    return fields | {"Outcome": quoted(population_outcome(row))}


def _heldout(verdict: HeldOutVerdict) -> dict:
    return {
        "ID": "run",
        "Contigs": quoted(contigs_text(verdict.contigs)),
        "HoldsUp": "yes" if verdict.holds else "no",
        "N": verdict.n,
        "Errors": verdict.errors,
        "NOthers": verdict.n_others,
        "ErrorsOthers": verdict.errors_others,
        "P": number_text(verdict.p),
        "Text": quoted(verdict.words),
    }


def _memory(memory: MemoryVerdict) -> dict:
    numbers = {"Error": memory.error, "Bits": memory.surprisal, "Gain": memory.gain}
    return {
        "ID": "run",
        "State": quoted(memory.state),
        "N": memory.n,
        **{name: number_text(value) for name, value in numbers.items() if value is not None},
        "Text": quoted(memory_text(memory)),
    }
