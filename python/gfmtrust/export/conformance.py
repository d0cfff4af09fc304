"""The conformance suite: checks that every model family must pass, run over the whole registry with
random weights.

    outcomes(examples.all_of(), folder)   ->   one Outcome per example and check: the figure and its limit

Each check runs an exported bundle in the same way as scoring and compares it with an answer that is
known independently: torch run on one whole window at a time, the other strand, another batch, the
letters themselves. docs/understand/models.md, "Conformance", explains each check. A family is
included as soon as it registers an Example.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from gfmtrust.bundle import tokenizers
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.session import Session
from gfmtrust.core.alphabet import PAD, N, reverse_complement
from gfmtrust.export import conformance_tokens, export
from gfmtrust.export.options import ExportOptions
from gfmtrust.export.resource_use import footprint
from gfmtrust.models import checkpoint, examples
from gfmtrust.models.family import Example, Family
from gfmtrust.models.outcomes import Outcome
from gfmtrust.readers.registry import reader_of

N_WINDOWS = 6
GATE_WINDOWS = 40
GENOME_BP = 20_000
MEMORY_LIMIT_MB = 4096
EXACT = 0.0
SEEN = 1e-6
"""The smallest change of log p that shows that a letter was read; a letter that must not be read
changes nothing at all."""


@dataclass(frozen=True)
class Subject:
    """An example with random weights: its checkpoint, and the bundle exported from it."""

    name: str
    family: Family
    example: Example
    directory: Path
    bundle: Bundle

    @cached_property
    def loaded(self) -> checkpoint.Checkpoint:
        return checkpoint.load(self.directory)

    @cached_property
    def session(self) -> Session:
        return Session.open(self.bundle, "cpu")

    @cached_property
    def windows(self) -> np.ndarray:
        """Random windows without N, codes uint8 (N_WINDOWS, W)."""
        return np.random.default_rng(7).integers(
            0, 4, (N_WINDOWS, self.bundle.window_bp), dtype=np.uint8
        )

    def logp(self, codes: np.ndarray, site: int | None = None) -> np.ndarray:
        """Return ln p of the four bases at one place of every window, float64 (n, 4); for a model
        of whole tokens, the LLR against the base there."""
        site = self.bundle.site_forward if site is None else site
        return reader_of(self.bundle).letter_scores(self.session, codes, site)


def write_genome(path: Path, n: int = GENOME_BP) -> Path:
    """Write a FASTA of n random letters for the export's sanity check, which no random network
    passes."""
    codes = np.random.default_rng(3).integers(0, 4, n)
    path.write_text(">random\n" + "".join("ACGT"[code] for code in codes) + "\n", encoding="utf-8")
    return path


def subject(name: str, family: Family, example: Example, folder: Path, fasta: Path) -> Subject:
    """Write the example's checkpoint into the folder and export it; raises the errors of a user's
    export."""
    directory = examples.write(folder / "weights" / name, example)
    return Subject(
        name,
        family,
        example,
        directory,
        export.export_model(
            str(directory),
            fasta,
            folder / "bundles",
            ExportOptions(allow_untrained=True, n_windows=GATE_WINDOWS),
        ),
    )


def _parity(case: Subject) -> Iterator[tuple[float, float]]:
    """Compare the graphs with torch over all shapes of the certificates, for logits of standard
    deviation 1; one figure per graph."""
    for certificate in case.bundle.meta["proof"]["parity"]:
        yield (
            max(
                shape["max_logp"] * case.family.bar / shape["allowed"]
                for shape in certificate["shapes"]
            ),
            case.family.bar,
        )


def _strands(case: Subject) -> Iterator[tuple[float, float]]:
    """Compare a window with its reverse complement, with the answers oriented alike; only a network
    that is symmetric by construction must give the same."""
    forward = case.logp(case.windows)
    back = case.logp(reverse_complement(case.windows), case.bundle.site_reverse)[
        :, ::-1
    ]  # an LLR is reversed like a distribution
    yield (
        float(np.abs(forward - back).max()),
        case.family.bar if case.bundle.rc_equivariant else np.inf,
    )


def _batches(case: Subject) -> Iterator[tuple[float, float]]:
    """Compare a window alone with the same window in a batch that includes a padded one; no bit may
    differ."""
    codes = case.windows.copy()
    quarter = codes.shape[1] // 4
    codes[
        1,
        slice(0, quarter)
        if case.bundle.site_forward >= codes.shape[1] - quarter
        else slice(-quarter, None),
    ] = PAD
    codes[2, 3] = N
    together = case.logp(codes)
    yield (
        float(np.abs(together - np.concatenate([case.logp(one[None]) for one in codes])).max()),
        EXACT,
    )


def _round_trip(case: Subject) -> Iterator[tuple[float, float]]:
    """Count the letters of a window that change when its tokens are looked up in the vocabulary in
    reverse, on each strand."""
    text = case.loaded.text
    token_of = {number: token for token, number in text.vocabulary.items()}
    wrong = 0
    for codes in (case.windows, reverse_complement(case.windows)):
        ids = tokenizers.feeds(
            tokenizers.build(text), codes, np.full((len(codes), 1), case.bundle.site_forward)
        )["input_ids"]
        for row, letters in zip(ids, codes, strict=True):
            body = row[len(text.prefix) : len(row) - len(text.suffix)]
            for place, number in enumerate(body):
                token = "".join("ACGT"[code] for code in letters[place * text.k :][: text.k])
                wrong += token_of[number] not in (
                    text.mask,
                    token.lower() if text.lower_case else token,
                )
    yield wrong, EXACT


def _reach(case: Subject) -> Iterator[tuple]:
    """The answer at a place must not depend on the letter there nor, in a causal model, on what
    follows; it must depend on the letters beside it."""
    at = case.bundle.site_forward
    hidden, read = [at], [at - case.loaded.text.k]
    if case.bundle.causal:
        hidden += range(at + 1, case.bundle.window_bp)
    elif at + case.loaded.text.k < case.bundle.window_bp:
        read.append(at + case.loaded.text.k)
    before = case.logp(case.windows)

    def change(place: int) -> float:
        codes = case.windows.copy()
        codes[:, place] = (codes[:, place] + 1) % 4
        return float(np.abs(case.logp(codes) - before).max())

    yield max(map(change, hidden)), case.family.spill * max(1.0, float(before.std()))
    yield min(map(change, read)), SEEN, True


def _plain_torch(case: Subject) -> Iterator[tuple[float, float]]:
    """Compare ln p with that of the whole torch network, run on one window at a time, with the
    logits combined by hand from the words of the vocabulary."""
    ours = case.logp(case.windows)
    theirs = np.stack([_by_hand(case, window) for window in case.windows])
    yield float(np.abs(ours - theirs).max()) / max(1.0, float(ours.std())), case.family.bar


def _by_hand(case: Subject, window: np.ndarray) -> np.ndarray:
    text, at = case.loaded.text, case.bundle.site_forward
    k, method = text.k, case.bundle.kmer_method
    letters = "".join("ACGT"[code] for code in window)
    words = [letters[start : start + k] for start in range(0, len(letters) - len(letters) % k, k)]
    ids = [text.vocabulary[word.lower() if text.lower_case else word] for word in words]
    if text.mask:
        ids[at // k] = text.vocabulary[text.mask]
    around = [[text.vocabulary[token] for token in side] for side in (text.prefix, text.suffix)]
    with torch.no_grad():
        output = case.loaded.network(torch.tensor([around[0] + ids + around[1]]))
    logits = (output if isinstance(output, torch.Tensor) else output.logits)[0].double().numpy()
    row = logits[len(around[0]) + at // k - (1 if text.causal else 0)]
    read_letters = range(at % k) if text.causal else range(k) if method == "conditional" else ()
    mass = np.full(4, -np.inf)
    for word, number in text.vocabulary.items():
        word = word.upper() if text.lower_case else word
        if (
            len(word) == k
            and set(word) <= set("ACGT")
            and all(word[i] == letters[at // k * k + i] for i in read_letters if i != at % k)
        ):
            mass["ACGT".index(word[at % k])] = np.logaddexp(
                mass["ACGT".index(word[at % k])], row[number]
            )
    return mass - np.logaddexp.reduce(mass)


CHECKS: dict[str, Callable[[Subject], Iterator[tuple]]] = {
    "parity": _parity,
    "plain torch": _plain_torch,
    "strands": _strands,
    "batches": _batches,
    "round trip": _round_trip,
    "reach": _reach,
}
"""The checks by the name of their column in docs/understand/models.md. A check yields (value,
largest allowed value) or (value, smallest allowed value, True)."""


def checked(case: Subject) -> Iterator[Outcome]:
    """Yield every check of an exported example."""
    checks = CHECKS
    if not reader_of(case.bundle).has_distribution:
        checks = CHECKS | conformance_tokens.CHECKS
    for check, run in checks.items():
        for outcome in run(case):
            yield Outcome(case.name, check, *outcome)


def outcomes(chosen: dict[str, tuple[Family, Example]], folder: Path) -> Iterator[Outcome]:
    """Export every given example, and yield its checks and what it costs; folder: an empty one for
    checkpoints and bundles."""
    folder.mkdir(parents=True, exist_ok=True)
    fasta = write_genome(folder / "random.fa")
    for name, (family, example) in chosen.items():
        started = time.monotonic()
        case = subject(name, family, example, folder, fasta)
        yield Outcome(name, "export, s", time.monotonic() - started, np.inf)
        yield from checked(case)
        cost = footprint(case.bundle)
        yield Outcome(name, "ms a window", 1000 * cost["seconds"], np.inf)
        yield Outcome(name, "memory, MB", cost["megabytes"], MEMORY_LIMIT_MB)
