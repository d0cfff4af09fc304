"""The ten-consumer contract: "alleles of MEDIUM or better", asked of a run's results with every
tool's own recipe of docs/extend/integration.md.

    python dev/consumers.py                       a small made-up run with every kind of record
    python dev/consumers.py results-demo          a run of yours
    dev/consumers.sh                              first: gets the tools, into .gfmtrust/consumers

A recipe is the code below `### <consumer>` on that page and nothing else: what is run here is what
a reader copies. It runs in a folder that holds in.gfm.vcf.gz (annotated), in.vcf.gz (the same
without our keys) and results/, and prints a VCF or lines of contig, position, REF, ALT. The answer
to compare with is read from the annotated files' text, without any of the tools. Exit 1 where a
tool that is installed disagrees; one that is not is named and left out, 66 where there are no
results.
"""

from __future__ import annotations

import argparse
import gzip
import importlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from gfmtrust.core.errors import MissingInputError, message
from gfmtrust.io import tables

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "extend" / "integration.md"
TOOLS = ROOT / ".gfmtrust" / "consumers"
KEEP = 2
"""GFM_RANK from which on an allele is MEDIUM or better."""
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

Allele = tuple[str, ...]
"""contig, 1-based position, REF, ALT, all text and in upper case but for the contig; of a base:
contig and position."""


@dataclass(frozen=True)
class Consumer:
    """name: its heading on the page. needs: commands or Python modules. asks: what it is asked of,
    'vcf' (each annotated file), 'cohort' (the run's tables) or 'genome' (tracks: contigs named as
    in the FASTA). version: a shell line that prints it."""

    name: str
    needs: tuple[str, ...]
    asks: str
    version: str
    expression: str


def _of(module: str) -> str:
    return f"python -c 'from importlib.metadata import version; print(version(\"{module}\"))'"


CONSUMERS = (
    Consumer("bcftools", ("bcftools",), "vcf", "bcftools --version", "GFM_RANK>=2, split"),
    Consumer(
        "vcfanno",
        ("vcfanno", "bcftools"),
        "vcf",
        "vcfanno 2>&1",
        "certified records, then GFM_RANK>=2",
    ),
    Consumer("SnpSift", ("SnpSift", "bcftools"), "vcf", "SnpSift 2>&1", "GFM_RANK[*] >= 2, split"),
    Consumer(
        "GATK", ("gatk", "bcftools"), "vcf", "gatk --version 2>/dev/null", "GFM_RANK >= 2, split"
    ),
    Consumer("cyvcf2", ("module cyvcf2",), "vcf", _of("cyvcf2"), "INFO.get('GFM_RANK') by allele"),
    Consumer(
        "pysam and pandas",
        ("module pysam", "module pandas"),
        "vcf",
        _of("pysam"),
        "info['GFM_RANK'] by allele",
    ),
    Consumer("DuckDB", ("module duckdb",), "cohort", _of("duckdb"), "rank >= 2"),
    Consumer("Polars", ("module polars",), "cohort", _of("polars"), "rank >= 2"),
    Consumer(
        "vembrane", ("vembrane", "bcftools"), "vcf", _of("vembrane"), "INFO['GFM_RANK'] >= 2, split"
    ),
    Consumer("IGV session", (), "genome", "echo 'file format 8'", "flags.bed.gz by name"),
    Consumer("pyBigWig", ("module pyBigWig",), "bases", _of("pyBigWig"), "rank.bw >= 2"),
)
"""Ten consumers; the tenth, tracks, is asked twice: alleles through the IGV session, region bases
through pyBigWig."""


def recipe(name: str, page: Path = PAGE) -> tuple[str, dict[str, str]]:
    """What to run, and the files beside it by name: a block without a language is a shell's, one of
    Python is recipe.py."""
    text = page.read_text(encoding="utf-8").split(f"\n### {name}\n", 1)[1]
    text = re.split(r"^#{2,3} ", text, maxsplit=1, flags=re.MULTILINE)[0]
    blocks = BLOCK.findall(text)
    code = {language: code for language, code in reversed(blocks)}  # the first of each
    files = {
        name: code[language]
        for name, language in (("gfm.toml", "toml"), ("recipe.py", "python"))
        if language in code
    }
    return code.get("", "python recipe.py"), files


