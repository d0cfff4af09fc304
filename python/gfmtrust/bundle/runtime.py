"""Loading a graph into onnxruntime, the settings that make its numbers repeatable, and its errors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from gfmtrust.core.errors import BadDataError, DeviceError, message

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}


def runner(graph: Path, threads: int = 1, device: str = "cpu") -> Callable[[dict], dict]:
    """A function of feeds that returns a graph's outputs by name, at any shape: for `parity`, which
    has no bundle yet."""
    runtime = load(graph, device, threads)
    names = [output.name for output in runtime.get_outputs()]
    return lambda feeds: dict(zip(names, runtime.run(names, feeds), strict=True))


def load(
    graph: Path, device: str, threads: int, weights: dict[str, np.ndarray] | None = None
) -> object:
    import onnxruntime

    held = {
        name: onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(values))
        for name, values in (weights or {}).items()
    }
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads  # the runtime sees all cores of the machine unless told
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.use_deterministic_compute = True
    options.log_severity_level = 3
    for name, values in held.items():
        options.add_initializer(name, values)
    if device == "cuda":
        onnxruntime.preload_dlls(directory="")
        # TF32 adds about 1e-3; an exhaustive search would choose another convolution on another
        # day.
        cuda = {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"}
        providers = [(PROVIDERS["cuda"], cuda), PROVIDERS["cpu"]]  # the CPU takes the shape nodes
    else:
        providers = [PROVIDERS["cpu"]]
    try:
        runtime = onnxruntime.InferenceSession(str(graph), options, providers=providers)
    except failures() as error:
        found = f"not loaded ({str(error).splitlines()[0]})"
        raise BadDataError(
            message(str(graph), found, "a valid ONNX graph", "export it again")
        ) from error
    if runtime.get_providers()[0] != PROVIDERS[device]:
        found = f"providers are {runtime.get_providers()}"
        raise DeviceError(
            message(
                f"device {device}",
                found,
                PROVIDERS[device],
                "install onnxruntime-gpu or use --device cpu",
            )
        )
    runtime.weights = held  # the runtime reads them where they are
    return runtime


def failures() -> tuple[type[Exception], ...]:
    """The runtime's own error classes; it has no common base."""
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
