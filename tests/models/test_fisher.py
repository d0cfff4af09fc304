"""Fisher information of random networks of the families, against loops over tokens and closed forms."""

from types import SimpleNamespace

import audit_bundles
import checkpoints
import numpy as np
import pytest
import torch
from paths import ROOT
from step_calls import call

from gfmtrust import models
from gfmtrust.cli import main as cli
from gfmtrust.core.contracts.audit import Audit
from gfmtrust.models import examples, fisher

OF_LETTERS = sorted(
    name for name, (family, _) in examples.all_of().items() if family.quantity != "likelihood"
)
LINEAR_HEADS = ["gpn", "nt_v1", "carbon", "hyenadna", "recurrent", "mamba"]
TIED = ["nt_v1", "carbon", "marindna_llama", "mamba", "caduceus"]


def checkpoint_of(name):
    example = checkpoints.example(name)
    family = models.family_of(example.config)
    network = examples.network(example).double()
    text = family.text(family.read_config(example.config), example.vocabulary)
    codes = np.random.default_rng(0).integers(0, 4, (3, example.window_bp)).astype(np.uint8)
    return SimpleNamespace(network=network, text=text), codes


@pytest.mark.long
@pytest.mark.parametrize("name", OF_LETTERS)
def test_without_the_inter_token_parameters_no_place_reads_another(name):
    """The groups are named by patterns; here the network itself says whether they are right. The
    masks stay in place, because some networks scale their embeddings by the share of masks."""
    checkpoint, codes = checkpoint_of(name)
    asked = fisher.questions(checkpoint.text, codes[:2], 1)
    with torch.no_grad():
        for parameter_name, one in checkpoint.network.named_parameters():
            if fisher.group_of(parameter_name, one) == fisher.MIXING:
                one.zero_()
        ids = asked.ids[:1].repeat(2, 1)
        middle = ids.shape[1] // 2
        masked = [] if checkpoint.text.causal else asked.pos[0].tolist()
        letters = [place for place in range(2, middle) if place not in masked]
        ids[1, letters] = ids[1, letters].flip(0)
        assert (ids[0] != ids[1]).any()
        one, other = fisher.answers(checkpoint.network, ids)[:, middle:]
    assert float((one - other).abs().max()) < 1e-12


@pytest.mark.parametrize("name", LINEAR_HEADS)
def test_the_closed_form_of_the_head_is_that_of_autograd(name):
    """The trace of the Fisher information of one token: the squared gradient for every possible
    target, each with its probability."""
    checkpoint, codes = checkpoint_of(name)
    network = checkpoint.network
    fisher.untie(network)
    asked = fisher.questions(checkpoint.text, codes[:1], 1)
    closed, null = fisher.head_trace(network, asked, 0)
    linear = [one for one in network.modules() if isinstance(one, torch.nn.Linear)]
    logits = fisher.answers(network, asked.ids[:1])
    matrix = next(one for one in reversed(linear) if one.weight.shape[0] == logits.shape[-1]).weight
    matrix.requires_grad_(True)
    logits = fisher.answers(network, asked.ids[:1])[0]
    traces = []
    places = asked.pos[0][:2]
    p = logits[places].detach().softmax(-1)
    likely = torch.topk(p[0], min(40, p.shape[-1])).indices
    for row, place in enumerate(places):
        whole = 0.0
        for target in range(p.shape[-1]) if p.shape[-1] <= 64 else likely.tolist():
            gradient = torch.autograd.grad(
                -logits[place].log_softmax(-1)[target], matrix, retain_graph=True
            )[0]
            whole += float(p[row, target] * gradient.square().sum())
        traces.append(whole)
    two = SimpleNamespace(ids=asked.ids, pos=asked.pos[:, :2], target=asked.target)
    value = fisher.head_trace(network, two, 0)[0]
    if p.shape[-1] <= 64:
        assert value == pytest.approx(np.mean(traces), rel=1e-6)
    else:  # the rest of a large vocabulary has a positive part
        assert value > np.mean(traces) > 0
    assert 0 < closed < null  # fmt: skip


