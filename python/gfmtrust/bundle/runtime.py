"""Loading of a graph into ONNX Runtime, the settings that make its results repeatable, and its
error classes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from gfmtrust.core.errors import BadDataError, DeviceError, message

Runtime = Any
"""An onnxruntime.InferenceSession; the package has no type annotations."""
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


def runner(graph: Path, threads: int = 1, device: str = "cpu") -> Callable[[dict], dict]:
    """A function from the inputs of a graph to its outputs by name, at any shape.

    It is for `export.parity`, which has no bundle yet.
    """
    runtime = load(graph, device, threads)
    names = [output.name for output in runtime.get_outputs()]
    return lambda feeds: dict(zip(names, runtime.run(names, feeds), strict=True))


def runtime_version() -> str:
    """The version of ONNX Runtime."""
    import onnxruntime

    return onnxruntime.__version__


def load(
    graph: Path, device: str, threads: int, weights: dict[str, np.ndarray] | None = None
) -> Runtime:
    """A session of ONNX Runtime for a graph on a device.

    weights: values by name that replace those of the graph. Raises BadDataError (65) if the graph
    cannot be loaded, DeviceError (69) if the runtime takes another provider than the device's.
    """
    import onnxruntime

    replaced = {
        name: onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(values))
        for name, values in (weights or {}).items()
    }
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads  # the runtime uses all cores of the machine by default
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    # A thread without work sleeps: waiting in a loop took up to three quarters of the CPU time where
    # other tasks use the cores too.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.use_deterministic_compute = True
    options.log_severity_level = 3
    for name, values in replaced.items():
        options.add_initializer(name, values)
    if device == "cuda":
        onnxruntime.preload_dlls(directory="")
        # TF32 adds an error of about 1e-3; an exhaustive search could choose different convolution
        # algorithms in different runs.
        cuda = {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}
        providers = [(PROVIDERS["cuda"], cuda), PROVIDERS["cpu"]]  # the CPU takes the shape nodes
    else:
        providers = [PROVIDERS["cpu"]]
    try:
        runtime = onnxruntime.InferenceSession(str(graph), options, providers=providers)
    except failures() as error:
        fault = f"not loaded ({str(error).splitlines()[0]})"
        raise BadDataError(
            message(str(graph), fault, "a valid ONNX graph", "export it again")
        ) from error
    if runtime.get_providers()[0] != PROVIDERS[device]:
        raise DeviceError(
            message(
                f"device {device}",
                f"providers are {runtime.get_providers()}",
                PROVIDERS[device],
                "install onnxruntime-gpu or use --device cpu",
            )
        )
    runtime.weights = replaced  # the runtime reads them in place, so they must stay alive
    return runtime


def failures() -> tuple[type[Exception], ...]:
    """The error classes of the runtime, which have no common base."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    names = (
        "Fail",
        "RuntimeException",
        "EPFail",
        "EngineError",
        "DeviceReset",
        "InvalidArgument",
        "InvalidGraph",
        "InvalidProtobuf",
        "NotImplemented",
        "NoModel",
        "NoSuchFile",
        "NotFound",
    )
    return tuple(getattr(state, name) for name in names if hasattr(state, name))
