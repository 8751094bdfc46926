"""A query's vector as the peers make it: ONNX Runtime, int8, two threads, one query at a time."""
import numpy as np
import onnxruntime
import tokenizers


class QueryVector:
    def __init__(self, model_dir, onnx_file):
        self.tokenizer = tokenizers.Tokenizer.from_file(f"{model_dir}/tokenizer.json")
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(256)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        self.session = onnxruntime.InferenceSession(onnx_file, options, providers=["CPUExecutionProvider"])

    def __call__(self, text):
        ids = np.array([self.tokenizer.encode(text).ids], dtype=np.int32)
        feeds = {"ids": ids, "positions": np.arange(ids.shape[1], dtype=np.int32), "mask": np.ones_like(ids)}
        mean = self.session.run(None, feeds)[0][0].mean(axis=0)
        return mean / np.linalg.norm(mean)
