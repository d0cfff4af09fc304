"""The peer's half of the GPN duel, run by the Python of the benchmark's own environment;
`benchmarks/gpn_duel.py` starts it.

    python benchmarks/gpn_duel_peer.py tokenizer MODEL_DIR            a tokenizer that AutoTokenizer loads: lower case, seven tokens
    python benchmarks/gpn_duel_peer.py predict ARGUMENTS              gpn.ss.run_vep with these arguments, its Trainer.predict timed

`predict` runs the module as the command line does; only a clock is put round Trainer.predict. The
first call, which compiles, is the command's own and makes its output. Then each line on stdin asks
for one more call of the same trainer, and end of file ends the command. One JSON line a call goes
to stdout. With fp16 asked for, as the module does, accelerate has no autocast on CPU: the numbers
are float32.
"""

import json
import os
import runpy
import sys
import time
from importlib.metadata import version

import torch
from tokenizers import Tokenizer, models, normalizers
from transformers import PreTrainedTokenizerFast, Trainer

TOKENS = ["[PAD]", "[MASK]", "[UNK]", "a", "c", "g", "t"]
PACKAGES = ("gpn", "torch", "transformers", "accelerate")
MARK = "gpn_duel "


def write_tokenizer(directory: str) -> None:
    """tokenizer.json and tokenizer_config.json: one token a letter, ids as listed, anything else
    unknown."""
    ids = {token: number for number, token in enumerate(TOKENS)}
    single = Tokenizer(models.BPE(vocab=ids, merges=[], unk_token="[UNK]"))
    single.normalizer = normalizers.Lowercase()
    PreTrainedTokenizerFast(
        tokenizer_object=single,
        pad_token="[PAD]",
        mask_token="[MASK]",
        unk_token="[UNK]",
        clean_up_tokenization_spaces=False,
    ).save_pretrained(directory)


def predict(arguments: list[str]) -> None:
    """Run the module's command line, then as many further predictions as are asked for."""
    first_call = Trainer.predict

    def timed(trainer, *args, **kwargs):
        answer, seconds = clocked(lambda: first_call(trainer, *args, **kwargs))
        dtype = str(next(trainer.model.parameters()).dtype)
        versions = {package: version(package) for package in PACKAGES}
        say(
            seconds=seconds,
            threads=torch.get_num_threads(),
            device=str(trainer.args.device),
            dtype=dtype,
            autocast=trainer.accelerator.native_amp,
            versions=versions,
        )
        for _ in sys.stdin:
            say(seconds=clocked(lambda: first_call(trainer, *args, **kwargs))[1])
        return answer

    Trainer.predict = timed
    sys.argv = ["run_vep", *arguments]
    runpy.run_module("gpn.ss.run_vep", run_name="__main__", alter_sys=True)


def clocked(call):
    """(answer, seconds of wall clock) of a call."""
    begun = time.perf_counter()
    answer = call()
    return answer, time.perf_counter() - begun


def say(**fields) -> None:
    os.write(1, f"{MARK}{json.dumps(fields)}\n".encode())


if __name__ == "__main__":
    if sys.argv[1] == "tokenizer":
        write_tokenizer(sys.argv[2])
    else:
        predict(sys.argv[2:])
