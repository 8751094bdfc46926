"""The unmodified clients of Text Embeddings Inference against akin. LlamaIndex's only where it is installed."""
import asyncio

import pytest

hub = pytest.importorskip("huggingface_hub")


@pytest.mark.parametrize("path", ["", "/embed"])  # an address alone is asked at /
def test_huggingface_hub(server, path):
    right = server.post("/embed", {"inputs": ["pumpkin soup", "a tram"]})
    client = hub.InferenceClient(model=server.url + path)
    one, both = client.feature_extraction("pumpkin soup"), client.feature_extraction(["pumpkin soup", "a tram"])
    assert one.shape == (1, len(right[0])) and both.shape == (2, len(right[0]))
    for got, wanted in zip((one[0], *both), (right[0], *right)):
        assert got.tolist() == pytest.approx(wanted, abs=1e-6)
    assert client.feature_extraction("x", normalize=True, truncate=True, truncation_direction="Right").shape == one.shape
    assert client.feature_extraction("x", dimensions=8).shape == (1, 8)
    long = "word " * (server.get("/info")["max_input_length"] + 10)
    assert client.feature_extraction(long, truncate=True).shape == one.shape
    with pytest.raises(hub.errors.HfHubHTTPError) as e:
        client.feature_extraction(long)
    assert e.value.response.status_code == 413 and "truncate" in e.value.server_message
    assert asyncio.run(hub.AsyncInferenceClient(model=server.url + path).feature_extraction("pumpkin soup")).shape == one.shape


def test_huggingface_hub_compares(server):
    same, other = hub.InferenceClient(model=server.url + "/similarity").sentence_similarity(
        "soup of pumpkins", other_sentences=["soup of pumpkins", "a tram"])
    assert same == pytest.approx(1, abs=1e-4) and other < same


def test_huggingface_hub_sends_a_key(make_server):
    s = make_server(env={"AKIN_SERVER__ADMIN_KEY": "a-key-of-the-test-0123456789"})
    assert hub.InferenceClient(model=s.url, token="a-key-of-the-test-0123456789").feature_extraction("x").shape[0] == 1
    with pytest.raises(hub.errors.HfHubHTTPError) as e:
        hub.InferenceClient(model=s.url, token="hf_another").feature_extraction("x")
    assert e.value.response.status_code == 401


def test_llama_index(server):
    module = pytest.importorskip("llama_index.embeddings.text_embeddings_inference")
    client = module.TextEmbeddingsInference(model_name="akin", base_url=server.url)
    right = server.post("/embed", {"inputs": ["pumpkin soup", "a tram"]})
    assert client.get_query_embedding("pumpkin soup") == pytest.approx(right[0], abs=1e-6)
    assert client.get_text_embedding_batch(["pumpkin soup", "a tram"])[1] == pytest.approx(right[1], abs=1e-6)
