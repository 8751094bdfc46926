/* One model on one's own documents: how fast, how large, and what it finds. */
#ifndef MAIN_MODEL_BENCH_H
#define MAIN_MODEL_BENCH_H

#include "base/arena.h"
#include "embed/embed.h"

struct bench_document {
    const char *id;
    struct str text;  /* title and text */
    struct str title; /* or first sentence */
};
struct bench_query {
    const char *id;
    struct str text;
    int64_t document; /* that it was taken out of, which is then no answer; -1: none */
};
struct bench_corpus {
    struct arena *arena;
    struct bench_document *documents;
    struct bench_query *queries;
    size_t document_count, query_count;
};
/* At most `documents_max` documents out of `path` (records.h). ERR_INVALID: none with text. */
enum err bench_corpus_read(struct bench_corpus *c, const char *path, size_t documents_max,
                           struct err_info *e) MUST_CHECK;
/* Of a file, or (`path` NULL) at most `count` titles of the documents, evenly spread. */
enum err bench_queries_read(struct bench_corpus *c, const char *path, size_t count,
                            struct err_info *e) MUST_CHECK;
void bench_corpus_release(struct bench_corpus *c);

#define BENCH_DEPTH 50u
struct bench_result {
    struct model_info info;
    double open_s, embed_s, query_p50_ms;
    uint64_t tokens, passages, resident_bytes; /* that the process grew by; vectors not counted */
    uint32_t *hits;                            /* BENCH_DEPTH a query, best first */
    uint32_t *hit_counts;                      /* a query */
};
/* Exact search; a document counts by its best passage. */
enum err bench_run(const struct bench_corpus *c, const char *dir, const struct model_options *o,
                   unsigned threads, struct bench_result *out, struct err_info *e) MUST_CHECK;
void bench_result_release(struct bench_result *r);

#endif
