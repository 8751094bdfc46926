"""CTranslate2: its encoder, the weights put into its own form by its specification classes."""
import json

import ctranslate2
import numpy as np
from ctranslate2.specs import common_spec, transformer_spec
from safetensors.numpy import load_file

from worker import padded, pooled

PRECISIONS = ("fp32", "int8")
VERSION = ctranslate2.__version__
TYPES = {"fp32": "float32", "int8": "int8_float32"}


def spec(model):
    config, weights = json.loads((model / "config.json").read_text()), load_file(model / "model.safetensors")
    encoder = transformer_spec.TransformerEncoderSpec(
        config["num_hidden_layers"], config["num_attention_heads"], pre_norm=False, activation=common_spec.Activation.GELU,
        layernorm_embedding=True, num_source_embeddings=2, embeddings_merge=common_spec.EmbeddingsMerge.ADD)
    encoder.scale_embeddings = False

    def tensor(name):
        return weights[name].astype(np.float32)

    def linear(to, *names):
        to.weight = np.concatenate([tensor(n + ".weight") for n in names])
        to.bias = np.concatenate([tensor(n + ".bias") for n in names])

    def norm(to, name):
        to.gamma, to.beta = tensor(name + ".weight"), tensor(name + ".bias")

    encoder.embeddings[0].weight = tensor("embeddings.word_embeddings.weight")
    encoder.embeddings[1].weight = tensor("embeddings.token_type_embeddings.weight")
    encoder.position_encodings.encodings = tensor("embeddings.position_embeddings.weight")
    norm(encoder.layernorm_embedding, "embeddings.LayerNorm")
    for i, layer in enumerate(encoder.layer):
        p = f"encoder.layer.{i}."
        linear(layer.self_attention.linear[0], *(f"{p}attention.self.{n}" for n in ("query", "key", "value")))
        linear(layer.self_attention.linear[1], p + "attention.output.dense")
        norm(layer.self_attention.layer_norm, p + "attention.output.LayerNorm")
        linear(layer.ffn.linear_0, p + "intermediate.dense")
        linear(layer.ffn.linear_1, p + "output.dense")
        norm(layer.ffn.layer_norm, p + "output.LayerNorm")
    whole = transformer_spec.TransformerEncoderModelSpec(encoder)
    whole.register_vocabulary([f"t{i}" for i in range(config["vocab_size"])])
    whole.config.unk_token = "t0"
    whole.config.layer_norm_epsilon = config.get("layer_norm_eps", 1e-12)
    return whole


def prepare(model, precision, work, ids):
    folder = work / f"{model.name}-ctranslate2"
    if not (folder / "model.bin").exists():
        folder.mkdir(exist_ok=True)
        whole = spec(model)
        whole.validate()
        whole.optimize()
        whole.save(str(folder))
    return folder


class Engine:
    def __init__(self, folder, precision, threads):
        self.encoder = ctranslate2.Encoder(str(folder), device="cpu", compute_type=TYPES[precision], inter_threads=1, intra_threads=threads)

    def feed(self, texts):
        ids, mask = padded(texts)
        return ids, mask.sum(1).astype(np.int32)

    def run(self, feed):
        ids, lengths = (ctranslate2.StorageView.from_array(a) for a in feed)
        return self.encoder.forward_batch(ids, lengths)

    def vectors(self, result, texts):
        return pooled(np.array(result.last_hidden_state), texts)
