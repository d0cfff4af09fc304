"""The targets of guided fuzzing with every input of the corpus: seeds, and what broke a parser
once."""

import random

import fuzz_targets
import pytest

pytestmark = pytest.mark.bad_input
INPUTS = sorted(path for path in fuzz_targets.CORPUS.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def folder():
    return fuzz_targets.Folder.new()


def test_every_target_has_inputs_and_the_corpus_is_small():
    assert {path.parent.name for path in INPUTS} == set(fuzz_targets.TARGETS)
    assert sum(path.stat().st_size for path in INPUTS) < 200_000


@pytest.mark.parametrize("path", INPUTS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_an_input_of_the_corpus_and_a_few_mutations(path, folder):
    rng, content = random.Random(1), path.read_bytes()
    fuzz_targets.tried(path.parent.name, folder, content)
    for _ in range(5):
        changed = fuzz_targets.mutated(content, rng)
        if changed is not None:
            fuzz_targets.tried(path.parent.name, folder, changed)
