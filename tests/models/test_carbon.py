"""Carbon's ids, read beside Qwen3's vocabulary, and AgroNT's files against the digests that a
public source lists."""

import hashlib
import json
import math

import numpy as np
import pytest
from layouts import agront
from layouts import carbon as layout

from gfmtrust.bundle import tokenizers
from gfmtrust.core import errors

QWEN = {"C": 34, "CCCCCC": 91_443}
LETTERS = "ACGTN"


def text(vocabulary: dict[str, int]):
    from gfmtrust.models.families import carbon

    return carbon.FAMILY.text(carbon.FAMILY.read_config(layout.CONFIG), vocabulary)


@pytest.mark.torch
def test_windows_have_the_published_ids():
    codes = np.random.default_rng(0).integers(0, 4, (10, 120)).astype(np.uint8)
    codes[0, 40] = 4
    codes[1, 60:66] = [1] * 6  # CCCCCC, which Qwen3's vocabulary has as well
    network = tokenizers.feeds(tokenizers.build(text(QWEN)), codes, np.full((10, 1), 84))
    for window, ids in zip(codes, network["input_ids"], strict=True):
        letters = "".join(LETTERS[code] for code in window)
        assert ids.tolist() == [
            151_669,
            *layout.tokens(letters[:114]),
        ]  # the last token of a causal window is not read
    assert network["input_ids"][1, 11] == 154_402


@pytest.mark.torch
def test_one_family_reads_each_llama():
    from gfmtrust import models

    of_rows = {
        rows: models.family_of(layout.CONFIG | {"vocab_size": rows}).name
        for rows in (12, 4128, 155_776)
    }
    assert of_rows == {12: "marindna", 4128: "generator", 155_776: "carbon"}


@pytest.mark.torch
@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("vocabulary", "named"),
    [
        ({"C": 34}, "'CCCCCC' has id None"),
        ({"CCCCCC": 154_402}, "'CCCCCC' has id 154402"),
        (QWEN | {"<dna>": 151_643}, "'<dna>' has id 151643"),
        (QWEN | {"AAAAAT": 151_672}, "'AAAAAT' has id 151672"),
    ],
)
def test_another_vocabulary(vocabulary, named):
    with pytest.raises(errors.BadDataError, match=named):
        text(vocabulary)


@pytest.mark.torch
@pytest.mark.bad_input
@pytest.mark.parametrize(
    "changed",
    [
        {"vocab_size": 128_256},
        {"mlp_bias": True},
        {"rope_scaling": {"type": "yarn", "factor": 4.0}},
    ],
)
def test_another_llama_is_refused(changed):
    from gfmtrust import models

    config = layout.CONFIG | changed
    with pytest.raises(errors.ConfigurationError):
        models.family_of(config).read_config(config)


def test_agront_s_files_have_the_published_digests():
    config = json.dumps(agront.CONFIG | agront.FULL, indent=2, sort_keys=True) + "\n"
    files = agront.FILES | {"config.json": config}
    assert {
        name: hashlib.sha256(content.encode()).hexdigest() for name, content in files.items()
    } == agront.DIGESTS


def test_agront_s_tensors_fill_the_published_file():
    """The file holds the tensors, the positions and less than 400 bytes of names and padding a
    tensor."""
    config = agront.CONFIG | agront.FULL
    shapes = agront.tensors(config)
    rest = (
        agront.WEIGHTS_BYTES
        - 4 * sum(map(math.prod, shapes.values()))
        - 8 * config["max_position_embeddings"]
    )
    assert 0 < rest < 400 * len(shapes)
