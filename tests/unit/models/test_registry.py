"""Networks and heads of a user's own file."""

import paddle
import pytest

from slowfast_paddle.config.load import load_config
from slowfast_paddle.config.model import HeadConfig, ModelConfig
from slowfast_paddle.errors import ConfigError
from slowfast_paddle.models import presets, registry


@pytest.fixture
def clean(monkeypatch):
    """Registrations of a test end with it."""
    monkeypatch.setattr(registry, "_ARCHITECTURES", dict(registry._ARCHITECTURES))
    monkeypatch.setattr(registry, "_HEADS", dict(registry._HEADS))


def test_a_users_architecture_and_head_build_without_editing_the_package(clean):
    @registry.register_architecture("narrow")
    def narrow(config, num_frames, crop):
        return presets.slow(config.model_copy(update={"width": int(config.options["channels"])}), num_frames, crop)

    @registry.register_head("mean")
    class MeanHead(paddle.nn.Layer):
        def __init__(self, spec, norm):
            super().__init__()
            self.classifier = paddle.nn.Linear(sum(spec.in_channels), spec.num_classes)

        def forward(self, maps):
            return self.classifier(maps[0].mean([2, 3, 4]))

    assert "narrow" in registry.list_models()
    config = ModelConfig(architecture="narrow", num_classes=3, options={"channels": 8}, head=HeadConfig(kind="mean"))
    model = registry.build_model(config, 4, 64)
    assert model((paddle.zeros([1, 3, 4, 64, 64]),)).shape == [1, 3]


def test_a_taken_name_is_refused(clean):
    with pytest.raises(ConfigError, match="architecture 'slow' is registered already"):
        registry.register_architecture("slow")(lambda config, num_frames, crop: None)


def test_an_unknown_head_names_the_field():
    with pytest.raises(ConfigError, match="model.head.kind: 'clasification' is unknown; did you mean 'classification'"):
        registry.build_model(ModelConfig(width=8, head=HeadConfig(kind="clasification")), 32, 64)


def test_every_listed_name_loads():
    names = registry.list_models()
    assert len(names) == len(set(names))
    assert {"slowfast_4x16_r50", "x3d_m", "fast"} <= set(names)
    assert load_config("slowfast_8x8_r50").model.alpha == 4
