"""What a user would assemble today, as a peer: FastAPI, uvicorn, ONNX Runtime int8 on two threads, hnswlib, tantivy, reciprocal
rank fusion. usage: stack.py MODEL_DIR ONNX_INT8 VECTORS.npy DOCUMENTS.jsonl PORT"""
import json, sys

import fastapi, hnswlib, numpy as np, tantivy, uvicorn

from query_vector import QueryVector

model_dir, onnx_file, vectors_file, documents_file, port = sys.argv[1:6]
documents = [json.loads(line) for line in open(documents_file)]
vectors = np.load(vectors_file)

embed = QueryVector(model_dir, onnx_file)

graph = hnswlib.Index(space="ip", dim=vectors.shape[1])
graph.init_index(max_elements=len(vectors), M=16, ef_construction=200)
graph.add_items(vectors, num_threads=2)
graph.set_ef(100)

schema = tantivy.SchemaBuilder().add_unsigned_field("n", stored=True).add_text_field("text", tokenizer_name="en_stem").build()
words = tantivy.Index(schema)
writer = words.writer(200_000_000)
for n, d in enumerate(documents):
    writer.add_document(tantivy.Document(n=n, text=d["text"]))
writer.commit()
writer.wait_merging_threads()
words.reload()
searcher = words.searcher()

app = fastapi.FastAPI()


@app.get("/search")
def search(q: str, limit: int = 10):
    near, _ = graph.knn_query(embed(q), k=100)
    query = words.parse_query(" ".join(w for w in q.split() if w.isalnum()), ["text"])
    scores = {}
    for rank, n in enumerate(near[0].tolist()):
        scores[n] = scores.get(n, 0) + 1 / (60 + rank)
    for rank, (_, address) in enumerate(searcher.search(query, 100).hits):
        n = searcher.doc(address)["n"][0]
        scores[n] = scores.get(n, 0) + 1 / (60 + rank)
    best = sorted(scores.items(), key=lambda x: -x[1])[:limit]
    return {"data": [{"score": s, "document": documents[n]} for n, s in best]}


uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning", access_log=False)
