/* doctor: does every index hold exactly what the store holds, and is each whole in itself?
 *
 * A document is compared with the indexes while others may write: what differs at first sight is
 * looked at again after the applier has passed, until the store has the same revision before and
 * after the look. So a finding is one, and a busy server has none.
 *
 * The digest is that of the set of (collection, document, revision, passage, vector), so that two
 * states can be compared from outside. */
#include "base/clock.h"
#include "base/hash.h"
#include "engine/internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FINDINGS_MAX 50
#define SETTLE_TRIES 100
#define SETTLE_NS 20000000
#define LOOKS 3
#define PROGRESS_EVERY 64

/* One thing that is checked. */
struct area {
    struct check_line line;
    struct strbuf text;
    size_t findings;
};

/* A document that differed at first sight: a write may be on its way. */
struct doubt {
    uint32_t number;
    unsigned looks; /* in a row that saw a difference, with nobody at work at it */
};

struct checkup {
    struct engine *x;
    const struct check_watch *w;
    struct collection *c;
    struct version *v;
    struct area area;
    char build_anew[800];      /* what to do about an index */
    struct attributes *shadow; /* the document that is looked at, for comparison */
    struct docset seen;        /* documents that the scan of a version met */
    bool active;               /* v is the active one: the digest is of its vectors */
    struct sha256 digest;
    size_t findings;
    struct doubt *doubts;
    size_t doubt_count, doubt_cap;
    size_t documents, embedded;
};

/* ---- what is told ---- */

static void area_begin(struct checkup *k, const char *what, const char *unit)
{
    k->area.line = (struct check_line){.what = what,
                                       .unit = unit,
                                       .collection = k->c ? k->c->name : "",
                                       .version = k->v ? k->v->id : 0,
                                       .text = "",
                                       .next = ""};
    k->area.findings = 0;
    strbuf_init(&k->area.text, 1 << 20);
}

static void area_end(struct checkup *k, const char *next)
{
    struct check_line *l = &k->area.line;
    if (k->area.findings) {
        l->state = CHECK_WRONG;
        l->next = next;
        if (k->area.findings > FINDINGS_MAX)
            strbuf_printf(&k->area.text, "\nand %zu more", k->area.findings - FINDINGS_MAX);
    }
    if (k->area.text.n)
        l->text = k->area.text.buf;
    k->findings += k->area.findings;
    k->w->line(k->w->ctx, l);
    strbuf_release(&k->area.text);
}

static void area_left_out(struct checkup *k, const char *what, const char *why)
{
    area_begin(k, what, "");
    k->area.line.state = CHECK_LEFT_OUT;
    strbuf_add_c(&k->area.text, why);
    area_end(k, "");
}

