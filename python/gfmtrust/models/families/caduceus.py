"""Caduceus: masked single bases, Mamba-1 run in both directions. The `ph` checkpoints read one
strand, the `ps` checkpoints read both strands with shared weights.

Source: Schiff et al., arXiv:2403.03234; names and the order of operations follow
kuleshov-group/caduceus, modeling_caduceus.py and modeling_rcps.py. A `ps` network processes the
window and its reverse complement as two windows and adds the logit of base b on the one to that of
its complement on the other, so both strands get the same answer by construction. N and positions
outside the contig are [PAD], as in the authors' training data. No [SEP] ends a window, because its
reverse complement would then begin with it.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn

from gfmtrust.bundle.tokenizers import Text, words
from gfmtrust.bundle.vocabulary import usable
from gfmtrust.core.errors import BadDataError, ConfigurationError, message
from gfmtrust.models.families.mamba import auto_rank
from gfmtrust.models.family import Example, Family, Window, near, take
from gfmtrust.models.layers.bidirectional_mamba import Backbone, CaduceusConfig, Head
from gfmtrust.models.layers.folding import BaseScorer, gathered
from gfmtrust.models.layers.mamba_mixer import without_scan
from gfmtrust.models.layers.scan import LONGEST
from gfmtrust.models.vocabularies import CHARACTER_TOKENIZER, CHARACTERS, numbered

DEFAULT_BP, TRAINED_BP = 1024, 131_072
"""config.json states no context. DEFAULT_BP, that of the shorter checkpoints, applies where neither
the row nor the card gives a window; TRAINED_BP is the longest that any checkpoint was trained
on."""
LOWER_CASE_ROWS, LOWER_CASE_BP = 8, 512
"""The networks over the lower-case vocabulary, those of PlantCaduceus: the number of their token
rows and the window in bases they were trained on (Zhai et al. 2024)."""
SHORTEST_BP = 32
NEIGHBOUR_OFFSETS = (-20, -15, -10, -5, 5, 10, 15, 20)


FIXED = {
    "model_type": ("caduceus",),
    "rms_norm": (True,),
    "bidirectional": (True,),
    "bidirectional_strategy": ("add", None),
    "bidirectional_weight_tie": (True,),
    "tie_word_embeddings": (True,),
    "is_encoder_decoder": (False,),
}
# These keys only concern the initialisation, the authors' kernels, or the type of a sum that is
# float32 here.
INERT = frozenset(
    {
        "initializer_cfg",
        "residual_in_fp32",
        "pad_token_id",
        "dt_min",
        "dt_max",
        "dt_init",
        "dt_scale",
        "dt_init_floor",
        "use_fast_path",
    }
)


def _read_config(config: dict) -> CaduceusConfig:
    config = dict(config)
    config |= config.pop("ssm_cfg", None) or {}
    if (layer := config.pop("layer", "Mamba1")) != "Mamba1":
        raise ConfigurationError(
            message(
                "config.json",
                f"ssm_cfg.layer is {layer!r}: Caduceus over another state space than Mamba-1",
                "Mamba1 or no such key",
                "no family here reads such a network",
            )
        )
    multiple, rows = config.pop("pad_vocab_size_multiple", 8), config.get("vocab_size")
    if type(rows) is int and type(multiple) is int and multiple > 0:
        config["vocab_size"] = rows = -(-rows // multiple) * multiple
    if config.get("dt_rank", "auto") == "auto" and type(config.get("d_model")) is int:
        config["dt_rank"] = auto_rank(config["d_model"])
    config["complement_map"] = _complements(config.pop("complement_map", None), rows)
    settings = take(config, CaduceusConfig, FIXED, INERT)
    if settings.rcps and not settings.complement_map:
        raise ConfigurationError(
            message("config.json", "rcps without a complement_map", "the complement of every id")
        )
    return settings


def _complements(complements: dict | None, rows: Any) -> tuple[int, ...]:
    """Return the complement of the ids 0, 1, ... up to rows - 1; a padding id is its own
    complement.

    rows: vocab_size of config.json, which is checked later. Raises ConfigurationError (78) for a
    map that does not return to the id when it is applied twice.
    """
    if not complements:
        return ()
    try:
        table = tuple(int(complements.get(str(number), number)) for number in range(rows))
        if set(map(int, complements)) <= set(range(rows)) and all(
            table[table[number]] == number for number in range(rows)
        ):
            return table
    except (TypeError, ValueError, IndexError, AttributeError):
        pass
    raise ConfigurationError(
        message(
            "config.json", f"complement_map is {complements!r}"[:120], f"ids below {rows} in pairs"
        )
    )


class CaduceusForMaskedLM(nn.Module):
    """`forward` takes token ids (batch, length) and returns logits (batch, length, vocab_size)."""

    def __init__(self, config: CaduceusConfig):
        super().__init__()
        self.caduceus = nn.ModuleDict({"backbone": Backbone(config)})
        self.lm_head = (
            Head(config)
            if config.rcps
            else nn.Linear(config.d_model, config.vocab_size, bias=False)
        )
        backbone = cast(Backbone, self.caduceus["backbone"])
        embedding: Any = backbone.embeddings["word_embeddings"]
        decoder = self.lm_head.lm_head if isinstance(self.lm_head, Head) else self.lm_head
        decoder.weight = embedding.weight

    def hidden(self, input_ids: torch.Tensor) -> torch.Tensor:
        """Return the rows after the last norm, with those of both strands side by side: (batch,
        length, width or 2 width)."""
        return self.caduceus["backbone"](input_ids).flatten(2)

    def head(self, rows: torch.Tensor) -> torch.Tensor:
        return self.lm_head(rows.unflatten(-1, (2, -1)) if isinstance(self.lm_head, Head) else rows)

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        return self.head(self.hidden(input_ids))


def _text(config: CaduceusConfig, vocabulary: dict[str, int]) -> Text:
    lower_case = "a" in vocabulary and "A" not in vocabulary
    # PlantCaduceus has no N: its tokenizer writes [UNK] for it, as for every other letter.
    blank = "[UNK]" if lower_case else "[PAD]"
    vocabulary = usable(vocabulary, config.vocab_size, ("[MASK]", blank))
    text = Text(
        k=1,
        vocabulary=vocabulary,
        mask="[MASK]",
        unknown=blank,
        outside=blank,
        lower_case=lower_case,
    )
    adenine, cytosine, guanine, thymine = words(text)
    for one, other in (
        ((adenine, thymine), (cytosine, guanine), ("[MASK]", "[MASK]"), (blank, blank))
        if config.rcps
        else ()
    ):
        complement = config.complement_map[vocabulary.get(one, 0)]
        if complement != vocabulary.get(other):
            raise BadDataError(
                message(
                    "vocabulary",
                    f"the complement of {one} has id {complement}",
                    f"{vocabulary.get(other)}, that of {other}",
                    "is complement_map of config.json this vocabulary's?",
                )
            )
    return text


def _window(config: CaduceusConfig, window_bp: int | None) -> Window:
    trained = LOWER_CASE_BP if config.vocab_size == LOWER_CASE_ROWS else TRAINED_BP
    width = window_bp or min(DEFAULT_BP, trained)
    if not SHORTEST_BP <= width <= LONGEST:
        raise ConfigurationError(message("window_bp", f"{width}", f"{SHORTEST_BP} to {LONGEST}"))
    forward, reverse = width // 2, width - 1 - width // 2
    return Window(
        width,
        trained,
        forward,
        reverse,
        (-(width // 8), 0, width // 8),
        near(NEIGHBOUR_OFFSETS, width, forward, reverse),
        False,
        SHORTEST_BP,
    )


def _scorer(network: CaduceusForMaskedLM, config: CaduceusConfig, text: Text) -> BaseScorer:
    return BaseScorer(
        network,
        gathered(CaduceusForMaskedLM.hidden),
        CaduceusForMaskedLM.head,
        text,
        config.vocab_size,
    )


COMPLEMENTS = {str(number): {7: 10, 8: 9, 9: 8, 10: 7}.get(number, number) for number in range(16)}
PH = {
    "model_type": "caduceus",
    "d_model": 16,
    "n_layer": 1,
    "vocab_size": 12,
    "pad_vocab_size_multiple": 8,
    "rms_norm": True,
    "residual_in_fp32": False,
    "fused_add_norm": True,
    "bidirectional": True,
    "bidirectional_strategy": "add",
    "bidirectional_weight_tie": True,
    "rcps": False,
    "complement_map": None,
    "norm_epsilon": 1e-5,
    "initializer_cfg": None,
    "ssm_cfg": {
        "d_state": 16,
        "d_conv": 4,
        "expand": 2,
        "dt_rank": "auto",
        "dt_min": 0.001,
        "dt_max": 0.1,
        "dt_init": "random",
        "dt_scale": 1.0,
        "dt_init_floor": 1e-4,
        "conv_bias": True,
        "bias": False,
        "use_fast_path": True,
    },
}
PS = PH | {"rcps": True, "complement_map": COMPLEMENTS, "vocab_size": 16}
LOWER_CASE = numbered(["[PAD]", "[MASK]", "[UNK]", *"acgt"])
PLANT = PS | {
    "complement_map": {
        str(number): {3: 6, 4: 5, 5: 4, 6: 3}.get(number, number)
        for number in range(LOWER_CASE_ROWS)
    },
    "vocab_size": LOWER_CASE_ROWS,
    "residual_in_fp32": True,
}
FAMILY = Family(
    name="caduceus",
    model_types=("caduceus",),
    quantity="direct",
    read_config=_read_config,
    build=CaduceusForMaskedLM,
    text=_text,
    scorer=_scorer,
    cuda_scorer=lambda network, config, text: _scorer(
        cast(CaduceusForMaskedLM, without_scan(network)), config, text
    ),
    window=_window,
    bar=1e-4,
    rc_equivariant=lambda config: config.rcps,
    tied=(
        (r"lm_head\.weight", "caduceus.backbone.embeddings.word_embeddings.weight"),
        (
            r"lm_head\.lm_head\.weight",
            "caduceus.backbone.embeddings.word_embeddings.embedding.weight",
        ),
        (r"(.*)mamba_rev\.(in_proj|out_proj)\.(weight|bias)", r"\1mamba_fwd.\2.\3"),
    ),
    examples={
        "caduceus": Example(PH, numbered(CHARACTERS), 96, 2.0),
        "caduceus_ps": Example(PS, numbered(CHARACTERS), 96, 2.0),
        "caduceus_ps_unfused": Example(
            PS | {"fused_add_norm": False}, numbered(CHARACTERS), 96, 2.0
        ),
        "plantcaduceus": Example(PLANT, LOWER_CASE, 96, 2.0),
    },
    character_tokenizers={"CaduceusTokenizer": CHARACTER_TOKENIZER},
)
