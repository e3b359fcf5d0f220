"""What every tuner must pass: what peft asks of its own."""

from __future__ import annotations

import copy
import subprocess
import sys

import peft
import pytest
import torch
from torch import nn

from common.errors import InvalidInputError
from tests.adapters.models import Net, stir


def bert():
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=32,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=16,
    )
    return BertModel(config).eval()


def gpt2(**settings):
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    return GPT2LMHeadModel(
        GPT2Config(vocab_size=32, n_positions=16, n_embd=16, n_layer=2, n_head=2, **settings)
    ).eval()


IDS = torch.arange(10).view(2, 5)


class TunerContract:
    """Derive, and say how a configuration is made and how many numbers it trains."""

    module: str  # that registers the tuner
    starts_at_zero = True
    shares = False  # whether the adapters of a model share what is frozen

    def config(self, **settings):
        raise NotImplementedError

    def numbers(self, shape: tuple[int, ...]) -> int:
        raise NotImplementedError

    def adapted(self, model: nn.Module, **settings):
        wrapped = peft.get_peft_model(model, self.config(**settings))
        return wrapped, [m for m in wrapped.modules() if hasattr(m, "dropouts")]

    def stirred(self, model: nn.Module, seed: int = 1, **settings):
        wrapped, layers = self.adapted(model, **settings)
        stir([layer.adapters for layer in layers], seed)
        return wrapped

    def net(self, **settings):
        torch.manual_seed(0)
        base = Net()
        before = copy.deepcopy(base.state_dict())
        return self.stirred(base, target_modules=["first", "second"], **settings), before

    def test_the_model_is_unchanged_at_the_start(self):
        model = bert()
        before = model(IDS).last_hidden_state
        wrapped, layers = self.adapted(model, target_modules=["query", "value"])
        assert len(layers) == 4
        if self.starts_at_zero:
            after = wrapped(IDS).last_hidden_state
            torch.testing.assert_close(after, before, rtol=1e-5, atol=1e-5)

    def test_numbers_and_gradients(self):
        wrapped, layers = self.adapted(bert(), target_modules=["query", "output.dense"])
        stir([layer.adapters for layer in layers])
        expected = sum(self.numbers(layer.site.shape) for layer in layers)
        assert wrapped.get_nb_trainable_parameters()[0] == expected
        wrapped(IDS).last_hidden_state.square().sum().backward()
        for name, parameter in wrapped.named_parameters():
            assert (parameter.grad is not None) == parameter.requires_grad, name

    def test_transformers_conv1d(self):
        model = gpt2()
        before = model(IDS).logits
        wrapped = self.stirred(model, target_modules=["c_attn", "c_fc"])
        after = wrapped(IDS).logits
        assert not torch.allclose(after, before)
        merged = wrapped.merge_and_unload()
        torch.testing.assert_close(merged(IDS).logits, after, rtol=1e-4, atol=1e-4)

    def test_merged_unmerged_unloaded(self):
        wrapped, before = self.net()
        x = torch.randn(4, 6)
        expected = wrapped.eval()(x)
        wrapped.merge_adapter(safe_merge=True)
        torch.testing.assert_close(wrapped(x), expected, rtol=1e-5, atol=1e-5)
        wrapped.unmerge_adapter()
        torch.testing.assert_close(wrapped(x), expected, rtol=1e-5, atol=1e-5)
        weight = wrapped.base_model.model.first.base_layer.weight
        torch.testing.assert_close(weight, before["first.weight"], rtol=1e-6, atol=1e-6)
        merged = copy.deepcopy(wrapped).merge_and_unload()
        assert type(merged.first) is nn.Linear
        torch.testing.assert_close(merged(x), expected, rtol=1e-5, atol=1e-5)

    def test_unloaded_is_the_base_bit_for_bit(self):
        wrapped, before = self.net()
        after = wrapped.unload().state_dict()
        assert before.keys() == after.keys()
        assert all(torch.equal(before[key], after[key]) for key in before)

    def test_disabled_is_the_base(self):
        torch.manual_seed(0)
        base = Net()
        plain = copy.deepcopy(base)
        wrapped = self.stirred(base, target_modules=["first"])
        x = torch.randn(4, 6)
        with wrapped.disable_adapter():
            assert torch.equal(wrapped(x), plain(x))
        assert not torch.allclose(wrapped(x), plain(x))

    def test_two_adapters_are_independent(self):
        wrapped, _ = self.net()
        x = torch.randn(4, 6)
        first = wrapped(x)
        wrapped.add_adapter("other", self.config(target_modules=["first", "second"]))
        assert torch.equal(wrapped(x), first)
        assert all(
            p.requires_grad == (".default." in n)
            for n, p in wrapped.named_parameters()
            if "structlab" in n
        )
        wrapped.set_adapter("other")
        other = [m.adapters["other"] for m in wrapped.modules() if hasattr(m, "dropouts")]
        stir(other, seed=5)
        assert not torch.allclose(wrapped(x), first)
        assert all(p.requires_grad for adapter in other for p in adapter.parameters())
        wrapped.set_adapter("default")
        assert torch.equal(wrapped(x), first)
        wrapped.delete_adapter("other")
        assert torch.equal(wrapped(x), first)

    def test_both_adapters_at_once(self):
        wrapped, before = self.net()
        wrapped.add_adapter("other", self.config(target_modules=["first", "second"]))
        stir([m.adapters["other"] for m in wrapped.modules() if hasattr(m, "dropouts")], seed=5)
        wrapped.base_model.set_adapter(["default", "other"])
        layer = wrapped.base_model.model.first
        change = layer.get_delta_weight("default") + layer.get_delta_weight("other")
        x = torch.randn(4, 6)
        expected = x @ (before["first.weight"] + change).mT + before["first.bias"]
        torch.testing.assert_close(layer(x), expected, rtol=1e-5, atol=1e-5)

    def test_saved_and_loaded(self, tmp_path):
        wrapped, before = self.net(modules_to_save=["head"])
        with torch.no_grad():
            wrapped.base_model.model.head.modules_to_save["default"].weight += 1
        x = torch.randn(4, 6)
        wrapped.save_pretrained(tmp_path)
        base = Net()
        base.load_state_dict(before)
        again = peft.PeftModel.from_pretrained(base, tmp_path)
        assert torch.equal(again(x), wrapped(x))
        assert not any(p.requires_grad for p in again.parameters())

    def test_trained_biases_are_saved(self, tmp_path):
        wrapped, before = self.net(bias="adapted_only")
        biases = [p for n, p in wrapped.named_parameters() if n.endswith("base_layer.bias")]
        assert biases
        with torch.no_grad():
            for bias in biases:
                bias += 1
        x = torch.randn(4, 6)
        wrapped.save_pretrained(tmp_path)
        base = Net()
        base.load_state_dict(before)
        again = peft.PeftModel.from_pretrained(base, tmp_path)
        assert torch.equal(again(x), wrapped(x))

    def test_loaded_with_little_memory(self, tmp_path):
        wrapped, before = self.net()
        x = torch.randn(4, 6)
        wrapped.save_pretrained(tmp_path)
        base = Net()
        base.load_state_dict(before)
        again = peft.PeftModel.from_pretrained(base, tmp_path, low_cpu_mem_usage=True)
        assert not any(tensor.is_meta for tensor in (*again.parameters(), *again.buffers()))
        assert torch.equal(again(x), wrapped(x))

    def test_injected_without_a_wrapper(self):
        """peft refuses it where adapters share what is frozen."""
        base, x = Net(), torch.randn(4, 6)
        config = self.config(target_modules=["first"])
        _, layers = self.adapted(Net(), target_modules=["first"])
        (layer,) = layers
        if self.shares:
            with pytest.raises(ValueError, match="shared"):
                peft.inject_adapter_in_model(config, base)
            return
        expected = base(x)
        injected = peft.inject_adapter_in_model(config, base)
        torch.testing.assert_close(injected(x), expected)
        assert type(injected.first) is type(layer)

    def test_a_layer_keeps_its_mode_and_its_input(self):
        wrapped, _ = self.net(dropout=0.5)
        assert wrapped.train().base_model.model.first.dropouts["default"].training
        base = Net().eval()
        _, layers = self.adapted(base, target_modules=["first"], dropout=0.5)
        assert not layers[0].dropouts["default"].training
        with pytest.raises(InvalidInputError, match="takes its input alone; given besides: scale"):
            layers[0](torch.randn(2, 6), scale=2.0)

    @pytest.mark.slow
    def test_loaded_in_a_fresh_process(self, tmp_path):
        wrapped, before = self.net()
        x = torch.randn(4, 6)
        wrapped.save_pretrained(tmp_path)
        torch.save((before, x, wrapped(x)), tmp_path / "base.pt")
        code = (
            f"import torch, peft, {self.module}\n"
            f"from tests.adapters.models import Net\n"
            f"before, x, y = torch.load({str(tmp_path / 'base.pt')!r})\n"
            f"base = Net(); base.load_state_dict(before)\n"
            f"model = peft.PeftModel.from_pretrained(base, {str(tmp_path)!r})\n"
            f"assert torch.equal(model(x), y)\n"
        )
        subprocess.run([sys.executable, "-c", code], check=True)

    def test_the_file_holds_what_is_trained(self, tmp_path):
        from safetensors.torch import load_file

        wrapped, _ = self.net()
        wrapped.save_pretrained(tmp_path)
        state = load_file(tmp_path / "adapter_model.safetensors")
        trained = wrapped.get_nb_trainable_parameters()[0]
        floats = sum(v.numel() for v in state.values() if v.is_floating_point())
        assert floats == trained

    def test_another_shape_is_refused(self, tmp_path):
        wrapped, _ = self.net()
        wrapped.save_pretrained(tmp_path)
        other = Net()
        other.first, other.second = nn.Linear(6, 5), nn.Linear(5, 8)
        with pytest.raises((RuntimeError, InvalidInputError), match=r"size mismatch|another"):
            peft.PeftModel.from_pretrained(other, tmp_path)

    def test_another_method_is_refused(self, tmp_path):
        torch.manual_seed(0)
        lora = peft.get_peft_model(Net(), peft.LoraConfig(target_modules=["first"], r=1))
        lora.save_pretrained(tmp_path)
        wrapped, _ = self.net()
        with pytest.raises(ValueError, match="Cannot combine adapters with different peft types"):
            wrapped.load_adapter(tmp_path, "other")

    def test_a_base_in_half_precision(self):
        wrapped = self.stirred(bert().bfloat16(), target_modules=["query"])
        assert wrapped(IDS).last_hidden_state.dtype == torch.bfloat16
        trained = [p for p in wrapped.parameters() if p.requires_grad]
        assert all(p.dtype == torch.float32 for p in trained)
        kept = peft.get_peft_model(
            bert().bfloat16(), self.config(target_modules=["query"]), autocast_adapter_dtype=False
        )
        assert all(p.dtype == torch.bfloat16 for p in kept.parameters())
        kept(IDS).last_hidden_state.float().sum().backward()

    def test_gradient_checkpointing(self):
        wrapped = self.stirred(bert(), target_modules=["query", "value"]).train()
        for module in wrapped.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        wrapped(IDS).last_hidden_state.square().sum().backward()
        plain = {n: p.grad for n, p in wrapped.named_parameters() if p.requires_grad}
        wrapped.zero_grad()
        wrapped.enable_input_require_grads()
        wrapped.gradient_checkpointing_enable({"use_reentrant": False})
        wrapped(IDS).last_hidden_state.square().sum().backward()
        for name, parameter in wrapped.named_parameters():
            if parameter.requires_grad:
                torch.testing.assert_close(parameter.grad, plain[name])

    def test_modules_to_save_bias_and_patterns(self):
        wrapped, layers = self.adapted(
            bert(), target_modules=r".*layer\.1.*\.(query|value)", bias="adapted_only"
        )
        assert len(layers) == 2
        trained = [n for n, p in wrapped.named_parameters() if p.requires_grad]
        assert sum(n.endswith("base_layer.bias") for n in trained) == 2
        _, layers = self.adapted(bert(), target_modules=["query"], layers_to_transform=[0])
        assert len(layers) == 1
        _, layers = self.adapted(gpt2(), target_modules="all-linear")
        assert len(layers) == 8

    def test_dropout_is_on_the_side_path_alone(self):
        wrapped, _ = self.net(dropout=0.5)
        x = torch.randn(4, 6)
        wrapped.train()
        assert not torch.equal(wrapped(x), wrapped(x))
        wrapped.eval()
        assert torch.equal(wrapped(x), wrapped(x))

    def test_mistakes_are_told(self):
        with pytest.raises(ValueError, match="not found in the base model"):
            self.adapted(Net(), target_modules=["third"])
        with pytest.raises(InvalidInputError, match="shares its weight with"):
            self.adapted(gpt2(), target_modules=["lm_head"])
        with pytest.raises(InvalidInputError, match=r"dropout=1"):
            self.config(target_modules=["first"], dropout=1.0)
        with pytest.raises(InvalidInputError, match="bias='some'"):
            self.config(target_modules=["first"], bias="some")
        with pytest.raises(InvalidInputError, match="is a LayerNorm"):
            self.adapted(bert(), target_modules=["LayerNorm"])
        whole = Net()
        whole.first.weight = nn.Parameter(torch.ones(8, 6, dtype=torch.int8), requires_grad=False)
        with pytest.raises(InvalidInputError, match=r"torch\.int8"):
            self.adapted(whole, target_modules=["first"])
        assert type(whole.first) is nn.Linear

    def test_merging_twice_and_training_after_a_merge(self):
        wrapped, _ = self.net()
        x = torch.randn(4, 6)
        wrapped.eval()
        expected = wrapped(x)
        wrapped.merge_adapter()
        with pytest.warns(UserWarning, match="already merged"):
            wrapped.merge_adapter()
        torch.testing.assert_close(wrapped(x), expected, rtol=1e-5, atol=1e-5)
        with pytest.raises(InvalidInputError, match="training step would not reach"):
            wrapped.train()(x)
        with pytest.raises(InvalidInputError, match="holds a merged adapter"):
            wrapped.add_adapter("other", self.config(target_modules=["first"]))

    def test_a_change_that_is_not_finite_is_not_merged_when_safe(self):
        wrapped, before = self.net()
        stir([m.adapters for m in wrapped.modules() if hasattr(m, "dropouts")], size=float("inf"))
        with pytest.raises(InvalidInputError, match="not finite"):
            wrapped.merge_adapter(safe_merge=True)
        weight = wrapped.base_model.model.first.base_layer.weight
        assert torch.equal(weight, before["first.weight"])

    def test_the_configuration_survives_json(self, tmp_path):
        config = self.config(target_modules=["first"])
        config.save_pretrained(tmp_path)
        again = type(config).from_pretrained(tmp_path)
        assert again.to_dict() == config.to_dict()
        assert again.method() == config.method()
