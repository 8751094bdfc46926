"""An engine in one piece as a peer: Qdrant Edge (its own HNSW, and its own BM25 as sparse vectors with its inverted index and live idf),
fed with the same vectors. A search is one request to it: the 100 nearest by HNSW (m 16, ef 100) and the 100 best by BM25 (its English
tokenizer, stop words and stemmer), fused by its reciprocal ranks, 10 payloads. The query's vector is ONNX Runtime's, the server FastAPI and
uvicorn, as in stack.py, since Edge has neither. usage: edge.py MODEL_DIR ONNX_INT8 VECTORS.npy DOCUMENTS.jsonl PORT"""
import json, sys, tempfile

import fastapi, numpy as np, qdrant_edge as q, uvicorn

from query_vector import QueryVector

model_dir, onnx_file, vectors_file, documents_file, port = sys.argv[1:6]
documents = [json.loads(line) for line in open(documents_file)]
vectors = np.load(vectors_file)
embed = QueryVector(model_dir, onnx_file)

mean = sum(len(d["text"].split()) for d in documents) / len(documents)
words = q.Bm25(q.Bm25Config(language="english", avg_len=mean))
folder = tempfile.TemporaryDirectory()
shard = q.EdgeShard.create(folder.name, q.EdgeConfig(
    vectors={"meaning": q.EdgeVectorParams(size=vectors.shape[1], distance=q.Distance.Dot, memory=q.Memory.Cached)},
    sparse_vectors={"words": q.EdgeSparseVectorParams(modifier=q.Modifier.Idf)},
    payload_memory=q.Memory.Cached,
    hnsw_config=q.HnswIndexConfig(m=16, ef_construct=200, full_scan_threshold=10),
    optimizers=q.EdgeOptimizersConfig(indexing_threshold=10, default_segment_number=1)))
for at in range(0, len(documents), 1000):
    shard.update(q.UpdateOperation.upsert_points([
        q.Point(id=at + i, vector={"meaning": vectors[at + i].tolist(), "words": words.embed_document(d["text"])}, payload=d)
        for i, d in enumerate(documents[at:at + 1000])]))
shard.flush()
while shard.optimize():
    pass
print(f"edge: {shard.info()}", file=sys.stderr, flush=True)

app = fastapi.FastAPI()


@app.get("/search")
def search(q_text: str = fastapi.Query(alias="q"), limit: int = 10):
    found = shard.query(q.QueryRequest(
        limit=limit, query=q.Fusion.Rrf(k=60), with_payload=True,
        prefetches=[q.Prefetch(limit=100, query=q.Query.Nearest(embed(q_text).tolist(), using="meaning"), params=q.SearchParams(hnsw_ef=100)),
                    q.Prefetch(limit=100, query=q.Query.Nearest(words.embed_query(q_text), using="words"))]))
    return {"data": [{"score": p.score, "document": p.payload} for p in found]}


uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning", access_log=False)
