/* doctor: does every index hold exactly what the store holds? The digest is that of the set of
 * (collection, document, revision, passage, vector), so that two states can be compared from
 * outside. */
#include "base/clock.h"
#include "base/hash.h"
#include "engine/internal.h"
#include <stdlib.h>
#include <string.h>

#define FINDINGS_MAX 50
#define SETTLE_TRIES 100
#define SETTLE_NS 20000000

struct checkup {
    struct engine *x;
    struct collection *c;
    struct version *v;
    bool active; /* v is the active one: the digest is of its vectors */
    struct strbuf *report;
    struct sha256 digest;
    size_t findings;
    uint32_t *doubtful; /* numbers that differed at first sight: a write may be on its way */
    size_t doubtful_count, doubtful_cap;
    size_t documents, embedded;
};

static void finding(struct checkup *k, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void finding(struct checkup *k, const char *fmt, ...)
{
    va_list ap;
    if (++k->findings > FINDINGS_MAX || !k->report)
        return;
    va_start(ap, fmt);
    strbuf_vprintf(k->report, fmt, ap);
    va_end(ap);
    strbuf_add_char(k->report, '\n');
}

static void digest_add(struct checkup *k, const struct document_record *d)
{
    uint32_t dims = k->v->dims;
    sha256_add(&k->digest, k->c->name, strlen(k->c->name) + 1);
    sha256_add(&k->digest, d->id.s, d->id.n);
    sha256_add(&k->digest, "", 1);
    sha256_add(&k->digest, &d->revision, sizeof d->revision);
    for (uint32_t i = 0; i < d->passage_count; i++) {
        sha256_add(&k->digest, &i, sizeof i);
        if (d->passages[i].vector)
            sha256_add(&k->digest, d->passages[i].vector, dims * sizeof(uint16_t));
    }
}

/* NULL, or how the index differs from this document. */
static const char *difference(struct checkup *k, const struct document_record *d)
{
    struct live_row live = live_get(k->c, d->number);
    uint32_t dims = k->v->dims, count = 0, n = 0;
    uint64_t revision = 0;
    if (live.revision != d->revision)
        return "the live state has another revision";
    uint16_t *rows = vectors_rows(k->v->vectors, d->number, &count, &revision);
    const char *what = NULL;
    for (uint32_t i = 0; i < d->passage_count && !what; i++) {
        if (!d->passages[i].vector)
            continue;
        if (!rows || n >= count ||
            memcmp(rows + (size_t)n * dims, d->passages[i].vector, dims * sizeof *rows) != 0)
            what = "a vector differs";
        n++;
    }
    if (!what && n != (rows ? count : 0))
        what = "the number of vectors differs";
    if (!what && rows && revision != d->revision)
        what = "the vectors are of another revision";
    free(rows);
    return what;
}

static enum err check_document(void *ctx, const struct document_record *d)
{
    struct checkup *k = ctx;
    bool embedded = d->state == DOCUMENT_READY && d->passage_count > 0;
    if (k->active)
        digest_add(k, d);
    k->documents++;
    k->embedded += embedded;
    if (!difference(k, d))
        return 0;
    if (k->doubtful_count == k->doubtful_cap) {
        k->doubtful_cap = k->doubtful_cap ? 2 * k->doubtful_cap : 64;
        k->doubtful = xrealloc(k->doubtful, k->doubtful_cap * sizeof *k->doubtful);
    }
    k->doubtful[k->doubtful_count++] = d->number;
    return 0;
}

/* Once more, now that the applier has passed whatever was on its way. */
static enum err check_doubtful(struct checkup *k, struct err_info *e)
{
    struct position now;
    struct arena *a = arena_new(0);
    store_position(k->x->store, &now);
    enum err err = k->doubtful_count ? applied_wait(k->x, now.change, 0, e) : 0;
    for (size_t i = 0; i < k->doubtful_count && !err; i++) {
        struct document_record d;
        err = version_passages(k->v, a, &k->doubtful[i], 1, DOCUMENT_PASSAGES | DOCUMENT_VECTORS,
                               &d, e);
        const char *what = err || !d.number ? NULL : difference(k, &d);
        if (what)
            finding(k, "%s: document \"%.*s\", version %u: %s", k->c->name, STR_ARG(d.id), k->v->id,
                    what);
        arena_reset(a);
    }
    arena_free(a);
    return err;
}

static void check_count(struct checkup *k, const char *index, size_t found, size_t expected)
{
    if (found != expected)
        finding(k, "%s: %s holds %zu documents, the store %zu", k->c->name, index, found, expected);
}

static void check_counts(struct checkup *k)
{
    struct position now, before;
    struct docset all;
    store_position(k->x->store, &before);
    docset_init(&all);
    attributes_all(k->c->attributes, &all);
    size_t words = words_documents(k->c->words), vectors = vectors_documents(k->v->vectors);
    lock_take(&k->c->lock);
    size_t live = k->c->documents;
    lock_drop(&k->c->lock);
    store_position(k->x->store, &now);
    if (now.change == before.change) { /* else somebody writes, and counts prove nothing */
        check_count(k, "words", words, k->documents);
        check_count(k, "attributes", all.count, k->documents);
        check_count(k, "live state", live, k->documents);
        check_count(k, "vectors", vectors, k->embedded);
    }
    docset_release(&all);
}

/* Vectors that were stored without a change come to the index a little later. */
static enum err version_settle(struct checkup *k, struct err_info *e)
{
    for (int i = 0; i < SETTLE_TRIES; i++) {
        lock_take(&k->c->lock);
        bool settled = k->v->fresh_count == 0 && k->v->writing_count == 0;
        lock_drop(&k->c->lock);
        if (settled)
            break;
        clock_sleep_ns(SETTLE_NS);
    }
    struct position now;
    store_position(k->x->store, &now);
    return applied_wait(k->x, now.change, 0, e);
}

static enum err check_version(struct checkup *k, struct err_info *e)
{
    struct position before, after, at;
    struct err_info info = {0};
    unsigned parts = DOCUMENT_PASSAGES | DOCUMENT_VECTORS;
    k->doubtful_count = k->documents = k->embedded = 0;
    k->active = version_state(k->v) == VERSION_ACTIVE;
    store_position(k->x->store, &before);
    enum err err = version_settle(k, e);
    if (!err)
        err = store_version_scan(k->x->store, k->v->id, parts, check_document, k, &at, e);
    if (!err)
        err = check_doubtful(k, e);
    if (err)
        return err;
    store_position(k->x->store, &after);
    if (after.change == before.change && k->active)
        check_counts(k);
    if (vectors_check(k->v->vectors, &info))
        finding(k, "%s, version %u: %s", k->c->name, k->v->id, info.message);
    return 0;
}

static enum err check_collection(struct checkup *k, struct err_info *e)
{
    struct err_info info = {0};
    enum err err = 0;
    for (k->v = NULL; (k->v = version_next(k->c, k->v));)
        if (!err)
            err = check_version(k, e);
    if (!err && words_check(k->c->words, &info))
        finding(k, "%s: %s", k->c->name, info.message);
    return err;
}

enum err engine_doctor(struct engine *x, struct strbuf *report, char *digest, struct err_info *e)
{
    struct checkup k = {.x = x, .report = report};
    struct err_info info = {0};
    uint8_t raw[32];
    enum err err = 0;
    sha256_init(&k.digest);
    if (store_check(x->store, &info))
        finding(&k, "store: %s", info.message);
    for (struct collection *c = NULL; (c = collection_next(x, c));) {
        k.c = c;
        err = check_collection(&k, e);
        if (err) {
            collection_unref(c);
            break;
        }
    }
    free(k.doubtful);
    sha256_end(&k.digest, raw);
    if (digest)
        sha256_hex(raw, digest);
    if (!err && k.findings)
        err = err_set(e, ERR_CORRUPT, NULL,
                      "%zu findings: indexes and store differ; remove the folder index/ while akin "
                      "is stopped, it is built anew",
                      k.findings);
    return err;
}
