"""ONNX Runtime: the graph with its own fused operators (what its transformers optimiser makes), and its dynamic int8 quantisation of it."""
import pathlib
import sys

import numpy as np
import onnxruntime as ort

from worker import padded, pooled

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "quality"))
import onnx_reference  # noqa: E402

PRECISIONS = ("fp32", "int8")


def prepare(model, precision, work, ids):
    fp32, int8 = work / f"{model.name}.onnx", work / f"{model.name}-int8.onnx"
    if not fp32.exists():
        onnx_reference.build(model, fp32)
    if precision == "int8" and not int8.exists():
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic
        quantize_dynamic(fp32, int8, op_types_to_quantize=["MatMul", "Attention"], per_channel=True, weight_type=QuantType.QInt8, extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT})
    return int8 if precision == "int8" else fp32


class Engine:
    def __init__(self, path, precision, threads):
        self.session = onnx_reference.Reference(path, threads).session

    def feed(self, texts):
        ids, mask = padded(texts)
        return {"ids": ids, "mask": mask, "positions": np.arange(ids.shape[1], dtype=np.int32)}

    def run(self, feed):
        return self.session.run(None, feed)[0]

    def vectors(self, result, texts):
        return pooled(result, texts)


VERSION = ort.__version__