class Bench:
    """Where recipes run: the tools' folder first on PATH, its Python as `python`."""

    def __init__(self, tools: Path = TOOLS):
        python = tools / "venv" / "bin"
        folders = [
            tools / "bin",
            python if (python / "python").exists() else Path(sys.executable).parent,
        ]
        self.environment = os.environ | {
            "PATH": os.pathsep.join([*map(str, folders), os.environ["PATH"]]),
            "PYTHONPATH": "",
            "PYTHONNOUSERSITE": "1",
        }

    def lacking(self, consumer: Consumer) -> str | None:
        """The first thing a consumer needs that is not here."""
        for need in consumer.needs:
            module = need.removeprefix("module ")
            there = (
                shutil.which(need, path=self.environment["PATH"])
                if module == need
                else not self.shell(f"python -c 'import {module}'", check=False).returncode
            )
            if not there:
                return need
        return None

    def shell(
        self, line: str, cwd: Path | None = None, check: bool = True
    ) -> subprocess.CompletedProcess:
        ran = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", line],
            cwd=cwd,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        if check and ran.returncode:
            raise RuntimeError(
                f"{line.strip()} ended with {ran.returncode}: {ran.stderr.strip()[-800:]}"
            )
        return ran

    def version(self, consumer: Consumer) -> str:
        match = re.search(r"\d[\w.]*", self.shell(consumer.version, check=False).stdout)
        return match.group() if match else "?"

    def ask(self, consumer: Consumer, results: Path) -> set[Allele]:
        """The alleles that a consumer's recipe keeps of a run."""
        files = annotated(results) if consumer.asks == "vcf" else [None]
        return set().union(*(self.run(*recipe(consumer.name), results, file) for file in files))

    def run(
        self, command: str, files: dict[str, str], results: Path, vcf: Path | None
    ) -> set[Allele]:
        """The alleles that a recipe prints, or leaves in kept.vcf."""
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            (folder / "results").symlink_to(results.resolve())
            for file, text in files.items():
                (folder / file).write_text(text)
            if vcf:
                with gzip.open(vcf, "rt") as annotated_file:
                    every = list(annotated_file)
                lines = [line for line in every if is_common(line)]
                added = undeclared(lines)
                if added or len(lines) < len(every):
                    # plain text: what pysam opens, it must be able to seek in
                    (folder / "in.gfm.vcf.gz").write_text("".join(with_lines(lines, added)))
                else:
                    (folder / "in.gfm.vcf.gz").symlink_to(vcf.resolve())
                bare = [line for line in without_keys(vcf) if is_common(line)]
                with gzip.open(folder / "in.vcf.gz", "wt") as bare_file:
                    bare_file.writelines(with_lines(bare, added))
            printed = self.shell(command, folder).stdout
            kept = folder / "kept.vcf"
            return set(alleles(kept.read_text() if kept.exists() else printed))


def annotated(results: Path) -> list[Path]:
    return sorted((results / "annotated").rglob("*.gfm.vcf.gz"))


def without_keys(vcf: Path) -> Iterator[str]:
    """Lines of an annotated VCF without our INFO keys and lines: what the user had."""
    with gzip.open(vcf, "rt") as file:
        for line in file:
            if line.startswith("##INFO=<ID=GFM_"):
                continue
            if not line.startswith("#"):
                columns = line.rstrip("\n").split("\t")
                columns[7] = (
                    ";".join(key for key in columns[7].split(";") if not key.startswith("GFM_"))
                    or "."
                )
                line = "\t".join(columns) + "\n"
            yield line


def is_common(line: str) -> bool:
    """Whether every tool can read a line of a VCF. With or without our keys, GATK stops at a letter
    of an allele beyond A, C, G, T and N, and vcfanno at an SVLEN of Number=A. Such alleles are not
    scored, and the expected answer is read from the file that holds them."""
    if line.startswith("#"):
        return True
    columns = line.rstrip("\n").split("\t")
    words = [columns[3], *(alt for alt in columns[4].split(",") if alt[0] not in "<*.")]
    has_length = any(pair.startswith("SVLEN=") for pair in columns[7].split(";"))
    return not has_length and all(set(word.upper()) <= set("ACGTN") for word in words)


def undeclared(lines: list[str]) -> list[str]:
    """Header lines for the INFO keys and FILTERs of a VCF that its header does not declare. Where
    records use such keys, `bcftools norm` stops, with or without our keys."""
    starts: dict[str, None] = {}
    for line in lines:
        if not line.startswith("#"):
            filters, info = line.rstrip("\n").split("\t")[6:8]
            starts |= {f"FILTER=<ID={name}": None for name in filters.split(";")}
            starts |= {f"INFO=<ID={pair.partition('=')[0]}": None for pair in info.split(";")}
    header = "".join(line for line in lines if line.startswith("##"))
    ending = {"FILTER": "", "INFO": ",Number=.,Type=String"}
    return [
        f'##{start}{ending[start.partition("=")[0]]},Description="Undeclared">\n'
        for start in starts
        if not start.endswith(("ID=.", "ID=PASS")) and f"##{start}," not in header
    ]


