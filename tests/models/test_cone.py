"""The dependency cone: whole networks and a walk over single rows tell what it must give."""

import pytest

pytestmark = pytest.mark.torch

SHAPES = {
    "gpn-small": ("gpn", {"hidden_size": 24, "num_hidden_layers": 5, "intermediate_size": 32}),
    "gpn-cycles": (
        "gpn",
        {"hidden_size": 16, "num_hidden_layers": 11, "intermediate_size": 16, "dilation_cycle": 4},
    ),
    "gpn-depthwise": (
        "gpn",
        {
            "hidden_size": 16,
            "num_hidden_layers": 6,
            "intermediate_size": 16,
            "depthwise": True,
            "bias": True,
        },
    ),
    "gpn-one-layer": ("gpn", {"hidden_size": 16, "num_hidden_layers": 1, "intermediate_size": 16}),
    "gpn-wide-last": ("gpn", {"hidden_size": 16, "num_hidden_layers": 8, "intermediate_size": 16}),
    "bytenet-slim": (
        "gpn",
        {
            "hidden_size": 16,
            "num_hidden_layers": 9,
            "encoder": "bytenet",
            "slim": True,
            "embedding": "embedding",
        },
    ),
    "bytenet-depthwise": (
        "gpn",
        {
            "hidden_size": 16,
            "num_hidden_layers": 6,
            "encoder": "bytenet",
            "depthwise": True,
            "bias": True,
        },
    ),
    "older": ("older", {"hidden_size": 16, "n_layers": 7}),
}


def network(kind: str):
    import torch

    from gfmtrust.models.families import gpn

    torch.manual_seed(4)
    family, fields = SHAPES[kind]
    module = (
        gpn.GpnForMaskedLM(gpn.GpnConfig(**fields))
        if family == "gpn"
        else gpn.ConvNetForMaskedLM(gpn.ConvNetConfig(**fields))
    )
    for parameter in (
        module.parameters()
    ):  # default weights are so small that a wrong row would hide in rounding
        torch.nn.init.normal_(parameter, std=0.2)
    return module.eval()


@pytest.mark.parametrize("kind", SHAPES)
@pytest.mark.parametrize("length", [64, 150])
def test_rows_are_those_of_the_whole_network(kind, length):
    """Sites at both ends of the window read zeros beyond it; one site may stand twice."""
    import torch

    module = network(kind)
    ids = torch.randint(0, 7, (3, length))
    pos = torch.tensor([[0, 1, length // 2], [length - 1, length - 2, 7], [5, 5, length // 3]])
    with torch.no_grad():
        whole = module.hidden(ids)
        result = module.hidden_at(ids, pos)
    expected = torch.stack([whole[row, pos[row]] for row in range(3)])
    assert expected.std() > 0.1
    torch.testing.assert_close(result, expected, rtol=2e-5, atol=2e-5)


def test_patches_are_the_rows_a_site_depends_on():
    """Another way round: change one row of a layer's input at a time and see whether the site's row
    moves."""
    import torch

    from gfmtrust.models.layers import cone

    module = network("gpn-cycles")
    layers = module.model.encoder.layer
    wanted = cone.patches([layer.conv1d for layer in layers])
    assert wanted[-1] == [0]
    assert max(map(len, wanted)) <= cone.LARGEST_PATCH
    site, length = 60, 121
    top = layers[len(layers) - len(wanted) + 1 :]  # the layers that read the largest patch

    def answer(x):
        for layer in top:
            x = layer(x)
        return x[0, site]

    x = torch.randn(1, length, 16)
    with torch.no_grad():
        before = answer(x)
        moved = []
        for row in range(length):
            changed = x.clone()
            changed[0, row] = torch.randn(16)  # adding a constant would be lost in the layer norm
            if not torch.equal(answer(changed), before):
                moved.append(row - site)
    assert moved == wanted[0]


@pytest.mark.bad_input
def test_a_first_layer_too_wide_for_a_patch_runs_whole():
    """Kernel 9 at dilation 32 asks for more rows at once than the windows hold: the patch is the
    site alone."""
    from torch import nn

    from gfmtrust.models.layers import cone

    wide = [nn.Conv1d(4, 4, 9), nn.Conv1d(4, 4, 129)]
    assert cone.patches(wide) == [[0]]


@pytest.mark.bad_input
@pytest.mark.parametrize("kind", ["gpn-small", "older"])
def test_a_window_of_one_letter(kind):
    import torch

    module = network(kind)
    ids, pos = torch.randint(0, 7, (2, 1)), torch.zeros(2, 1, dtype=torch.int64)
    with torch.no_grad():
        torch.testing.assert_close(
            module.hidden_at(ids, pos), module.hidden(ids), rtol=2e-5, atol=2e-5
        )