@pytest.mark.parametrize("name", TIED)
def test_the_published_definition_books_a_tied_decoder_as_embeddings(name):
    """The gradient of the tied matrix itself, before it is told apart."""
    checkpoint, codes = checkpoint_of(name)
    asked = fisher.questions(checkpoint.text, codes, 1)
    network = checkpoint.network.requires_grad_(True)
    loss = torch.nn.functional.cross_entropy(
        fisher.answers(network, asked.ids).gather(
            1, asked.pos[..., None].expand(-1, -1, fisher.answers(network, asked.ids).shape[-1])
        ).flatten(0, 1),
        asked.target.flatten(),
    )  # fmt: skip
    names = dict(network.named_parameters())
    gradients = torch.autograd.grad(loss, list(names.values()), allow_unused=True)
    expected = sum(
        float(gradient.square().sum())
        for (parameter, one), gradient in zip(names.items(), gradients, strict=True)
        if gradient is not None and fisher.group_of(parameter, one) == fisher.EMBEDDINGS
    )
    seen = fisher.information(checkpoint, codes, 1)
    published = dict(zip(fisher.GROUPS, seen.published[0], strict=True))
    assert published[fisher.EMBEDDINGS] == pytest.approx(expected, rel=1e-6)
    assert published[fisher.DECODER] == 0
    of_sequences = dict(zip(fisher.GROUPS, seen.true.sum(axis=0), strict=True))
    assert of_sequences[fisher.DECODER] > 0
    assert dict(zip(fisher.GROUPS, seen.parameters, strict=True))[fisher.DECODER] > 0


def test_questions_hide_what_they_ask():
    for name in ("gpn", "nt_v1", "hyenadna", "carbon"):
        checkpoint, codes = checkpoint_of(name)
        asked = fisher.questions(checkpoint.text, codes, 1)
        if checkpoint.text.causal:
            end = asked.ids.shape[1] - 1
            inside = asked.pos < end
            following = asked.ids.gather(1, (asked.pos + 1).clamp(max=end))
            assert (following[inside] == asked.target[inside]).all()
        else:
            mask = checkpoint.text.vocabulary[checkpoint.text.mask]
            assert (asked.ids.gather(1, asked.pos) == mask).all()
            assert (asked.target != mask).all()


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fisher")
    weights = ROOT / "assets" / "demo" / "models" / "gpn-demo-1"
    fasta = audit_bundles.random_fasta(folder / "g.fa")
    call("export_model", "--model", weights, "--fasta", fasta,
         "--allow_untrained", "--windows", 50, "--out_dir", folder / "models")  # fmt: skip
    return folder, weights, fasta


@pytest.mark.slow
@pytest.mark.long
def test_the_audit_shows_the_shares_where_a_checkpoint_is_given(demo):
    folder, weights, fasta = demo
    common = ("audit", "model", "--fasta", fasta, "--bundles", folder / "models" / "gpn-demo-1",
              "--sites", 120, "--windows", 100, "--device", "cpu")  # fmt: skip
    call(*common, "--checkpoints", weights, "--out_dir", folder / "out")
    measured = Audit.read(folder / "out" / "gpn-demo-1" / "audit.json").measure("fisher")
    shares = [row for row in measured.statistics if row.label.endswith("per sequence")]
    assert sum(row.value for row in shares) == pytest.approx(1)
    assert sum(row.null for row in shares) == pytest.approx(1)
    call(*common, "--out_dir", folder / "without")
    audit = Audit.read(folder / "without" / "gpn-demo-1" / "audit.json")
    assert "no checkpoint" in audit.measure("fisher").reason


@pytest.mark.bad_input
@pytest.mark.long
def test_a_checkpoint_of_another_model(demo, tmp_path, monkeypatch, capsys):
    folder, _, fasta = demo
    monkeypatch.chdir(tmp_path)
    other = checkpoints.write(tmp_path / "other", "gpn", seed=7)
    arguments = ["audit", "model", "--fasta", fasta, "--bundles", folder / "models" / "gpn-demo-1",
                 "--checkpoints", other, "--device", "cpu", "--out_dir", "o"]  # fmt: skip
    assert cli.main([str(one) for one in arguments]) == 78
    assert "none of the models" in capsys.readouterr().err
