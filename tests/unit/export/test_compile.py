"""A compiled network answers like the network, survives a damaged cache, and gives way when it cannot be trusted."""

import dataclasses
import gc
import logging
import os
import threading

import numpy as np
import paddle
import pytest
from paddle import nn

from slowfast_paddle.errors import ConfigError, ExportError
from slowfast_paddle.export import compile as compile_module
from slowfast_paddle.export.cache import is_intact, network_digest
from slowfast_paddle.export.compile import CompiledNetwork
from slowfast_paddle.export.engines import OPENVINO, check_precision, engines
from slowfast_paddle.export.program import Program, save_program


class Tiny(nn.Layer):
    """Two pathways, convolution, norm, a window that slides, one row of logits per place."""

    def __init__(self, window=7):
        super().__init__()
        self.window = window
        self.slow = nn.Conv3D(3, 4, 3, stride=2, padding=1, bias_attr=False)
        self.norm = nn.BatchNorm3D(4)
        self.fast = nn.Conv3D(3, 2, (5, 7, 7), stride=(1, 2, 2), padding=(2, 3, 3))
        self.classifier = nn.Linear(6, 5)

    def forward(self, pathways):
        slow, fast = pathways
        slow = nn.functional.relu(self.norm(self.slow(slow)))
        fast = nn.functional.relu(self.fast(fast))
        pooled = [nn.functional.avg_pool3d(x, (x.shape[2], self.window, self.window), stride=1) for x in (slow, fast)]
        return self.classifier(paddle.concat(pooled, axis=1).flatten(2).transpose([0, 2, 1]))


@pytest.fixture
def network():
    paddle.seed(0)
    net = Tiny()
    net.eval()
    return net


def clips(batch, side=16, seed=0):
    rng = np.random.default_rng(seed)
    return tuple(rng.standard_normal((batch, 3, t, side, side)).astype("float32") for t in (2, 8))


def saving(monkeypatch, change):
    """Replaces the `save` of every engine by change(save)."""
    found = [dataclasses.replace(engine, save=change(engine.save)) for engine in engines("float32")]
    monkeypatch.setattr(compile_module, "engines", lambda precision: found)


def folders(place):
    return sorted(folder.name.partition("-")[0] for folder in place.iterdir())


def dygraph(network, pathways):
    with paddle.no_grad():
        return network(tuple(paddle.to_tensor(p) for p in pathways)).numpy()


def test_same_logits_for_every_batch_and_shape(network, tmp_path):
    compiled = CompiledNetwork(network, tmp_path)
    for batch, side in [(2, 16), (1, 16), (5, 16), (1, 20)]:
        got = compiled(clips(batch, side))
        expected = dygraph(network, clips(batch, side))
        assert tuple(got.shape) == expected.shape
        np.testing.assert_allclose(got.numpy(), expected, rtol=1e-4, atol=1e-5)
    assert compiled.compiled()
    assert len([d for d in tmp_path.iterdir() if is_intact(d)]) == 2 == len(list(tmp_path.iterdir()))


def test_tensors_go_in_and_come_out(network, tmp_path):
    out = CompiledNetwork(network, tmp_path)(tuple(paddle.to_tensor(p) for p in clips(1)))
    assert isinstance(out, paddle.Tensor)


def test_tracing_leaves_the_network_as_it_was(network, tmp_path):
    CompiledNetwork(network, tmp_path)(clips(1))
    assert all("forward" not in vars(layer) for layer in network.sublayers(include_self=True))


def test_a_damaged_program_is_built_again(network, tmp_path, monkeypatch):
    CompiledNetwork(network, tmp_path)(clips(1))
    (folder,) = tmp_path.iterdir()
    weights = folder / "network.pdiparams"
    weights.write_bytes(weights.read_bytes()[:-8] + b"\0" * 8)
    assert not is_intact(folder)
    np.testing.assert_allclose(
        CompiledNetwork(network, tmp_path)(clips(1)).numpy(), dygraph(network, clips(1)), rtol=1e-4, atol=1e-5
    )
    assert is_intact(folder)


