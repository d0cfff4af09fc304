"""Throughput of exported graphs against PyTorch eager, one member of each class of network at real
width, in one run.

    python benchmarks/throughput.py                                   512 and 6,144 tokens, 2 threads, medians of 7 interleaved runs
    python benchmarks/throughput.py --only Mamba-1 --lengths 512      one class; --set num_hidden_layers=22 gives every one other keys
    python benchmarks/throughput.py --device cuda --precisions fp32 fp16

Weights are random, inputs the same for all. Contestants: the graph in ONNX Runtime; the same folded
module in eager torch, which gathers the scored row before the head as the graph does; the whole
network in eager torch, which gives logits of every token and, for Hyena, convolves by torch.fft;
and for Mamba transformers' own network with the same weights. Bars are of the ratio to the
contestant named beside them. For a missed bar the graph's operators are timed. A
class whose family is not in the registry is skipped with a line. Exit 1 where a bar is missed (CPU,
fp32), 66 where no class is left, 69 without a CUDA provider. No genome is needed.
"""

from __future__ import annotations

import argparse
import copy
import json
import platform
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from gfmtrust import models
from gfmtrust.bundle import tokenizers
from gfmtrust.models import graph

LENGTHS = (512, 6144)
TOKENS_A_RUN = 2048
"""Windows in a batch make up this many tokens; one window where it is longer."""
TRACED_TOKENS = 64
RUNS = 7
PAUSE_S = 0.2
"""Before each run: the thread pool of the run before may still spin."""
TIMED_OPERATORS = 3
FOLDED, WHOLE, LIBRARY = "torch, folded", "torch, whole", "transformers"
PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
DTYPES = {"fp32": torch.float32, "fp16": torch.float16}
NOTHING_LEFT, NO_DEVICE = 66, 69


@dataclass(frozen=True)
class Case:
    """A class of networks: the first of `families` in the registry stands for it, its example with
    these keys changed.

    by_length: key -> what is added to the window's tokens. bars: tokens -> least ratio to `rival`.
    """

    kind: str
    families: tuple[str, ...]
    keys: dict
    rival: str
    bars: dict[int, float]
    by_length: dict[str, int] = field(default_factory=dict)


ATTENTION = {
    "hidden_size": 512,
    "num_hidden_layers": 6,
    "num_attention_heads": 8,
    "intermediate_size": 2048,
}
CASES = (
    Case(
        "BERT",
        ("nt_v2", "nt_v1"),
        ATTENTION | {"max_position_embeddings": 8192},
        FOLDED,
        {512: 1.5},
    ),
    Case(
        "conv",
        ("gpn",),
        {"hidden_size": 512, "num_hidden_layers": 8, "intermediate_size": 2048},
        FOLDED,
        {512: 1.5},
    ),
    Case(
        "Hyena",
        ("hyenadna",),
        {"d_model": 256, "d_inner": 1024, "n_layer": 2, "filter_order": 64},
        WHOLE,
        {512: 0.9, 6144: 0.9},
        {"max_seq_len": 2},
    ),
    Case(
        "Mamba-1",
        ("mamba",),
        {"hidden_size": 256, "num_hidden_layers": 4},
        LIBRARY,
        {512: 1.0, 6144: 1.0},
    ),
    Case(
        "Mamba-2",
        ("mamba2",),
        {
            "hidden_size": 256,
            "num_hidden_layers": 4,
            "num_heads": 8,
            "head_dim": 64,
            "state_size": 64,
        },
        LIBRARY,
        {512: 1.0, 6144: 1.0},
    ),
    Case(
        "Llama",
        ("marindna", "generator"),
        ATTENTION | {"num_key_value_heads": 8, "head_dim": 64, "max_position_embeddings": 8192},
        FOLDED,
        {512: 1.5},
    ),
    Case(
        "minGRU",
        ("recurrent",),
        {"hidden_size": 256, "state_size": 256, "num_hidden_layers": 4, "intermediate_size": 512},
        FOLDED,
        {},
    ),
)


@dataclass(frozen=True)
class Row:
    """One class at one length and precision. Seconds by contestant, one a run; the graph's are
    under 'graph', absent where it has none."""

    kind: str
    family: str
    precision: str
    tokens: int
    batch: int
    n_parameters: int
    rival: str
    bar: float | None
    seconds: dict[str, list[float]]
    difference: float
    operators: dict[str, float]

    def rate(self, contestant: str) -> float:
        """Tokens a second, of the median run."""
        return (
            self.tokens * self.batch / float(np.median(self.seconds[contestant]))
            if contestant in self.seconds
            else float("nan")
        )

    def ratio(self, contestant: str) -> float:
        return self.rate("graph") / self.rate(contestant)

    @property
    def missed(self) -> bool:
        return self.bar is not None and not self.ratio(self.rival) >= self.bar


def member(case: Case) -> models.Family | None:
    """The family that stands for a class, None where the registry has none of them."""
    named = next((name for name in case.families if name in models.FAMILIES), None)
    return models.family(named) if named else None


def loaded_case(case: Case, family: models.Family, tokens: int, extra: dict, device: str):
    """config.json, network, Text and the folded scoring module of a class at one length; weights as
    the network starts."""
    example = next(iter(family.examples.values()))
    grown = {key: tokens + more for key, more in case.by_length.items()}
    config = (
        example.config
        | case.keys
        | grown
        | {key: value for key, value in extra.items() if key in example.config}
    )
    read = family.read_config(config)
    text = family.text(read, example.vocabulary)
    torch.manual_seed(0)
    network = family.build(read).eval().requires_grad_(False)
    fold = family.cuda_scorer if device == "cuda" else None
    folded = (fold or family.scorer)(family.sized(network, tokens), read, text).eval()
    return config, network, text, folded


