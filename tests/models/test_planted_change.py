"""A planted change of a trained pair: a tenth of the answers of one model are those of other sites. The
audit must see that it agrees less with the other model than before, and how often it does."""

from types import SimpleNamespace

import numpy as np
import pytest
from paths import ROOT

torch = pytest.importorskip("torch")

from gfmtrust.audit import league  # noqa: E402
from gfmtrust.audit.study import draw_sites  # noqa: E402
from gfmtrust.bundle.tokenizers import words  # noqa: E402
from gfmtrust.io.genome import Genome  # noqa: E402
from gfmtrust.models import checkpoint  # noqa: E402
from gfmtrust.readers.windows import cut  # noqa: E402

pytestmark = [pytest.mark.torch, pytest.mark.long]
SITES, WIDTH, CHANGED, DRAWS = 1000, 128, 0.1, 20


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """Sites of the demo's genome, and what two models of the demo say there, (n, 4) each."""
    folder = tmp_path_factory.mktemp("genome")
    with Genome.open(ROOT / "assets/demo/genome.fa.gz", folder) as genome:
        sites = draw_sites(genome, SITES, WIDTH, 1)
        windows = cut(genome, sites.contig_index, sites.pos - WIDTH // 2, WIDTH)
    return sites, [answers(f"gpn-demo-{number}", windows) for number in (1, 2)]


@torch.inference_mode()
def answers(name, windows):
    loaded = checkpoint.load(ROOT / "assets/demo/models" / name)
    text = loaded.text
    bases = [text.vocabulary[word] for word in words(text)]
    ids = torch.tensor([*bases, text.vocabulary[text.unknown]])[torch.from_numpy(windows).long()]
    ids[:, WIDTH // 2] = text.vocabulary[text.mask]
    rows = loaded.network(ids)
    logits = getattr(rows, "logits", rows)[:, WIDTH // 2, bases]
    return logits.double().softmax(-1).numpy()


def agreement(sites, first, second):
    """What the audit says of the pair: the same first choice, and the divergence."""
    other = SimpleNamespace(name="b", probs=second)
    study = SimpleNamespace(
        mean=lambda one: one.probs,
        sites=sites,
        relatives=lambda one: [other],
        rng=lambda *name: np.random.default_rng(name),
    )
    same, apart = league.disagreement(study, SimpleNamespace(probs=first))
    return same, apart


def test_a_change_of_a_tenth_of_the_answers_is_detected(pair, monkeypatch):
    """With 1,000 sites, half of the default, in four of five draws: neither interval meets that of
    the pair as it is."""
    monkeypatch.setattr(league, "PERMUTATIONS", 20)
    sites, (first, second) = pair
    same, apart = agreement(sites, first, second)
    rng, detected = np.random.default_rng(5), 0
    for _ in range(DRAWS):
        changed = second.copy()
        rows = rng.choice(len(sites), round(CHANGED * len(sites)), replace=False)
        changed[rows] = second[rng.permutation(rows)]
        less, further = agreement(sites, first, changed)
        detected += less.high < same.low and further.low > apart.high
    assert detected >= 0.8 * DRAWS


def test_two_halves_of_the_sites_agree_as_much(pair, monkeypatch):
    monkeypatch.setattr(league, "PERMUTATIONS", 20)
    sites, (first, second) = pair
    halves = [np.arange(start, len(sites), 2) for start in (0, 1)]
    one, other = (agreement(sites.take(rows), first[rows], second[rows]) for rows in halves)
    for a, b in zip(one, other, strict=True):
        assert a.low <= b.high
        assert b.low <= a.high
