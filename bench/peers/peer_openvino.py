"""OpenVINO: the encoder in its own operators (scaled dot product attention as one), fp32, bf16 by its hint, and int8 by NNCF's post-training
quantisation for transformers (SmoothQuant inside), calibrated on the texts that are measured."""
import json

import numpy as np
import openvino as ov
from openvino import opset14 as op
from safetensors.numpy import load_file

from worker import padded, pooled

PRECISIONS = ("fp32", "bf16", "int8")
VERSION = ov.__version__
CALIBRATION_TEXTS = 300


def graph(model):
    config, weights = json.loads((model / "config.json").read_text()), load_file(model / "model.safetensors")
    hidden, heads, layers = (config[k] for k in ("hidden_size", "num_attention_heads", "num_hidden_layers"))
    epsilon = config.get("layer_norm_eps", 1e-12)
    ids, mask = (op.parameter([-1, -1], np.int32, name=n) for n in ("ids", "mask"))
    positions = op.parameter([-1], np.int32, name="positions")
    axis, zero = op.constant(np.array([-1], np.int64)), op.constant(np.int64(0))
    order = op.constant(np.array([0, 2, 1, 3]))
    split, joined = op.constant(np.array([0, 0, heads, hidden // heads])), op.constant(np.array([0, 0, hidden]))

    def tensor(name):
        return op.constant(weights[name].astype(np.float32))

    def linear(x, name):
        return op.add(op.matmul(x, tensor(name + ".weight"), False, True), tensor(name + ".bias"))

    def norm(x, name):
        return op.add(op.multiply(op.mvn(x, axis, True, epsilon, "inside_sqrt"), tensor(name + ".weight")), tensor(name + ".bias"))

    def divided(x):
        return op.transpose(op.reshape(x, split, True), order)

    kind = weights["embeddings.token_type_embeddings.weight"][0]
    places = op.constant((weights["embeddings.position_embeddings.weight"] + kind).astype(np.float32))
    x = norm(op.add(op.gather(tensor("embeddings.word_embeddings.weight"), ids, zero), op.gather(places, positions, zero)), "embeddings.LayerNorm")
    seen = op.unsqueeze(op.convert(mask, "boolean"), op.constant(np.array([1, 2])))
    for i in range(layers):
        p = f"encoder.layer.{i}."
        q, k, v = (divided(linear(x, p + "attention.self." + n)) for n in ("query", "key", "value"))
        a = op.scaled_dot_product_attention(q, k, v, seen)
        a = op.reshape(op.transpose(a, order), joined, True)
        x = norm(op.add(linear(a, p + "attention.output.dense"), x), p + "attention.output.LayerNorm")
        up = op.gelu(linear(x, p + "intermediate.dense"), "erf")
        x = norm(op.add(linear(up, p + "output.dense"), x), p + "output.LayerNorm")
    return ov.Model([op.result(x)], [ids, mask, positions], "bert")


def feed_of(texts):
    ids, mask = padded(texts)
    return {"ids": ids, "mask": mask, "positions": np.arange(ids.shape[1], dtype=np.int32)}


def quantised(model, ids):
    import nncf
    texts = ids[::max(1, len(ids) // CALIBRATION_TEXTS)][:CALIBRATION_TEXTS]
    return nncf.quantize(graph(model), nncf.Dataset([feed_of([t]) for t in texts]), model_type=nncf.ModelType.TRANSFORMER, subset_size=len(texts))


def prepare(model, precision, work, ids):
    path = work / f"{model.name}-openvino-{'int8' if precision == 'int8' else 'fp32'}.xml"
    if not path.exists():
        ov.save_model(quantised(model, ids) if precision == "int8" else graph(model), path, compress_to_fp16=False)
    return path


class Engine:
    def __init__(self, path, precision, threads):
        hint = {"fp32": "f32", "bf16": "bf16", "int8": "bf16" if "BF16" in ov.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES") else "f32"}
        compiled = ov.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": hint[precision], "INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1,
                                                         "PERFORMANCE_HINT": "LATENCY", "ENABLE_CPU_PINNING": False})
        self.request = compiled.create_infer_request()

    def feed(self, texts):
        return feed_of(texts)

    def run(self, feed):
        return self.request.infer(feed, share_inputs=True, share_outputs=True)[0]

    def vectors(self, result, texts):
        return pooled(result, texts)
