"""The choice of a device, and the test that CUDA really works."""

from __future__ import annotations

import logging
import warnings

import numpy as np

from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.runtime import PROVIDERS, failures
from gfmtrust.core.errors import DeviceError, message

LOG = logging.getLogger(__name__)

DEVICES = ("auto", "cpu", "cuda")
# One Identity node, opset 17, written by onnx.helper: a model so small that only the provider can
# fail.
PROBE = bytes.fromhex(
    "08083a3b0a100a017812017922084964656e74697479120570726f62655a0f0a0178120a0a08080112040a020801"
    "620f0a0179120a0a08080112040a02080142040a001011"
)


def choose_device(requested: str, bundle: Bundle) -> str:
    """The device to use, 'cpu' or 'cuda'.

    Raises DeviceError (69) if CUDA is requested and does not work or has no certified graph.
    """
    if requested not in DEVICES:
        raise ValueError(f"device is {requested!r}; expected one of {DEVICES}")
    place = f"bundle {bundle.model_id}"
    if requested == "cpu":
        return "cpu"
    if bundle.graph_for("cuda") is None:
        if requested == "cuda":
            raise DeviceError(
                message(place, "no graph certified for cuda", "one", "use --device cpu")
            )
        LOG.warning("%s has no graph certified for cuda: running on cpu", place)
        return "cpu"
    if cuda_works():
        return "cuda"
    if requested == "cuda":
        # the runtime's own list would name what was compiled in, whether it works or not
        working = f"providers are [{PROVIDERS['cpu']}]"
        raise DeviceError(
            message(
                "device cuda",
                working,
                PROVIDERS["cuda"],
                "install onnxruntime-gpu or use --device cpu",
            )
        )
    LOG.warning("no working CUDA provider: running %s on cpu", bundle.model_id)
    return "cpu"


def cuda_works() -> bool:
    """Whether a model of one node really runs on CUDA.

    The list of providers is no proof, and a session falls back to the CPU without a warning.
    """
    import onnxruntime

    if PROVIDERS["cuda"] not in onnxruntime.get_available_providers():
        return False
    onnxruntime.preload_dlls(directory="")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore"
            )  # the runtime warns of the provider it cannot load; the answer says so
            probe = onnxruntime.InferenceSession(PROBE, options, providers=[PROVIDERS["cuda"]])
            probe.run(None, {"x": np.zeros(1, np.float32)})
    except (*failures(), RuntimeError, ValueError) as error:
        LOG.info("CUDA probe failed: %s", error)
        return False
    return probe.get_providers()[0] == PROVIDERS["cuda"]
