"""The peer: a BERT directory as an ONNX graph for ONNX Runtime, made at test time from the safetensors.

The graph uses the fused operators that onnxruntime.transformers.optimizer makes of an exported model
(Attention, SkipLayerNormalization, BiasGelu), so it is as fast as ONNX Runtime gets at fp32.
"""
import json
import pathlib

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper
from safetensors.numpy import load_file

MS = "com.microsoft"


def build(model_dir, path):
    model_dir = pathlib.Path(model_dir)
    config = json.loads((model_dir / "config.json").read_text())
    weights = load_file(model_dir / "model.safetensors")
    hidden, heads, layers = (config[k] for k in ("hidden_size", "num_attention_heads", "num_hidden_layers"))
    epsilon = config.get("layer_norm_eps", 1e-12)
    nodes, constants = [], []

    def constant(name, value):
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def tensor(name):
        return constant(name, weights[name].astype(np.float32))

    def node(op, inputs, output, domain="", **attributes):
        nodes.append(helper.make_node(op, inputs, [output], domain=domain, **attributes))
        return output

    def norm(prefix):
        return [tensor(prefix + ".LayerNorm.weight"), tensor(prefix + ".LayerNorm.bias")]

    words = node("Gather", [tensor("embeddings.word_embeddings.weight"), "ids"], "words")
    row = weights["embeddings.position_embeddings.weight"] + weights["embeddings.token_type_embeddings.weight"][0]
    places = node("Gather", [constant("positions_and_type", row.astype(np.float32)), "positions"], "places")
    x = node("Add", [words, places], "embedded")
    x = node("LayerNormalization", [x] + norm("embeddings"), "x0", epsilon=epsilon)
    for i in range(layers):
        p = f"encoder.layer.{i}."
        parts = [weights[p + f"attention.self.{k}.weight"].T for k in ("query", "key", "value")]
        biases = [weights[p + f"attention.self.{k}.bias"] for k in ("query", "key", "value")]
        qkv = constant(p + "qkv", np.concatenate(parts, 1).astype(np.float32))
        bias = constant(p + "qkv_bias", np.concatenate(biases).astype(np.float32))
        a = node("Attention", [x, qkv, bias, "mask"], p + "a", MS, num_heads=heads)

        def product(name, of, out):
            return node("MatMul", [of, constant(p + name, weights[p + name + ".weight"].T.astype(np.float32))], p + out)

        o = product("attention.output.dense", a, "o")
        x = node("SkipLayerNormalization", [o, x] + norm(p + "attention.output")
                 + [tensor(p + "attention.output.dense.bias")], p + "n1", MS, epsilon=epsilon)
        u = product("intermediate.dense", x, "u")
        g = node("BiasGelu", [u, tensor(p + "intermediate.dense.bias")], p + "g", MS)
        d = product("output.dense", g, "d")
        x = node("SkipLayerNormalization", [d, x] + norm(p + "output") + [tensor(p + "output.dense.bias")],
                 p + "n2", MS, epsilon=epsilon)
    graph = helper.make_graph(
        nodes, "bert",
        [helper.make_tensor_value_info("ids", TensorProto.INT32, ["b", "s"]),
         helper.make_tensor_value_info("positions", TensorProto.INT32, ["s"]),
         helper.make_tensor_value_info("mask", TensorProto.INT32, ["b", "s"])],
        [helper.make_tensor_value_info(x, TensorProto.FLOAT, ["b", "s", hidden])], constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid(MS, 1)])
    model.ir_version = 9
    onnx.save(model, str(path))


class Reference:
    def __init__(self, path, threads=1):
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
        self.session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def block(self, texts):
        """Texts (lists of ids) as one padded batch -> [count, dims], mean pooled, length 1."""
        width = max(map(len, texts))
        ids = np.zeros((len(texts), width), np.int32)
        mask = np.zeros((len(texts), width), np.int32)
        for i, t in enumerate(texts):
            ids[i, :len(t)] = t
            mask[i, :len(t)] = 1
        positions = np.arange(width, dtype=np.int32)
        x = self.session.run(None, {"ids": ids, "positions": positions, "mask": mask})[0]
        v = np.einsum("bsh,bs->bh", x, mask.astype(np.float32))
        return v / np.linalg.norm(v, axis=1, keepdims=True)

    def embed(self, texts, tokens=256):
        """All texts, in blocks of about `tokens` sorted by length, in their own order."""
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        out, at = [None] * len(texts), 0
        while at < len(order):
            end = at + 1
            while end < len(order) and (end + 1 - at) * len(texts[order[end]]) <= tokens:
                end += 1
            for i, v in zip(order[at:end], self.block([texts[i] for i in order[at:end]])):
                out[i] = v
            at = end
        return np.stack(out)
