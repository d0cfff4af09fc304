"""Running bundles: a toy whose answers are known by hand, its faults, and byte identity over
batches and threads."""

import logging
import time

import numpy as np
import pytest
import toy_models

from gfmtrust.bundle import devices, runtime
from gfmtrust.bundle import session as sessions
from gfmtrust.bundle.bundle import Bundle
from gfmtrust.bundle.session import Session
from gfmtrust.core.errors import BadDataError, ConfigurationError, DeviceError, TransientError


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return toy_models.write_toy(tmp_path_factory.mktemp("session") / "toy")


def windows(n: int, n_positions: int = 1, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    codes = rng.choice(6, (n, toy_models.WINDOW_BP), p=[0.24, 0.24, 0.24, 0.24, 0.02, 0.02]).astype(
        np.uint8
    )
    return codes, rng.integers(0, 3, (n, n_positions)) * 4 + 2 + np.zeros(
        (n, n_positions), np.int64
    )


def test_distributions_equal_the_twin(toy):
    codes, index = windows(50, 2)
    probs, off = Session.open(toy, device="cpu").distributions(codes, index)
    unmasked = codes.copy()
    for row in range(
        50
    ):  # the table sees [MASK] where a neighbour of the scored letter is scored too; keep those apart
        assert abs(index[row, 0] - index[row, 1]) != 1
    expected = toy_models.expected_probs(toy_models.table(), unmasked, index)
    assert probs.shape == (50, 2, 1, 4)
    assert probs.dtype == np.float64
    np.testing.assert_allclose(probs, expected, atol=1e-6)
    np.testing.assert_allclose(probs.sum(-1), 1, atol=1e-6)
    assert (off == 0).all()
    assert off.shape == (50, 2)


def test_no_number_depends_on_batch_or_threads(toy):
    codes, index = windows(45)
    built = {
        Session.open(toy, "cpu", threads=threads, batch=batch)
        .distributions(codes, index)[0]
        .tobytes()
        for batch in (1, 7, 32, 1000)
        for threads in (1, 2)
    }
    assert len(built) == 1


def test_order_and_company_do_not_matter(toy):
    codes, index = windows(20)
    running = Session.open(toy, "cpu", batch=8)
    together = running.distributions(codes, index)[0]
    backwards = running.distributions(codes[::-1], index[::-1])[0][::-1]
    alone = np.concatenate(
        [running.distributions(codes[i : i + 1], index[i : i + 1])[0] for i in range(20)]
    )
    assert together.tobytes() == np.ascontiguousarray(backwards).tobytes() == alone.tobytes()


def test_no_windows_at_all(toy):
    probs, off = Session.open(toy, "cpu").distributions(
        np.empty((0, 16), np.uint8), np.empty((0, 3), np.int64)
    )
    assert (probs.shape, off.shape) == ((0, 3, 1, 4), (0, 3))


def test_metrics(toy):
    running = Session.open(toy, device="cpu", threads=2, batch=5)
    running.distributions(*windows(12))
    assert (running.requested, running.device, running.provider) == (
        "cpu",
        "cpu",
        "CPUExecutionProvider",
    )
    assert (running.threads, running.batch, running.halvings, running.passes) == (2, 5, 0, 12)


def test_each_batch_is_told_with_all_passes_so_far(toy):
    running = Session.open(toy, device="cpu", batch=5)
    passes = []
    running.on_passes = passes.append
    running.distributions(*windows(12))
    running.distributions(*windows(3))
    assert passes == [5, 10, 12, 15]


def test_softmax_by_hand():
    logits = np.log(np.array([[1, 1, 2, 4], [1, 1, 1, np.nan]], np.float32))
    np.testing.assert_allclose(sessions.softmax(logits)[0], [0.125, 0.125, 0.25, 0.5], atol=1e-7)
    assert np.isnan(sessions.softmax(logits)[1]).all()
    assert sessions.softmax(np.array([3e4, 0, 0, 0], np.float32)).tolist() == [1, 0, 0, 0]


def test_a_non_finite_answer_is_nan_at_that_position_alone(tmp_path):
    rows = toy_models.table()
    rows[2, :] = np.inf  # an N to the left
    built = toy_models.write_toy(tmp_path / "toy", rows=rows)
    codes, index = windows(40, seed=3)
    left_is_n = codes[np.arange(40), index[:, 0] - 1] >= 4
    probs, off = Session.open(built, "cpu").distributions(codes, index)
    assert 0 < left_is_n.sum() < 40
    assert (np.isnan(probs).all(axis=(1, 2, 3)) == left_is_n).all()
    assert np.isfinite(off).all()


def test_auto_without_cuda_says_so_once(toy, monkeypatch, caplog):
    monkeypatch.setattr(devices, "cuda_works", lambda: False)
    with caplog.at_level(logging.WARNING):
        assert Session.open(toy, device="auto").device == "cpu"
    assert len(caplog.records) == 1
    assert "no working CUDA provider" in caplog.text


def test_the_probe_model_is_what_it_says():
    import onnx

    model = onnx.load_from_string(devices.PROBE)
    onnx.checker.check_model(model)
    assert [node.op_type for node in model.graph.node] == ["Identity"]


def test_long_windows_are_allowed_on_request(tmp_path):
    built = toy_models.write_toy(tmp_path / "toy", window__trained_bp=12)
    assert Session.open(built, "cpu", allow_long_window=True).device == "cpu"
    with pytest.raises(ConfigurationError, match="--allow_long_window"):
        Session.open(built, "cpu")


@pytest.mark.bad_input
def test_cuda_without_a_device(toy, monkeypatch):
    monkeypatch.setattr(devices, "cuda_works", lambda: False)
    words = r"providers are \[CPUExecutionProvider\]; expected CUDAExecutionProvider; install onnxruntime-gpu or use --device cpu"
    with pytest.raises(DeviceError, match=words) as caught:
        Session.open(toy, device="cuda")
    assert caught.value.exit_code == 69


@pytest.mark.bad_input
def test_cuda_without_a_certified_graph(tmp_path, monkeypatch):
    built = toy_models.write_toy(tmp_path / "toy")
    toy_models.reseal(built.directory, lambda content: content["graphs"].pop("cuda"))
    monkeypatch.setattr(devices, "cuda_works", lambda: True)
    with pytest.raises(DeviceError, match="no graph certified for cuda"):
        Session.open(Bundle.open(built.directory), device="cuda")


@pytest.mark.bad_input
def test_the_probe_refuses_a_provider_that_is_only_listed(monkeypatch):
    import onnxruntime

    monkeypatch.setattr(
        onnxruntime,
        "get_available_providers",
        lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"],
    )
    monkeypatch.setattr(onnxruntime, "preload_dlls", lambda **_: None)
    assert not devices.cuda_works()


@pytest.mark.bad_input
@pytest.mark.parametrize(
    "change",
    [
        lambda content: content["golden"][1]["logp"][0][0].__setitem__(2, -1.0),
        lambda content: content["text"]["vocabulary"].update(
            a=4, c=3
        ),  # vocabulary and tokenizer no longer agree with the weights
        lambda content: content["golden"][0]["logp"][0][0].__setitem__(0, float("nan")),
    ],
)
def test_golden_windows_that_come_out_otherwise(tmp_path, change):
    built = toy_models.write_toy(tmp_path / "toy")
    toy_models.reseal(built.directory, change)
    with pytest.raises(BadDataError, match=r"golden window \d: logp differs"):
        Session.open(Bundle.open(built.directory), "cpu")


@pytest.mark.bad_input
def test_a_graph_the_runtime_cannot_load(tmp_path):
    built = toy_models.write_toy(tmp_path / "toy")
    path = built.directory / "model.onnx"
    model = toy_models.graph(toy_models.table())
    model.graph.node[-1].input[0] = "nowhere"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(BadDataError, match="not loaded"):
        sessions.start(built.meta, path, "cpu")


@pytest.mark.bad_input
@pytest.mark.parametrize("options", [{"batch": 0}, {"threads": 0}])
def test_impossible_options(toy, options):
    with pytest.raises(ValueError, match="at least 1"):
        Session.open(toy, "cpu", **options)


@pytest.mark.bad_input
def test_an_unknown_device(toy):
    with pytest.raises(ValueError, match="tpu"):
        Session.open(toy, "tpu")


class Failing:
    """A runtime that raises where `fails(feeds)` gives a text, and answers as the real one
    otherwise."""

    def __init__(self, real, fails):
        self.real, self.fails = real, fails

    def run(self, names, feeds):
        from onnxruntime.capi.onnxruntime_pybind11_state import RuntimeException

        if text := self.fails(feeds):
            raise RuntimeException(text)
        return self.real.run(names, feeds)


def failing(toy, monkeypatch, fails, batch: int = 8) -> Session:
    running = Session.open(toy, "cpu", batch=batch)
    load = runtime.load
    monkeypatch.setattr(sessions, "load", lambda *given: Failing(load(*given), fails))
    running._runtime = Failing(running._runtime, fails)
    return running


@pytest.mark.bad_input
def test_out_of_memory_halves_the_batch_and_goes_on(toy, monkeypatch, caplog):
    codes, index = windows(20)
    expected = Session.open(toy, "cpu").distributions(codes, index)[0]
    running = failing(
        toy,
        monkeypatch,
        lambda feeds: (
            "Failed to allocate memory for requested buffer" if len(feeds["pos"]) > 2 else ""
        ),
    )
    with caplog.at_level(logging.WARNING):
        probs, _ = running.distributions(codes, index)
    assert probs.tobytes() == expected.tobytes()
    assert (running.batch, running.halvings) == (2, 2)


@pytest.mark.bad_input
def test_out_of_memory_for_one_window_is_transient(toy, monkeypatch):
    running = failing(toy, monkeypatch, lambda feeds: "CUDA failure 2: out of memory")
    with pytest.raises(TransientError, match="out of memory for one window") as caught:
        running.distributions(*windows(3))
    assert caught.value.exit_code == 75


@pytest.mark.bad_input
def test_a_lost_device_is_transient(toy, monkeypatch):
    running = failing(
        toy, monkeypatch, lambda feeds: "CUDA failure 700: an illegal memory access was encountered"
    )
    with pytest.raises(TransientError, match="device lost"):
        running.distributions(*windows(3))


@pytest.mark.bad_input
def test_a_window_the_runtime_fails_on_is_lost_alone(toy, monkeypatch):
    codes, index = windows(11)
    codes[:, 0] = 0
    codes[4, 0] = 3
    expected = Session.open(toy, "cpu").distributions(codes, index)[0]
    running = failing(
        toy,
        monkeypatch,
        lambda feeds: "Gather failed" if (feeds["input_ids"][:, 0] == 6).any() else "",
    )
    probs, off = running.distributions(codes, index)
    assert np.isnan(probs[4]).all()
    assert off[4, 0] == 1
    others = np.arange(11) != 4
    assert probs[others].tobytes() == expected[others].tobytes()


@pytest.mark.gpu
def test_cuda_agrees_with_cpu(toy):
    """Row D2 of docs/understand/scoring.md; skipped where no provider works."""
    if not devices.cuda_works():
        pytest.skip("no working CUDA provider")
    codes, index = windows(500)
    here, there = (
        Session.open(toy, device).distributions(codes, index)[0] for device in ("cpu", "cuda")
    )
    assert np.abs(np.log(here) - np.log(there)).max() < 1e-3


@pytest.mark.bench
def test_nearly_as_fast_as_the_bare_runtime(toy):
    """Within 1.25 of a bare loop over the same ready-made batches, best of five each."""
    codes, index = windows(60_000)
    running = Session.open(toy, "cpu", batch=2048)
    from gfmtrust.bundle import tokenizers

    built = tokenizers.feeds(tokenizers.build(toy.text), codes, index)
    runtime = running._runtime

    def bare() -> None:
        for start in range(0, len(codes), 2048):
            runtime.run(
                None, {name: values[start : start + 2048] for name, values in built.items()}
            )

    def best(function) -> float:
        times = []
        for _ in range(5):
            begun = time.perf_counter()
            function()
            times.append(time.perf_counter() - begun)
        return min(times)

    assert best(lambda: running.distributions(codes, index)) < 1.25 * best(bare) + 0.1
