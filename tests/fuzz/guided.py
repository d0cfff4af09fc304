"""Fuzzing that is guided by coverage: one target of fuzz_targets.py for some minutes, with atheris.

    PYTHONPATH=.gfmtrust/fuzz:python:tests/helpers python tests/fuzz/guided.py vcf --minutes 5

`make fuzz-guided` runs every target. The corpus of the repository is where it begins; what it finds
beyond is kept in --found, and an input that ends in anything but an error of ours as
--found/TARGET/crash-*. Exit 1 where there is one.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
from pathlib import Path

import atheris

SECONDS_OF_ONE, MEMORY_MIB, LONGEST = 20, 3000, 60_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", help="all without any")
    parser.add_argument("--minutes", type=float, default=5)
    parser.add_argument("--found", type=Path, default=Path(".gfmtrust/fuzz_corpus"))
    parser.add_argument("--here", action="store_true", help="in this process, for one target")
    options = parser.parse_args()
    if options.here:
        fuzz(options.targets[0], options.minutes, options.found.resolve())
    from fuzz_targets import TARGETS

    failed = []
    for name in options.targets or TARGETS:
        words = [name, "--here", "--minutes", str(options.minutes), "--found", str(options.found)]
        print(f"--- {name}", flush=True)
        if subprocess.run([sys.executable, __file__, *words], check=False).returncode:
            failed.append(name)
    print(f"{len(failed)} targets with an unforeseen error: {', '.join(failed) or 'none'}")
    return int(bool(failed))


def fuzz(name: str, minutes: float, corpus: Path) -> None:
    """Run one target; ends the process."""
    with atheris.instrument_imports(include=["gfmtrust"]):
        import fuzz_targets

    folder = fuzz_targets.Folder.new()
    fuzz_targets.tried(name, folder, b"")  # what it imports, PyTorch perhaps, takes no time of one
    own_corpus = corpus / name
    own_corpus.mkdir(parents=True, exist_ok=True)

    def mutator(data: bytes, max_size: int, seed: int) -> bytes:
        rng = random.Random(seed)
        changed = fuzz_targets.mutated(data, rng) if rng.random() < 0.5 else None
        if changed is None or len(changed) > max_size:
            changed = atheris.Mutate(data, max_size)
        return changed

    arguments = [
        *(sys.argv[0], f"-max_total_time={int(60 * minutes)}", f"-timeout={SECONDS_OF_ONE}"),
        *(f"-rss_limit_mb={MEMORY_MIB}", f"-max_len={LONGEST}", f"-artifact_prefix={own_corpus}/"),
        *("-print_final_stats=1", "-verbosity=1", str(own_corpus)),
    ]
    seeds = fuzz_targets.CORPUS / name
    if seeds.is_dir():
        arguments.append(str(seeds))
    atheris.Setup(
        arguments,
        lambda data: fuzz_targets.tried(name, folder, bytes(data)),
        custom_mutator=mutator,
    )
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
