"""`gfmtrust audit all` on random weights of every layout that a family opens: nothing may beat its null.

    python benchmarks/audit_families.py --fasta genome.fa    two members of each layout, a minute or two of CPU each
    python benchmarks/audit_families.py --fasta genome.fa --layouts gpn caduceus             some of them
    python benchmarks/audit_families.py --fasta genome.fa --trained A B                      also two trained checkpoints of one family

The checkpoints have the files of published ones at reduced width; their heads answer with words of
DNA (audit_families_parts/weights.py). Two members that differ by their seed are exported and audited
together. Prints two tables in Markdown: what each layout shows, with CPU and memory, and where the
nulls are whose value is known without a model. A layout whose answers are no bases is refused, and its
exit code is in the table. Exit 1 where a null is not where it must be more often than its interval
allows.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from audit_families_parts import checks, weights
from cohort_parts import tasks

from gfmtrust.bundle.bundle import Bundle
from gfmtrust.core.contracts.audit import Audit, Statistic
from gfmtrust.models import examples

SEEDS = (1, 2)
ALLOWED = 0.05
"""Share of the nulls that may lie elsewhere than expected: their ranges are of 95 %."""
NONE = "–"


@dataclass(frozen=True)
class Row:
    """One layout: what it reads, its audits or the exit code of the refusal, and what they took."""

    name: str
    reads: str
    exit_code: int
    audits: tuple[Audit, ...]
    cpu: float
    peak: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--fasta", type=Path, required=True)
    parser.add_argument("--population_vcf", type=Path, help="its alleles, for the check of memory")
    parser.add_argument("--layouts", nargs="*", help="names of layouts [all]")
    parser.add_argument("--trained", nargs="*", type=Path, default=[], help="checkpoints to audit")
    parser.add_argument("--sites", default=600, help="[600]")
    parser.add_argument("--windows", default=150, help="[150]")
    parser.add_argument("--probes", default=60, help="[60]")
    parser.add_argument(
        "--work", type=Path, help="folder for what is made; what is there is not made again"
    )
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        rows = audited(options, (options.work or Path(name)).resolve())
    for line in (*table(rows), "", *null_table(rows), "", *exceptions(rows)):
        print(line)
    return int(any(one.elsewhere > max(1, ALLOWED * one.n) for one in expected(rows)))


def audited(options: argparse.Namespace, work: Path) -> list[Row]:
    """Write, export and audit every layout."""
    work.mkdir(parents=True, exist_ok=True)
    fasta, context = options.fasta.resolve(), work / "context_model"
    if not context.is_dir():
        tasks.call(work, "fit_context_model", "--fasta", fasta, "--out_dir", context)
    further = ["--context_model", context]
    for name in ("sites", "windows", "probes"):
        further += [f"--{name}", getattr(options, name)]
    if options.population_vcf:
        further += ["--population_vcf", options.population_vcf.resolve()]
    layouts = examples.all_of()
    rows = []
    for name in layouts if options.layouts is None else options.layouts:
        seeds = SEEDS[:1] if layouts[name][0].quantity == "likelihood" else SEEDS
        folders = [work / "weights" / f"{name}_{seed}" for seed in seeds]
        for seed, folder in zip(seeds, folders, strict=True):
            if not folder.is_dir():
                weights.write(folder, name, layouts[name][1], seed)
        rows.append(row_of(name, folders, fasta, work, further))
    if options.trained:
        folders = [one.resolve() for one in options.trained]
        rows.append(row_of(f"{folders[0].name}, trained", folders, fasta, work, further))
    return rows


def row_of(name: str, folders: list[Path], fasta: Path, work: Path, further: list) -> Row:
    """Export the members of a layout and audit them together."""
    for folder in folders:
        if not (work / "models" / folder.name).is_dir():
            exit_code, cpu, peak = tasks.ended(
                work, "export_model", "--model", folder, "--fasta", fasta, "--windows", 40,
                "--out_dir", work / "models", "--allow_untrained",
            )  # fmt: skip
            if exit_code:
                print(f"{name}: {last_line(work, 'export_model')}", file=sys.stderr, flush=True)
                return Row(name, "not exported", exit_code, (), cpu, peak)
    paths = [work / "models" / folder.name for folder in folders]
    bundle = Bundle.open(paths[0])
    kind = "whole tokens" if bundle.quantity == "likelihood" else (
        f"{bundle.k}-mers" if bundle.k > 1 else "single bases"
    )  # fmt: skip
    reads = f"{kind}, {'causal' if bundle.causal else 'masked'}, {bundle.window_bp} bp"
    pages, ended = work / "audits" / folders[0].name, work / f"{folders[0].name}.json"
    if not ended.is_file():
        exit_code, cpu, peak = tasks.ended(
            work, "audit", "all", "--fasta", fasta, "--out_dir", pages, "--bundles", *paths,
            "--checkpoints", *folders, *further,
        )  # fmt: skip
        facts = {"exit": exit_code, "cpu": cpu, "peak": peak, "last": last_line(work, "audit")}
        ended.write_text(json.dumps(facts))
    facts = json.loads(ended.read_text())
    why = f": {facts['last']}" if facts["exit"] else ""
    print(f"{name}: {facts['cpu']:.0f} s of CPU{why}", file=sys.stderr, flush=True)
    audits = tuple(Audit.read(path) for path in sorted(pages.glob(f"*/{Audit.NAME}")))
    return Row(name, reads, facts["exit"], audits, facts["cpu"], facts["peak"])


def last_line(work: Path, step: str) -> str:
    """The last line of a step's log, which says why it failed."""
    return (work / f"{step}.log").read_text().splitlines()[-1]