def test_a_second_process_neither_compiles_nor_verifies(network, tmp_path, monkeypatch):
    CompiledNetwork(network, tmp_path)(clips(1))
    saving(monkeypatch, lambda save: lambda *_: pytest.fail("compiled again"))
    monkeypatch.setattr(compile_module, "verify", lambda *_: pytest.fail("verified again"))
    assert CompiledNetwork(network, tmp_path)(clips(2)).shape[0] == 2


def test_a_verified_program_is_loaded_before_the_first_call(network, tmp_path, monkeypatch):
    like = [np.zeros_like(p) for p in clips(1)]
    fresh = CompiledNetwork(network, tmp_path)
    fresh.prepare(like)
    assert not fresh.compiled() and not list(tmp_path.iterdir())
    expected = fresh(clips(2)).numpy()
    (folder,) = tmp_path.iterdir()
    os.utime(folder, (0, 0))
    later = CompiledNetwork(network, tmp_path)
    later.prepare(like)
    assert later.compiled() and folder.stat().st_mtime > 0  # used, so not the first to be dropped
    monkeypatch.setattr(compile_module, "Program", lambda *_: pytest.fail("loaded again"))
    np.testing.assert_array_equal(later(clips(2)).numpy(), expected)
    next(folder.glob("verified-*")).write_text("another processor")
    elsewhere = CompiledNetwork(network, tmp_path)
    elsewhere.prepare(like)
    assert not elsewhere.compiled()


def test_what_differs_has_another_digest(network):
    inputs = clips(1)
    key = network_digest(network, inputs)
    assert network_digest(network, clips(3)) == key
    assert network_digest(network, clips(1, 20)) != key
    window = Tiny(window=5)
    window.set_state_dict(network.state_dict())
    window.eval()
    assert network_digest(window, inputs) != key
    with paddle.no_grad():
        network.classifier.bias.set_value(network.classifier.bias + 1e-6)
    assert network_digest(network, inputs) != key


def test_a_wrong_program_is_not_used(network, tmp_path, monkeypatch, caplog):
    def broken(save):
        def write(net, *rest):
            saved = net.classifier.bias.numpy()
            net.classifier.bias.set_value(saved + 0.1)
            save(net, *rest)
            net.classifier.bias.set_value(saved)

        return write

    saving(monkeypatch, broken)
    compiled = CompiledNetwork(network, tmp_path)
    logging.getLogger("slowfast_paddle").propagate = True
    with caplog.at_level(logging.WARNING, logger="slowfast_paddle"):
        got = compiled(clips(2))
    assert np.array_equal(got.numpy(), dygraph(network, clips(2)))
    assert not compiled.compiled() and "differs" in caplog.text