static void finding(struct checkup *k, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void finding(struct checkup *k, const char *fmt, ...)
{
    va_list ap;
    if (++k->area.findings > FINDINGS_MAX)
        return;
    if (k->area.text.n)
        strbuf_add_char(&k->area.text, '\n');
    va_start(ap, fmt);
    strbuf_vprintf(&k->area.text, fmt, ap);
    va_end(ap);
}

static enum err cancelled(struct checkup *k, struct err_info *e)
{
    if (engine_closing(k->x))
        return err_set(e, ERR_CANCELLED, NULL, "akin is stopping");
    if (k->w->cancelled && k->w->cancelled(k->w->ctx))
        return err_set(e, ERR_CANCELLED, NULL, "nobody waits for the check any more");
    return 0;
}

/* ---- a document ---- */

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

static const char *vectors_difference(struct checkup *k, const struct document_record *d)
{
    uint32_t dims = k->v->dims, count = 0, n = 0;
    uint64_t revision = 0;
    uint16_t *rows = vectors_rows(k->v->vectors, d->number, &count, &revision);
    const char *what = NULL;
    for (uint32_t i = 0; i < d->passage_count && !what; i++) {
        if (!d->passages[i].vector)
            continue;
        if (!rows)
            what = "its vectors are missing";
        else if (n >= count ||
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

static bool attributes_agree(struct checkup *k, const struct document_record *d)
{
    json_t *object = document_for_filters(d);
    if (!object)
        return false;
    attributes_put(k->shadow, d->number, object);
    bool same = attributes_same(k->c->attributes, k->shadow, d->number);
    attributes_delete(k->shadow, d->number);
    json_decref(object);
    return same;
}

/* NULL, or how the indexes differ from this document. */
static const char *difference(struct checkup *k, const struct document_record *d)
{
    if (live_get(k->c, d->number).revision != d->revision)
        return "the live state has another revision";
    if (k->active && !attributes_agree(k, d))
        return "the attributes that filters see are not its own";
    return vectors_difference(k, d);
}

/* NULL, or what is left of a document that the store does not have. */
static const char *ghost(struct checkup *k, uint32_t number)
{
    uint32_t count;
    uint64_t revision;
    uint16_t *rows = vectors_rows(k->v->vectors, number, &count, &revision);
    free(rows);
    if (rows)
        return "the vectors of a deleted document are there";
    if (live_get(k->c, number).revision)
        return "the live state has a deleted document";
    if (!attributes_same(k->c->attributes, k->shadow, number))
        return "the attributes of a deleted document are there";
    return NULL;
}

static void doubt_add(struct checkup *k, uint32_t number)
{
    if (k->doubt_count == k->doubt_cap) {
        k->doubt_cap = k->doubt_cap ? 2 * k->doubt_cap : 64;
        k->doubts = xrealloc(k->doubts, k->doubt_cap * sizeof *k->doubts);
    }
    k->doubts[k->doubt_count++] = (struct doubt){number, 0};
}

static enum err check_document(void *ctx, const struct document_record *d)
{
    struct checkup *k = ctx;
    if (k->active)
        digest_add(k, d);
    docset_add(&k->seen, d->number);
    k->documents++;
    k->embedded += d->state == DOCUMENT_READY && d->passage_count > 0;
    if (difference(k, d))
        doubt_add(k, d->number);
    if (k->documents % PROGRESS_EVERY)
        return 0;
    if (k->w->progress)
        k->w->progress(k->w->ctx, "documents", k->documents, k->c->documents_stored);
    return cancelled(k, NULL);
}

static unsigned parts(const struct checkup *k)
{
    return DOCUMENT_PASSAGES | DOCUMENT_VECTORS | (k->active ? DOCUMENT_PAYLOAD : 0);
}

static bool version_settled(struct checkup *k)
{
    lock_take(&k->c->lock);
    bool settled = k->v->fresh_count == 0 && k->v->writing_count == 0;
    lock_drop(&k->c->lock);
    return settled;
}

/* Looks at one document: *what, unless it was changed meanwhile (*sure false). */
static enum err look_again(struct checkup *k, struct arena *a, uint32_t number, const char **what,
                           struct str *id, bool *sure, struct err_info *e)
{
    struct document_record d, after;
    struct position now;
    enum err err = version_passages(k->v, a, &number, 1, parts(k), &d, e);
    if (!err)
        store_position(k->x->store, &now);
    if (!err)
        err = applied_wait(k->x, now.change, 0, e);
    bool settled = version_settled(k);
    if (err)
        return err;
    *what = d.number ? difference(k, &d) : ghost(k, number);
    *id = d.number ? d.id : STR("");
    if (!*what)
        return 0;
    err = version_passages(k->v, a, &number, 1, 0, &after, e);
    *sure = settled && !err && d.number == after.number &&
            (!d.number || (d.revision == after.revision && d.state == after.state));
    return err;
}

/* Once over all that are in doubt; those that are settled leave the list. */
static enum err doubts_pass(struct checkup *k, struct arena *a, struct err_info *e)
{
    size_t left = 0;
    enum err err = 0;
    for (size_t i = 0; i < k->doubt_count; i++) {
        struct doubt d = k->doubts[i];
        const char *what = NULL;
        struct str id = STR("");
        bool sure = false;
        arena_reset(a);
        if (!err && i % PROGRESS_EVERY == 0)
            err = cancelled(k, e);
        if (!err)
            err = look_again(k, a, d.number, &what, &id, &sure, e);
        if (err || !what)
            continue;
        d.looks = sure ? d.looks + 1 : 0;
        if (d.looks == LOOKS)
            finding(k, "document %u \"%.*s\": %s", d.number, STR_ARG(id), what);
        else
            k->doubts[left++] = d;
    }
    k->doubt_count = left;
    return err;
}

/* A finding is one that stays: a reader may see a commit a moment before store_position tells of
 * it. */
static enum err check_doubts(struct checkup *k, struct err_info *e)
{
    struct arena *a = arena_new(0);
    enum err err = 0;
    for (int pass = 0; pass < SETTLE_TRIES && k->doubt_count && !err; pass++) {
        if (pass)
            clock_sleep_ns(SETTLE_NS);
        err = doubts_pass(k, a, e);
    }
    arena_free(a);
    return err;
}

/* Numbers that an index knows and the store does not. */
static void find_ghosts(struct checkup *k)
{
    struct docset all;
    docset_init(&all);
    attributes_all(k->c->attributes, &all);
    lock_take(&k->c->lock);
    size_t end = k->c->live_count;
    lock_drop(&k->c->lock);
    if (end < all.word_count * 64)
        end = all.word_count * 64;
    for (uint32_t n = 1; n < end; n++)
        if (!docset_has(&k->seen, n) && ghost(k, n))
            doubt_add(k, n);
    docset_release(&all);
}

/* ---- counts: only while nobody writes do they prove anything ---- */

struct counts {
    size_t words, attributes, live, vectors;
};

static struct counts counts_take(struct checkup *k)
{
    struct counts n = {.words = words_documents(k->c->words),
                       .vectors = vectors_documents(k->v->vectors)};
    struct docset all;
    docset_init(&all);
    attributes_all(k->c->attributes, &all);
    n.attributes = all.count;
    docset_release(&all);
    lock_take(&k->c->lock);
    n.live = k->c->documents;
    lock_drop(&k->c->lock);
    return n;
}

static void check_count(struct checkup *k, const char *index, size_t found, size_t expected)
{
    if (found != expected)
        finding(k, "%s: %zu documents are there, the store has %zu", index, found, expected);
}

/* `at`: the position that the documents were counted at. */
static void check_counts(struct checkup *k, const struct position *at)
{
    struct position now;
    struct counts n;
    for (int look = 0; look < LOOKS; look++) {
        if (look)
            clock_sleep_ns(SETTLE_NS);
        n = counts_take(k);
        store_position(k->x->store, &now);
        if (now.change != at->change || (n.words == k->documents && n.attributes == k->documents &&
                                         n.live == k->documents && n.vectors == k->embedded))
            return;
    }
    check_count(k, "words", n.words, k->documents);
    check_count(k, "attributes", n.attributes, k->documents);
    check_count(k, "live state", n.live, k->documents);
    check_count(k, "vectors", n.vectors, k->embedded);
}

/* ---- a version ---- */

/* Vectors that were stored without a change come to the index a little later. */
static enum err version_settle(struct checkup *k, struct err_info *e)
{
    for (int i = 0; i < SETTLE_TRIES && !version_settled(k); i++)
        clock_sleep_ns(SETTLE_NS);
    struct position now;
    store_position(k->x->store, &now);
    return applied_wait(k->x, now.change, 0, e);
}

static enum err check_documents(struct checkup *k, struct err_info *e)
{
    struct position at;
    k->doubt_count = k->documents = k->embedded = 0;
    docset_init(&k->seen);
    k->shadow = attributes_new();
    area_begin(k, "documents", "documents");
    enum err err = version_settle(k, e);
    if (!err)
        err = store_version_scan(k->x->store, k->v->id, parts(k), check_document, k, &at, e);
    if (!err) {
        find_ghosts(k);
        err = check_doubts(k, e);
    }
    if (!err && k->active)
        check_counts(k, &at);
    k->area.line.count = k->documents;
    if (!err)
        area_end(k, k->build_anew);
    else
        strbuf_release(&k->area.text);
    attributes_free(k->shadow);
    docset_release(&k->seen);
    return err;
}

static const char held_up[] = "it would hold up those who write: run `akin doctor` while the "
                              "server is stopped";

static void check_graph(struct checkup *k)
{
    struct err_info info = {0};
    if (k->w->serving) {
        area_left_out(k, "graph", held_up);
        return;
    }
    area_begin(k, "graph", "passages");
    k->area.line.count = vectors_count(k->v->vectors);
    if (vectors_check(k->v->vectors, &info))
        finding(k, "%s", info.message);
    area_end(k, k->build_anew);
}

static void check_model_opened(struct checkup *k)
{
    if (k->v->model)
        return;
    area_begin(k, "model", "");
    finding(k, "%s: %s", k->v->model_name, k->v->reason);
    area_end(k, "get it again with `akin model pull`, or delete this embedding version");
}

/* ---- what belongs to a collection, to all ---- */

static void check_words(struct checkup *k)
{
    struct err_info info = {0};
    if (k->w->serving) {
        area_left_out(k, "words", held_up);
        return;
    }
    area_begin(k, "words", "documents");
    k->area.line.count = words_documents(k->c->words);
    if (words_check(k->c->words, &info))
        finding(k, "%s", info.message);
    area_end(k, k->build_anew);
}

static void check_duplicates(struct checkup *k)
{
    struct err_info info = {0};
    struct docset copies;
    if (k->w->serving) {
        area_left_out(k, "near-duplicates", held_up);
        return;
    }
    docset_init(&copies);
    area_begin(k, "near-duplicates", "copies");
    duplicates_copies(k->c->duplicates, &copies);
    k->area.line.count = copies.count;
    if (duplicates_check(k->c->duplicates, &info))
        finding(k, "%s", info.message);
    for (uint32_t n = docset_next(&copies, 0); n != UINT32_MAX; n = docset_next(&copies, n + 1))
        if (!live_get(k->c, n).revision ||
            !live_get(k->c, duplicates_original(k->c->duplicates, n)).revision)
            finding(k, "document %u or what it is a copy of was deleted", n);
    area_end(k, k->build_anew);
    docset_release(&copies);
}

static void check_store(struct checkup *k)
{
    struct err_info info = {0};
    struct position now;
    area_begin(k, "store", "changes");
    store_position(k->x->store, &now);
    k->area.line.count = now.change;
    if (store_check(k->x->store, &info))
        finding(k, "%s", info.message);
    area_end(k, "stop akin, keep a copy of its data directory, and put the last good backup back "
                "with `akin restore`");
}

/* Opening has mended what was damaged: that is worth knowing, and no fault any more. */
static void tell_files(struct checkup *k)
{
    unsigned dropped = atomic_load(&k->x->files_dropped);
    if (!dropped)
        return;
    area_begin(k, "index files", "damaged");
    k->area.line.count = dropped;
    strbuf_add_c(&k->area.text, "made anew from the store when akin opened them");
    area_end(k, "");
}

static void check_model(void *ctx, const char *name, enum err err, const struct err_info *info)
{
    struct checkup *k = ctx;
    area_begin(k, "model", "models");
    k->area.line.count = 1;
    if (err)
        finding(k, "%s: %s", name, info->message);
    area_end(k, "get it again with `akin model pull`");
}

static enum err check_collection(struct checkup *k, struct err_info *e)
{
    enum err err = 0;
    for (k->v = NULL; (k->v = version_next(k->c, k->v));) {
        k->active = version_state(k->v) == VERSION_ACTIVE;
        if (!err)
            err = check_documents(k, e);
        if (err == ERR_NOT_FOUND) { /* the version was deleted meanwhile */
            err = 0;
            continue;
        }
        if (!err)
            check_graph(k);
        if (!err)
            check_model_opened(k);
        if (!err)
            err = cancelled(k, e);
    }
    if (collection_gone(k->c))
        return 0;
    if (err)
        return err;
    check_words(k);
    check_duplicates(k);
    return 0;
}

static enum err check_all(struct checkup *k, struct err_info *e)
{
    enum err err = 0;
    check_store(k);
    tell_files(k);
    for (struct collection *c = NULL; (c = collection_next(k->x, c));) {
        k->c = c;
        err = check_collection(k, e);
        if (err) {
            collection_unref(c);
            break;
        }
    }
    k->c = NULL;
    k->v = NULL;
    if (!err)
        models_verify(k->x, check_model, k);
    free(k->doubts);
    return err;
}

enum err engine_check(struct engine *x, const struct check_watch *w, char *digest,
                      struct err_info *e)
{
    struct checkup k = {.x = x, .w = w};
    uint8_t raw[32];
    if (atomic_exchange(&x->checking, true))
        return err_set(e, ERR_BUSY, NULL, "a check is under way: wait for its end");
    snprintf(
        k.build_anew, sizeof k.build_anew,
        "stop akin, remove %s/index and start it: indexes are caches, built anew from the store",
        x->data_dir);
    sha256_init(&k.digest);
    enum err err = check_all(&k, e);
    sha256_end(&k.digest, raw);
    if (digest)
        sha256_hex(raw, digest);
    if (!err && k.findings)
        err = err_set(e, ERR_CORRUPT, NULL, "%zu finding%s: see what is said and what to do next",
                      k.findings, k.findings == 1 ? "" : "s");
    atomic_store(&x->checking, false);
    return err;
}