def feeds_of(
    text: tokenizers.Text, tokens: int, batch: int, positions: int = 1
) -> dict[str, np.ndarray]:
    """Random windows of so many tokens, letters in the middle of each scored."""
    codes = np.random.default_rng(0).integers(0, 4, (batch, tokens * text.k), dtype=np.uint8)
    return tokenizers.feeds(
        tokenizers.build(text),
        codes,
        codes.shape[1] // 2 + text.k * np.tile(np.arange(positions), (batch, 1)),
    )


def library_network(config: dict, network: torch.nn.Module) -> torch.nn.Module:
    """transformers' network of a config with the weights of ours."""
    settings = {
        key: value
        for key, value in config.items()
        if key not in ("model_type", "d_model", "n_layer", "d_inner")
    }
    theirs = AutoModelForCausalLM.from_config(
        AutoConfig.for_model(config["model_type"], **settings)
    )
    kept = theirs.load_state_dict(network.state_dict(), strict=False)
    if kept.missing_keys or kept.unexpected_keys:
        raise SystemExit(
            f"throughput: {config['model_type']}: keys differ from transformers': {kept}"
        )
    return theirs.eval().requires_grad_(False)


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


def table(rows: list[Row]) -> str:
    """Markdown, one row a class, length and precision."""
    heads = [
        "class",
        "family",
        "precision",
        "tokens",
        "parameters, M",
        "graph, tokens/s",
        f"ratio to {FOLDED}",
        f"ratio to {WHOLE}",
        f"ratio to {LIBRARY}",
        "bar",
        "TFLOP/s",
        "largest difference",
    ]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for row in rows:
        best = "graph" if "graph" in row.seconds else FOLDED
        bar = f"{row.bar} x {row.rival}" + (", missed" if row.missed else "") if row.bar else ""
        cells = [
            row.kind,
            f"`{row.family}`",
            row.precision,
            f"{row.batch} x {row.tokens}",
            f"{row.n_parameters / 1e6:.1f}",
            _number(row.rate("graph"), ",.0f"),
            *(_number(row.ratio(one), ".2f") for one in (FOLDED, WHOLE, LIBRARY)),
            bar,
            f"{2e-12 * row.n_parameters * row.rate(best):.3g}",
            _number(row.difference, ".1g"),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    for row in rows:
        if row.operators:
            shares = ", ".join(
                f"{name} {100 * share:.0f} %" for name, share in row.operators.items()
            )
            lines.append(
                f"\n{row.kind}, {row.precision}, {row.tokens} tokens: {shares} of the graph's time."
            )
    return "\n".join(lines)


def _number(value: float, form: str) -> str:
    return "" if np.isnan(value) else f"{value:{form}}"


def setting(words: str) -> tuple[str, object]:
    key, _, value = words.partition("=")
    if not value:
        raise argparse.ArgumentTypeError(f"{words!r}; expected key=value")
    return key, json.loads(value)


def versions() -> str:
    items = []
    for name in ("torch", "onnxruntime", "onnxruntime-gpu", "transformers"):
        try:
            items.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(items)


def note(words: str) -> None:
    sys.stderr.write(f"throughput: {words}\n")


def stop(line: str, code: int):
    note(line)
    raise SystemExit(code)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", choices=[case.kind for case in CASES], help="these classes alone"
    )
    parser.add_argument(
        "--lengths", nargs="+", type=int, default=LENGTHS, help="tokens a window [512 6144]"
    )
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", choices=PROVIDERS, default="cpu")
    parser.add_argument("--precisions", nargs="+", choices=[*DTYPES], default=["fp32"])
    parser.add_argument(
        "--set",
        nargs="+",
        type=setting,
        default=[],
        metavar="KEY=VALUE",
        help="keys of config.json, where a class has them",
    )
    parser.add_argument(
        "--profile",
        action="store_true",
        help="time the operators of every graph, not of missed bars alone",
    )
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    given = parser.parse_args(arguments)
    given.set = dict(given.set)
    if given.device == "cuda":
        if (
            not torch.cuda.is_available()
            or PROVIDERS["cuda"] not in onnxruntime.get_available_providers()
        ):
            stop(
                "device cuda: not there for both torch and onnxruntime; expected one; use --device cpu",
                NO_DEVICE,
            )
        onnxruntime.preload_dlls(directory="")
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    torch.set_num_threads(given.threads)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for case in CASES:
            family = member(case)
            if given.only and case.kind not in given.only:
                continue
            if family is None:
                note(
                    f"{case.kind}: no family {' or '.join(case.families)} in the registry; skipped"
                )
                continue
            for tokens in given.lengths:
                rows += contest(case, family, tokens, given, Path(folder))
    if not rows:
        stop("no class is left", NOTHING_LEFT)
    place = (
        torch.cuda.get_device_name()
        if given.device == "cuda"
        else f"{platform.machine()}, {given.threads} threads"
    )
    sys.stdout.write(
        f"{table(rows)}\n\n{place}; {versions()}; medians of {given.runs} interleaved runs.\n"
    )
    if given.out:
        given.out.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    raise SystemExit(1 if any(row.missed for row in rows) else 0)


if __name__ == "__main__":
    main()
