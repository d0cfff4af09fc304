"""GPN's ByteNet encoder: its tensors as published, and configs and weights that are none. Its
numbers: test_golden.py, test_cone.py."""

import math

import pytest
from layouts import gpn as layout

from gfmtrust.core import errors

pytestmark = pytest.mark.torch

SLIM = {
    "model_type": "GPN",
    "encoder": "bytenet",
    "slim": True,
    "hidden_size": 16,
    "num_hidden_layers": 2,
}


def shapes(config: dict) -> dict[str, tuple[int, ...]]:
    import torch

    from gfmtrust.models.families import gpn

    with torch.device("meta"):
        network = gpn.FAMILY.build(gpn.FAMILY.read_config(config))
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


def test_the_published_networks_have_their_tensors_at_full_width():
    brassicales, promoter = (one.config | one.full_sizes for one in layout.LAYOUTS)
    assert shapes(brassicales) == layout.brassicales_tensors(brassicales)
    assert shapes(promoter) == layout.promoter_tensors(promoter)
    assert sum(map(math.prod, layout.promoter_tensors(promoter).values())) == 152_189_952
    assert shapes(promoter | {"slim": False})["model.encoder.layer.3.layer.6.weight"] == (
        1024,
        1024,
        5,
    )


@pytest.mark.bad_input
@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"encoder": "roformer"}, "encoder is 'roformer'"),
        ({"encoder": None}, "encoder is None"),
        ({"n_aux_features": 5}, "n_aux_features is 5"),
        ({"rest_kernel_size": 4}, "a kernel size is 4"),
        ({"depthwise": True}, "slim encoder that is depthwise"),
        ({"hidden_size": 17}, "hidden_size 17"),
        ({"slim": "yes"}, "slim is 'yes'"),
        ({"bottleneck": 2}, "bottleneck"),
    ],
)
def test_a_config_that_is_no_such_network(fields, named):
    from gfmtrust.models.families import gpn

    with pytest.raises(errors.ConfigurationError, match=named):
        gpn.FAMILY.build(gpn.FAMILY.read_config(SLIM | fields))


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "fields", [{"encoder": "convnet"}, {"slim": False}, {"first_kernel_size": 5}, {"bias": True}]
)
def test_weights_of_the_sibling(fields):
    """The weights of one encoder are refused by a config of another."""
    from gfmtrust.models import checkpoint
    from gfmtrust.models.families import gpn

    product, other = (gpn.FAMILY.build(gpn.FAMILY.read_config(SLIM | one)) for one in ({}, fields))
    with pytest.raises(errors.BadDataError, match="weights"):
        checkpoint.fill(other, product.state_dict(), gpn.FAMILY)
