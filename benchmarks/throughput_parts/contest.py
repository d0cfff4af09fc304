"""Timed runs of the graph and of its contestants, in turn."""

from __future__ import annotations

import argparse
import copy
import json
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import torch

from gfmtrust import models
from gfmtrust.models import graph
from throughput_parts.cases import (
    FOLDED,
    LIBRARY,
    WHOLE,
    Case,
    feeds_of,
    library_network,
    loaded_case,
)
from throughput_parts.figures import Row
from throughput_parts.messages import NO_DEVICE, note, stop

TOKENS_A_RUN = 2048
"""Windows in a batch make up this many tokens; one window where it is longer."""
TRACED_TOKENS = 64
PAUSE_S = 0.2
"""Before each run: the thread pool of the run before may still spin."""
TIMED_OPERATORS = 3
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
DTYPES = {"fp32": torch.float32, "fp16": torch.float16}


def on_torch(call: Callable, device: str) -> Callable[[], object]:
    """A run of eager torch that waits for its answer."""

    def run():
        with torch.no_grad():
            answer = call()
        if device == "cuda":
            torch.cuda.synchronize()
        return answer

    return run


def on_onnxruntime(
    path: Path, feeds: dict[str, np.ndarray], device: str, threads: int, profile: Path | None = None
):
    """A run of a graph with its inputs in place, and the session."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.use_deterministic_compute = True  # as gfmtrust.bundle.session has it
    options.log_severity_level = 3
    if profile:
        options.enable_profiling, options.profile_file_prefix = True, str(profile)
    chosen = (
        [(PROVIDERS["cuda"], {"use_tf32": "0", "cudnn_conv_algo_search": "HEURISTIC"})]
        if device == "cuda"
        else []
    )
    session = onnxruntime.InferenceSession(
        str(path), options, providers=[*chosen, PROVIDERS["cpu"]]
    )
    if session.get_providers()[0] != PROVIDERS[device]:
        stop(
            f"device {device}: providers are {session.get_providers()}; expected {PROVIDERS[device]}",
            NO_DEVICE,
        )
    if device == "cpu":
        return (lambda: session.run(["logp"], feeds)[0]), session
    binding = session.io_binding()
    for name, values in feeds.items():
        binding.bind_ortvalue_input(
            name, onnxruntime.OrtValue.ortvalue_from_numpy(values, "cuda", 0)
        )
    binding.bind_output("logp", "cuda")

    def run():
        session.run_with_iobinding(binding)
        binding.synchronize_outputs()
        return binding

    return run, session


def operators(path: Path, feeds: dict, device: str, threads: int, folder: Path) -> dict[str, float]:
    """Share of the time by operator type, the largest first, of three runs after one."""
    run, session = on_onnxruntime(path, feeds, device, threads, folder / "profile")
    for _ in range(4):
        run()
    events = json.loads(Path(session.end_profiling()).read_text())
    spent: Counter = Counter()
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            spent[event["args"]["op_name"]] += event["dur"]
    total = sum(spent.values()) or 1
    return {name: spent[name] / total for name, _ in spent.most_common(TIMED_OPERATORS)}


def contest(
    case: Case, family: models.Family, tokens: int, given: argparse.Namespace, folder: Path
) -> list[Row]:
    """A row a precision: everything is built, warmed once and run in turn."""
    config, network, text, folded = loaded_case(case, family, tokens, given.set, given.device)
    batch = max(1, TOKENS_A_RUN // tokens)
    feeds = feeds_of(text, tokens, batch)
    tensors = {name: torch.from_numpy(values).to(given.device) for name, values in feeds.items()}
    library = library_network(config, network) if case.rival == LIBRARY else None
    rows = []
    for precision in given.precisions:
        path = folder / f"{case.kind}-{tokens if case.by_length else 'any'}-{precision}.onnx"
        module = folded if precision == "fp32" else folded.halved()
        if not path.exists():
            graph.export_graph(module, feeds_of(text, TRACED_TOKENS, 2, 2), path)
        calls: dict[str, Callable] = {
            "graph": on_onnxruntime(path, feeds, given.device, given.threads)[0]
        }
        kind = DTYPES[precision]
        module = module.to(given.device)
        whole = copy.deepcopy(network).to(given.device, kind)
        calls[FOLDED] = on_torch(lambda module=module: module(**tensors)[0], given.device)
        calls[WHOLE] = on_torch(lambda whole=whole: whole(tensors["input_ids"]), given.device)
        if library is not None:
            theirs = copy.deepcopy(library).to(given.device, kind)
            calls[LIBRARY] = on_torch(
                lambda theirs=theirs: theirs(tensors["input_ids"], use_cache=False), given.device
            )
        first = {name: call() for name, call in calls.items()}
        seconds: dict[str, list[float]] = {name: [] for name in calls}
        for _ in range(given.runs):
            for name, call in calls.items():
                time.sleep(PAUSE_S)
                begun = time.perf_counter()
                call()
                seconds[name].append(time.perf_counter() - begun)
        row = Row(
            case.kind,
            family.name,
            precision,
            tokens,
            batch,
            sum(p.numel() for p in network.parameters()),
            case.rival,
            case.bars.get(tokens) if given.device == "cpu" and precision == "fp32" else None,
            seconds,
            difference(first),
            {},
        )
        if row.missed or given.profile:
            row.operators.update(operators(path, feeds, given.device, given.threads, folder))
        folded = folded.to("cpu")
        rows.append(row)
        note(
            f"{row.kind} {tokens} {precision}: {row.rate('graph'):,.0f} tokens/s, {row.ratio(row.rival):.2f} x {row.rival}"
        )
    return rows


def difference(first: dict) -> float:
    """Largest |difference of logp| of graph and folded module: that they did the same work."""
    answer = first["graph"]
    logp = answer if isinstance(answer, np.ndarray) else answer.copy_outputs_to_cpu()[0]
    return float(np.abs(logp - first[FOLDED].cpu().numpy()).max())
