"""llama.cpp through llama-cpp-python, compiled for this machine: f32 and q8_0, the GGUF file written here as its own converter writes BERT."""
import ctypes
import json

import gguf
import llama_cpp
import numpy as np
from gguf import GGMLQuantizationType, quants
from safetensors.numpy import load_file

PRECISIONS = ("fp32", "int8")
VERSION = llama_cpp.__version__
SEQUENCES_MAX = 64
TOKENS_MAX = 4096
NAMES = {"attention.self.query": "attn_q", "attention.self.key": "attn_k", "attention.self.value": "attn_v", "attention.output.dense": "attn_output",
         "attention.output.LayerNorm": "attn_output_norm", "intermediate.dense": "ffn_up", "output.dense": "ffn_down", "output.LayerNorm": "layer_output_norm"}


def own_name(name):
    head = {"embeddings.word_embeddings": "token_embd", "embeddings.position_embeddings": "position_embd",
            "embeddings.token_type_embeddings": "token_types", "embeddings.LayerNorm": "token_embd_norm"}
    stem, kind = name.rsplit(".", 1)
    if stem in head:
        return f"{head[stem]}.{kind}"
    if not stem.startswith("encoder.layer."):
        return None
    layer, inner = stem[len("encoder.layer."):].split(".", 1)
    return f"blk.{layer}.{NAMES[inner]}.{kind}"


def add_vocabulary(w, model):
    tokenizer = json.loads((model / "tokenizer.json").read_text())
    if tokenizer["model"]["type"] != "WordPiece":
        raise SystemExit("only WordPiece is written here")
    vocabulary = tokenizer["model"]["vocab"]
    tokens = sorted(vocabulary, key=vocabulary.get)
    special = {t["content"] for t in tokenizer["added_tokens"]}
    w.add_tokenizer_model("bert")
    w.add_token_list([t if t in special else t[2:] if t.startswith("##") else "\u2581" + t for t in tokens])
    w.add_token_types([3 if t in special else 1 for t in tokens])
    w.add_token_type_count(2)
    for add, token in ((w.add_unk_token_id, "[UNK]"), (w.add_sep_token_id, "[SEP]"), (w.add_pad_token_id, "[PAD]"), (w.add_bos_token_id, "[CLS]")):
        add(vocabulary[token])


def prepare(model, precision, work, ids):
    path = work / f"{model.name}-{precision}.gguf"
    if path.exists():
        return path
    config = json.loads((model / "config.json").read_text())
    w = gguf.GGUFWriter(path.with_suffix(".part"), "bert")
    w.add_context_length(config["max_position_embeddings"])
    w.add_embedding_length(config["hidden_size"])
    w.add_feed_forward_length(config["intermediate_size"])
    w.add_block_count(config["num_hidden_layers"])
    w.add_head_count(config["num_attention_heads"])
    w.add_layer_norm_eps(config.get("layer_norm_eps", 1e-12))
    w.add_causal_attention(False)
    w.add_pooling_type(gguf.PoolingType.MEAN)
    add_vocabulary(w, model)
    for name, value in load_file(model / "model.safetensors").items():
        own = own_name(name)
        if not own:
            continue
        if precision == "int8" and own.startswith("blk.") and value.ndim == 2:
            w.add_tensor(own, quants.quantize(value.astype(np.float32), GGMLQuantizationType.Q8_0), raw_dtype=GGMLQuantizationType.Q8_0)
        else:
            w.add_tensor(own, value.astype(np.float32))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    path.with_suffix(".part").rename(path)
    return path


@llama_cpp.llama_log_callback
def silent(level, text, data):
    pass


class Engine:
    def __init__(self, path, precision, threads):
        llama_cpp.llama_log_set(silent, ctypes.c_void_p(0))
        self.model = llama_cpp.llama_model_load_from_file(str(path).encode(), llama_cpp.llama_model_default_params())
        p = llama_cpp.llama_context_default_params()
        p.n_ctx = p.n_batch = p.n_ubatch = TOKENS_MAX
        p.n_seq_max, p.embeddings, p.pooling_type = SEQUENCES_MAX, True, llama_cpp.LLAMA_POOLING_TYPE_MEAN
        p.n_threads = p.n_threads_batch = threads
        p.kv_unified = True
        self.context = llama_cpp.llama_init_from_model(self.model, p)
        self.dims = llama_cpp.llama_model_n_embd(self.model)

    def feed(self, texts):
        """Batches in its own form; more than it takes at once are several."""
        return [self.batch(texts[i:i + SEQUENCES_MAX]) for i in range(0, len(texts), SEQUENCES_MAX)]

    @staticmethod
    def batch(texts):
        b = llama_cpp.llama_batch_init(sum(map(len, texts)), 0, 1)
        at = 0
        for number, text in enumerate(texts):
            for place, token in enumerate(text):
                b.token[at], b.pos[at], b.n_seq_id[at], b.seq_id[at][0], b.logits[at] = token, place, 1, number, 1
                at += 1
        b.n_tokens = at
        return b, len(texts)

    def run(self, feed):
        rows = []
        for batch, count in feed:
            if llama_cpp.llama_encode(self.context, batch):
                raise SystemExit("llama.cpp failed")
            for i in range(count):
                rows.append(np.ctypeslib.as_array(llama_cpp.llama_get_embeddings_seq(self.context, i), (self.dims,)).copy())
        return np.stack(rows)

    def vectors(self, result, texts):
        return result
