"""NTv3 with the published seven halvings: the graph, traced at one length, serves every longer
one."""

import dataclasses

import layouts
import numpy as np
import pytest
from layouts import ntv3

from gfmtrust import models
from gfmtrust.bundle import runtime, tokenizers
from gfmtrust.core.errors import ConfigurationError
from gfmtrust.export import parity

pytestmark = pytest.mark.torch
LAYOUT = layouts.all_of()["ntv3-100m-pre"]


@pytest.mark.slow
def test_the_graph_answers_as_torch_at_other_lengths(tmp_path):
    """Lengths of two blocks of 128 letters and more, whole and not; one layer, as the number of
    layers does not shape the length."""
    from gfmtrust.models import graph

    layout = dataclasses.replace(LAYOUT, config=LAYOUT.config | {"num_layers": 1})
    family = models.family("ntv3")
    config = family.read_config(layout.config)
    network = family.build(config).eval().requires_grad_(False)
    network.load_state_dict(layouts.random_tensors(layout))
    text = family.text(config, ntv3.IDS)
    tokenizer, scorer = tokenizers.build(text), family.scorer(network, config, text).eval()
    shortest = family.window(config, None).shortest_bp
    assert shortest == 129
    path = graph.export_graph(
        scorer, parity.feeds_of_shape(tokenizer, 2, shortest, 3, 0), tmp_path / "graph.onnx"
    )
    run, answer = runtime.runner(path, 1), graph.answerer(scorer)
    for seed, width in enumerate((129, 255, 256, 257, 384, 385, 700), 1):
        feeds = parity.feeds_of_shape(tokenizer, 3, width, 2, seed)
        expected, _ = answer(feeds)
        np.testing.assert_allclose(run(feeds)["logp"], expected, atol=family.bar)


@pytest.mark.bad_input
@pytest.mark.parametrize("width", [1, 64, 128])
def test_a_window_of_one_block_is_refused(width):
    family = models.family("ntv3")
    with pytest.raises(
        ConfigurationError,
        match=f"window_bp: {width}; expected at least 129, more than one block of 128",
    ):
        family.window(family.read_config(LAYOUT.config), width)