def table(rows: list[Row]) -> list[str]:
    """What each layout shows: the larger of its two members, with the ends of its interval."""
    lines = [
        "| layout | reads | skill | gain over context, bits | one letter in a hundred, bits "
        "| best exact match, its control | beats its null | members alike: CKA | CPU, memory |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        cost = f"{row.cpu:.0f} s, {row.peak:.1f} GiB"
        if row.exit_code:
            refused = f"refused, exit code {row.exit_code}"
            lines.append(f"| `{row.name}` | {row.reads} | {refused} |{f' {NONE} |' * 5} {cost} |")
            continue
        numbers = [
            largest(row, "league", "skill"),
            largest(row, "context_gain", "gain of the whole window"),
            largest(row, "memorisation", "difference of the two"),
        ]
        pairs = [checks.beaten(audit) for audit in row.audits]
        beats = sum(not one.is_agreement for rows_, _ in pairs for one in rows_)
        compared = sum(n for _, n in pairs)
        lines.append(
            f"| `{row.name}` | {row.reads} | {' | '.join(map(text, numbers))} | {match(row)} "
            f"| {beats} of {compared} | {alike(row)} | {cost} |"
        )
    return lines


def largest(row: Row, measure: str, label: str) -> Statistic | None:
    """The larger of the members' numbers; None where neither has one."""
    numbers = [audit.number(measure, label) for audit in row.audits]
    return max((one for one in numbers if one), key=lambda one: one.value or 0.0, default=None)


def text(row: Statistic | None, digits: int = 2) -> str:
    if row is None or row.value is None:
        return NONE
    shown = f"{row.value:.{digits}f}"
    if row.low is not None and row.high is not None:
        shown += f" ({row.low:.{digits}f} to {row.high:.{digits}f})"
    return shown.replace("-", "\N{MINUS SIGN}")


def match(row: Row) -> str:
    """The exact match that lies furthest above its control."""
    points = [
        (one, measured.name) for audit in row.audits for measured in audit.measures
        for one in measured.statistics if one.series == "exact match"
    ]  # fmt: skip
    if not points:
        return NONE
    one, measure = max(points, key=lambda point: (point[0].value or 0) - (point[0].null or 0))
    label = one.label.removeprefix("exact match, ")
    return f"{one.value:.2f}, {one.null:.2f} ({measure.replace('_', ' ')}, {label})"


def alike(row: Row) -> str:
    """CKA of the first member with the second."""
    measured = row.audits[0].measure("embeddings_of_members") if row.audits else None
    rows = measured.statistics if measured else ()
    return text(next((one for one in rows if one.label.startswith("CKA")), None))


def expected(rows: list[Row]) -> list[checks.Expected]:
    return checks.nulls(audit for row in rows for audit in row.audits)


def null_table(rows: list[Row]) -> list[str]:
    """Where the nulls are."""
    return [
        "| null | must be | lowest to highest | elsewhere by more than its 95 % range |",
        "|---|---|---|---|",
        *(
            f"| {one.name} | {one.value} | {text(Statistic('', one.low, None, None, None, 0), 3)} to "
            f"{text(Statistic('', one.high, None, None, None, 0), 3)} | {one.elsewhere} of {one.n} |"
            for one in expected(rows)
        ),
    ]


def exceptions(rows: list[Row]) -> list[str]:
    """Every number that beats its null, as JSON lines, those of agreement last."""
    beats = [
        (row.name, audit.model.id, one)
        for row in rows
        for audit in row.audits
        for one in checks.beaten(audit)[0]
    ]
    return [
        json.dumps(
            {"layout": layout, "model": model, "agreement": one.is_agreement, "number": str(one)}
        )  # fmt: skip
        for layout, model, one in sorted(beats, key=lambda beat: beat[2].is_agreement)
    ]


if __name__ == "__main__":
    sys.exit(main())
