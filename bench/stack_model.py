"""The stack's model: ONNX Runtime's dynamic int8 quantisation of the fp32 graph that the quality tests compare with."""
import pathlib, sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests" / "quality"))


def int8_model(model_dir, folder):
    path = pathlib.Path(folder) / "stack-int8.onnx"
    if not path.exists():
        import onnx
        from onnxruntime.quantization import QuantType, quantize_dynamic
        import onnx_reference
        onnx_reference.build(model_dir, f"{path}.fp32")
        quantize_dynamic(f"{path}.fp32", path, weight_type=QuantType.QInt8, extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT})
    return path
