"""Every VCF of some folders through the door and through a whole run: a file comes back byte for
byte without our keys, or is refused in one line with a documented exit code.

    python benchmarks/foreign_vcfs.py hts-specs/test/vcf bcftools/test --out foreign.tsv

The folders are those of others, such as the tests of samtools/hts-specs, samtools/bcftools,
samtools/htslib and broadinstitute/gatk; they are searched for .vcf, .vcf.gz, .vcf.bgz and .bcf. The
genome is made of the REFs of the files, with random letters between, so every file fits it. First
every file is checked by itself; then one run with the context model scores all that passed,
annotates each, and compares it with its input, with `gfmtrust verify` and with a comparison of this
script. Exit 1 where a file ends in another way.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from foreign_parts import genome, stripped

from gfmtrust.cli.main import main as command

ENDINGS = (".vcf", ".vcf.gz", ".vcf.bgz", ".bcf")
REFUSALS = {64, 65, 66, 73, 74}
"""Exit codes with which the door may refuse a file; any other but 0 is a fault of ours."""


@dataclass(frozen=True)
class Outcome:
    """What became of one file. code: exit code of the step that ended it; text: its message, or
    what is wrong; n_records: lines that were annotated."""

    path: Path
    result: str
    code: int = 0
    text: str = ""
    n_records: int = 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+", help="folders of VCFs")
    parser.add_argument("--longest", type=int, default=100_000, help="most bases of a contig")
    parser.add_argument("--probes", type=int, default=600)
    parser.add_argument("--out", type=Path, help="table of every file and its outcome")
    parser.add_argument("--work", type=Path, help="folder for what is made")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = options.work or Path(name)
        outcomes = campaign(vcfs_of(options.folders), work.resolve(), options)
    if options.out:
        rows = ("\t".join(map(str, vars(outcome).values())) for outcome in outcomes)
        options.out.write_text("\t".join(vars(outcomes[0])) + "\n" + "\n".join(rows) + "\n")
    sys.stdout.write(summary(outcomes) + "\n")
    return int(any(outcome.result == "FAULT" for outcome in outcomes))


def vcfs_of(folders: list[Path]) -> list[Path]:
    """The files of the folders that are named like VCFs, in the order of their paths."""
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return sorted(path.resolve() for path in files if path.name.lower().endswith(ENDINGS))


def campaign(vcfs: list[Path], work: Path, options: argparse.Namespace) -> list[Outcome]:
    """The outcome of every file, in order."""
    work.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    fasta = work / "genome.fa"
    lengths = genome.write(fasta, vcfs, options.longest)
    print(f"{len(vcfs):,} files, {len(lengths):,} contigs, {sum(lengths.values()):,} bases")
    at_door = [door(path, fasta, work) for path in vcfs]
    passed = {f"f{n}": one for n, one in enumerate(at_door) if one.result == "passed"}
    print(f"{len(passed):,} passed the door in {time.monotonic() - started:.0f} s")
    run_steps({name: one.path for name, one in passed.items()}, fasta, work, options.probes)
    outcomes = {name: annotated(name, one, work) for name, one in passed.items()}
    print(f"all done in {time.monotonic() - started:.0f} s")
    return [outcomes.get(f"f{n}", one) for n, one in enumerate(at_door)]


def called(*arguments) -> tuple[int, str]:
    """Exit code and last line on stderr of one step; a traceback stays whole."""
    err = io.StringIO()
    with contextlib.redirect_stderr(err), contextlib.redirect_stdout(io.StringIO()):
        code = command([str(argument) for argument in arguments])
    text = err.getvalue().strip()
    if code and "Traceback" not in text:
        text = text.rsplit("\n", 1)[-1]
    return code, text


def door(path: Path, fasta: Path, work: Path) -> Outcome:
    """CHECK_INPUTS for one file by itself."""
    sheet = work / "one.tsv"
    sheet.write_text(f"one\t{path}\n")
    common = ("--fasta", fasta, "--allow_mismatch", "--out_dir", work / "one")
    code, text = called("check_inputs", *common, "--vcfs", sheet)
    if code == 0:
        return Outcome(path, "passed")
    refused = code in REFUSALS and "\n" not in text and path.name in text
    return Outcome(path, "refused" if refused else "FAULT", code, text)


def run_steps(vcfs: dict[str, Path], fasta: Path, work: Path, probes: int) -> None:
    """One run of all files up to the table of flags."""
    (work / "vcfs.tsv").write_text("".join(f"{name}\t{path}\n" for name, path in vcfs.items()))
    model, plan, scores = work / "context_model", work / "plan", work / "scores"
    of_genome = ("--fasta", fasta)
    needed("fit_context_model", *of_genome, "--out_dir", model)
    inputs = ("--vcfs", work / "vcfs.tsv", "--allow_mismatch", "--out_dir", work / "checked")
    needed("check_inputs", *of_genome, *inputs)
    inputs = ("--checked", work / "checked", "--context_model", model, "--probes", probes)
    needed("plan_sites", *of_genome, *inputs, "--out_dir", plan)
    for shard in sorted((plan / "shards").glob("*.parquet")):
        inputs = ("--bundle", model, "--shard", shard, "--device", "cpu")
        needed("score_sites", *of_genome, *inputs, "--out_dir", scores)
    tables = ("--plan", plan, "--scores", scores, "--models", model)
    needed("calibrate", *tables, "--out_dir", work / "calibration")
    calibration = ("--calibration", work / "calibration" / "calibration.json")
    background = ("--background", work / "calibration" / "background.parquet")
    needed("annotate_sites", *tables, *calibration, *background, "--out_dir", work / "sites")


def needed(*arguments) -> None:
    """One step of the run of all files, without which no file can be annotated."""
    code, text = called(*arguments)
    if code:
        raise SystemExit(f"{arguments[0]} ended with {code}: {text}")


def annotated(name: str, passed: Outcome, work: Path) -> Outcome:
    """ANNOTATE_VCF for one file, and the comparisons of its output with it."""
    path, output = passed.path, work / f"{name}.gfm.vcf.gz"
    tables = ("--sites", work / "sites" / "sites.parquet")
    tables += ("--calibration", work / "calibration" / "calibration.json")
    code, text = called("annotate_vcf", "--vcf", path, "--id", name, *tables, "--out", output)
    if code:  # the door let it in, so no step may refuse it
        return replace(passed, result="FAULT", code=code, text=f"annotate_vcf: {text}")
    code, text = called("verify", path, output)
    if code:
        return replace(passed, result="FAULT", code=code, text=f"verify: {text}")
    source, result = stripped.text_of(path), stripped.text_of(output)
    output.unlink()
    if place := stripped.difference(source, result):
        return replace(passed, result="FAULT", text=f"the texts differ: {place}")
    n_records = sum(not line.startswith(b"#") for line in result.splitlines())
    return replace(passed, result="identical", n_records=n_records)


def summary(outcomes: list[Outcome]) -> str:
    """One line per result and code, and every fault."""
    counts = Counter((outcome.result, outcome.code) for outcome in outcomes)
    n_records = sum(outcome.n_records for outcome in outcomes)
    lines = [f"{len(outcomes):,} files, {n_records:,} records annotated"]
    lines += [f"{n:,} {result} ({code})" for (result, code), n in sorted(counts.items())]
    lines += [f"{one.path}: {one.text}" for one in outcomes if one.result == "FAULT"]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