def with_lines(lines: list[str], added: list[str]) -> list[str]:
    """A VCF with further header lines."""
    place = next(number for number, line in enumerate(lines) if not line.startswith("##"))
    return [*lines[:place], *added, *lines[place:]]


def alleles(text: str) -> Iterator[Allele]:
    """Alleles of a VCF of single alleles, or of lines of contig, position, REF, ALT."""
    is_vcf = text.startswith("##")
    for line in text.splitlines():
        if line and not line.startswith("#"):
            columns = line.split("\t")
            contig, pos, *letters = (
                (columns[0], columns[1], columns[3], columns[4]) if is_vcf else columns
            )
            yield contig, pos, *(word.upper() for word in letters)


def expected(results: Path, asks: str) -> set[Allele]:
    """The right answer, from the text of the annotated files and, for bases, from the table they
    come from."""
    metadata = tables.read_metadata(results / "scores" / "sites.parquet")
    if asks == "bases":
        rows = pq.read_table(
            results / "scores" / "bases.parquet", columns=["contig", "pos", "rank"]
        ).to_pylist()
        return {(row["contig"], str(row["pos"] + 1)) for row in rows if row["rank"] >= KEEP}
    names = metadata.get("contig_map", {}) if asks == "genome" else {}
    result = set()
    for vcf in annotated(results):
        with gzip.open(vcf, "rt") as file:
            for contig, pos, _, ref, alts, _, _, info, *_ in (
                line.rstrip("\n").split("\t") for line in file if line[0] != "#"
            ):
                ranks = re.search(r"(?:^|;)GFM_RANK=([^;]*)", info)
                for alt, rank in (
                    zip(alts.split(","), ranks.group(1).split(","), strict=True) if ranks else ()
                ):
                    if int(rank) >= KEEP:
                        result.add((names.get(contig, contig), pos, ref.upper(), alt.upper()))
    return result


def table(results: Path, bench: Bench) -> Iterator[tuple[str, str, str, str, str]]:
    """A row a consumer: name, version, expression, number kept, agrees (`yes`, `no: ...`, or what
    is not installed)."""
    for consumer in CONSUMERS:
        lacking = bench.lacking(consumer)
        if lacking:
            yield consumer.name, "-", consumer.expression, "-", f"not installed: {lacking}"
            continue
        wanted = expected(results, consumer.asks)
        try:
            kept = bench.ask(consumer, results)
        except RuntimeError as error:
            yield consumer.name, bench.version(consumer), consumer.expression, "-", f"no: {error}"
            continue
        off = sorted(kept ^ wanted)
        says = "yes" if not off else f"no: {len(off)} differ, the first {' '.join(off[0])}"
        yield (
            consumer.name,
            bench.version(consumer),
            consumer.expression,
            f"{len(kept)} of {len(wanted)}",
            says,
        )


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "results",
        type=Path,
        nargs="?",
        help="results folder of a run; a small made-up run where left out",
    )
    parser.add_argument("--tools", type=Path, default=TOOLS, help="folder made by dev/consumers.sh")
    options = parser.parse_args(arguments)
    if options.results is not None and not annotated(options.results):
        error = MissingInputError(
            message(
                str(options.results),
                "no annotated/**/*.gfm.vcf.gz",
                "results of a run",
                "name its --outdir",
            )
        )
        print(error, file=sys.stderr)
        return error.exit_code
    with tempfile.TemporaryDirectory() as scratch:
        if options.results is None:
            sys.path.insert(0, str(ROOT / "tests" / "helpers"))
            options.results = importlib.import_module("consumer_run").make(Path(scratch))
        rows = [
            ("consumer", "version", "expression", "kept", "agrees"),
            *table(options.results, Bench(options.tools.resolve())),
        ]
    widths = [max(map(len, column)) for column in zip(*(row[:4] for row in rows), strict=True)]
    for row in rows:
        print(
            "  ".join(
                [*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]
            )
        )
    return int(any(row[4].startswith("no:") for row in rows))


if __name__ == "__main__":
    sys.exit(main())
