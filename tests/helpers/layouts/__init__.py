"""Published checkpoint layouts, rebuilt from facts with random weights at reduced width; one module
per layout.

A layout states what a published repository holds: its config.json, its tokenizer files, the names
and shapes of its tensors and the names of its weight files. None of it is taken from our own
networks, so that a test of a layout compares two independent statements.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

MODULES: tuple[str, ...] = (
    "gpn",
    "phylogpn",
    "agront",
    "carbon",
    "hyenadna",
    "caduceus",
    "nucleotide_transformer",
    "ntv3",
    "generator",
    "plant_dnamamba",
    "dnabert2",
    "grover",
    "gena_bert",
    "moderngena",
    "genomeocean",
    "marindna",
)
"""Modules of this folder, each with a tuple LAYOUTS."""


@dataclass(frozen=True)
class Layout:
    """The files of one published repository.

    config: config.json at reduced width, with every key of the published file. files: the other
    small files, name -> content. tensors: config -> tensor name -> shape, as the published weight
    files list them. weights: names of the weight files; several are shards, for which an index is
    written. tokens: a DNA text in upper case -> the token ids of the published tokenizer for that
    text alone, in plain code that shares nothing with the package, without specials but for byte
    pairs. source: where these facts were read. full_sizes: keys of config.json at the published
    width; n_parameters: the published count of parameters, None where none was found. refusal: what
    the message of a layout that is rightly refused must name; '' for one that opens. buffers:
    tensors that are no parameters, or whose values matter, name -> value. scale: of the random
    weights. reduced: keys of config.json that an export in a test takes, where the published depth
    takes minutes. stand_in: files whose published content is trained and cannot be generated;
    theirs have its structure. equal: tensor -> the one whose values it repeats in the file. stored:
    the dtype of the file.
    """

    id: str
    family: str
    config: dict
    files: dict[str, str]
    tensors: Callable[[dict], Mapping[str, tuple[int, ...]]]
    source: str
    weights: tuple[str, ...] = ("model.safetensors",)
    tokens: Callable[[str], list[int]] | None = None
    full_sizes: dict = field(default_factory=dict)
    n_parameters: int | None = None
    window_bp: int | None = None
    refusal: str = ""
    buffers: Callable[[dict], Mapping] = lambda config: {}
    scale: float = 0.3
    reduced: dict = field(default_factory=dict)
    stand_in: tuple[str, ...] = ()
    equal: dict[str, str] = field(default_factory=dict)
    stored: str = "float32"


def all_of() -> dict[str, Layout]:
    """Every layout by its id."""
    return {
        layout.id: layout for name in MODULES for layout in import_module(f"layouts.{name}").LAYOUTS
    }


def random_tensors(layout: Layout, seed: int = 0) -> dict:
    """Random weights with the published names and shapes: norms near one, other vectors near zero,
    matrices of standard deviation 8 * `scale` / sqrt(fan in)."""
    import torch

    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, shape in layout.tensors(layout.config).items():
        values = torch.randn(shape, generator=generator)
        if len(shape) > 1:
            values *= 8 * layout.scale / max(1, torch.Size(shape[1:]).numel()) ** 0.5
        else:
            values = values * 0.05 + (
                1.0 if "norm" in name.lower() and name.endswith("weight") else 0.0
            )
        tensors[name] = values.to(getattr(torch, layout.stored))
    tensors |= {name: tensors[other].clone() for name, other in layout.equal.items()}
    return tensors | dict(layout.buffers(layout.config))


def write(directory: Path, layout: Layout, seed: int = 0, tensors: dict | None = None) -> Path:
    """The repository of a layout as a folder; tensors: other weights than `random_tensors`."""
    import torch
    from safetensors.torch import save_file

    directory.mkdir(parents=True)
    (directory / "config.json").write_text(json.dumps(layout.config, indent=2), encoding="utf-8")
    for name, content in layout.files.items():
        (directory / name).write_text(content, encoding="utf-8")
    tensors = random_tensors(layout, seed) if tensors is None else tensors
    names = list(tensors)
    n_files = len(layout.weights)
    weight_map = {
        name: layout.weights[min(n_files - 1, place * n_files // len(names))]
        for place, name in enumerate(names)
    }
    for file_name in layout.weights:
        part = {name: tensors[name].contiguous() for name in names if weight_map[name] == file_name}
        if file_name.endswith(".bin"):
            torch.save(part, directory / file_name)
        else:
            save_file(part, directory / file_name)
    if n_files > 1:
        stem = "pytorch_model.bin" if layout.weights[0].endswith(".bin") else "model.safetensors"
        index = {
            "metadata": {"total_size": sum(t.numel() * t.element_size() for t in tensors.values())},
            "weight_map": weight_map,
        }
        (directory / f"{stem}.index.json").write_text(json.dumps(index), encoding="utf-8")
    return directory