def test_threads_share_one_compiled_network(network, tmp_path):
    compiled = CompiledNetwork(network, tmp_path)
    expected = [dygraph(network, clips(1, seed=s)) for s in range(4)]
    results = {}

    def work(seed):
        for _ in range(5):
            results[seed] = compiled(clips(1, seed=seed)).numpy()

    threads = [threading.Thread(target=work, args=(s,)) for s in range(4)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    for seed in range(4):
        np.testing.assert_allclose(results[seed], expected[seed], rtol=1e-4, atol=1e-5)


def test_a_folder_without_a_program(tmp_path):
    with pytest.raises(ExportError, match="no saved program"):
        Program(tmp_path)


def test_input_names(network, tmp_path):
    save_program(network, clips(1), 2, tmp_path)
    assert Program(tmp_path).names == ["slow", "fast"]


needs_openvino = pytest.mark.skipif(OPENVINO not in engines("float32"), reason="this Paddle carries no OpenVINO")


def test_the_first_engine_is_taken_and_leaves_nothing_behind(network, tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    CompiledNetwork(network, tmp_path / "cache")(clips(1))
    assert folders(tmp_path / "cache") == [engines("float32")[0].name.lower()]
    assert not list((tmp_path / "here").iterdir())


class Untraceable(Tiny):
    """Calls a function that Paddle 3.3 traces for oneDNN only."""

    def forward(self, pathways):
        return nn.functional.sigmoid(super().forward(pathways))


@needs_openvino
def test_an_engine_that_cannot_take_the_network_gives_way_to_the_next(tmp_path, monkeypatch):
    net = Untraceable()
    net.eval()
    for _ in range(2):
        compiled = CompiledNetwork(net, tmp_path)
        np.testing.assert_allclose(compiled(clips(2)).numpy(), dygraph(net, clips(2)), rtol=1e-4, atol=1e-5)
        assert compiled.compiled() and folders(tmp_path) == ["onednn"]
        saving(monkeypatch, lambda save: lambda *_: pytest.fail("asked again"))


@needs_openvino
def test_bfloat16_is_near_and_not_replaced(network, tmp_path, monkeypatch):
    expected = dygraph(network, clips(2))
    got = CompiledNetwork(network, tmp_path, precision="bfloat16")(clips(2)).numpy()
    assert np.abs(got - expected).max() <= OPENVINO.tolerance["bfloat16"] * max(1, np.abs(expected).max())
    net = Untraceable()
    net.eval()
    with pytest.raises(ExportError, match="test.precision=float32"):
        CompiledNetwork(net, tmp_path, precision="bfloat16")(clips(2))


def test_bfloat16_is_refused_where_nothing_computes_it(monkeypatch):
    check_precision("float32", compiled=False)
    with pytest.raises(ConfigError, match="test.precision: bfloat16: only networks compiled for the CPU"):
        check_precision("bfloat16", compiled=False)
    monkeypatch.setattr("slowfast_paddle.export.engines._cpu_flags", lambda: {"avx512f"})
    with pytest.raises(ConfigError, match="avx512_bf16 or amx_bf16"):
        check_precision("bfloat16", compiled=True)


def test_threads_with_networks_of_their_own_compile_at_once(tmp_path, caplog):
    """Tracing switches the whole of Paddle; each thread gets the fastest engine, built once."""
    networks = [Tiny() for _ in range(4)]
    for net in networks:
        net.set_state_dict(networks[0].state_dict())
        net.eval()
    expected = dygraph(networks[0], clips(1))
    compiled = [CompiledNetwork(net, tmp_path) for net in networks]
    results = {}

    def work(i):
        results[i] = compiled[i](clips(1)).numpy()

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    logging.getLogger("slowfast_paddle").propagate = True
    with caplog.at_level(logging.WARNING, logger="slowfast_paddle"):
        [t.start() for t in threads]
        [t.join() for t in threads]
    assert sorted(results) == [0, 1, 2, 3] and not caplog.text
    assert folders(tmp_path) == [engines("float32")[0].name.lower()]
    for got in results.values():
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)


def test_a_child_forked_while_a_program_runs_is_told(network, tmp_path):
    save_program(network, clips(1), 2, tmp_path)
    program = Program(tmp_path)
    program(clips(1))
    program._running = True  # as a child finds it
    with pytest.raises(ExportError, match="make the Predictor after the fork"):
        program(clips(1))


@needs_openvino
def test_programs_that_give_no_memory_back_serve_the_next_network(network, tmp_path):
    def program_of(compiled):
        compiled(clips(1))
        (program,) = compiled._programs.values()
        return program

    first = CompiledNetwork(network, tmp_path)
    one, two = program_of(first), program_of(CompiledNetwork(network, tmp_path))
    assert one is not two  # two networks that live at once do not wait for each other
    del first
    gc.collect()
    assert program_of(CompiledNetwork(network, tmp_path)) in (one, two)
