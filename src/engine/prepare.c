/* Drafts on their way to the store: what is to be done for each, its passages, their vectors, the
 * commit.
 *
 * What is embedded of a document: the passages of its text, the first with the title in front, cut
 * to a quarter of the passage (for this prefix only: words index all of it); a document without
 * text is embedded by its title. The title in front of every passage did no better on cranfield
 * (nDCG@10 .389 against .390, hybrid .428 against .430) and costs its tokens each time. */
#include "base/clock.h"
#include "engine/internal.h"
#include "text/passage.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define EMBED_CHUNK_TEXTS 256
#define EMBED_CHUNK_BYTES (256u << 10)
#define COMMIT_GROUP 1000 /* acts in one call of the store */
#define BUSY_PAUSE_NS 20000000
#define PASSAGE_TOKENS_FLOOR 8 /* of passages_split */

static bool waiting(const struct draft *d)
{
    return !d->err && !d->done;
}

void draft_fail(struct draft *d, enum err err, const struct err_info *info)
{
    assert(err != 0);
    d->err = err;
    d->done = true;
    d->status = "failed";
    if (info)
        d->info = *info;
    d->info.code = err;
}

enum err draft_admit(const struct sight *s, const struct draft *d, struct err_info *e)
{
    int64_t now_us = clock_wall_us();
    struct document_record r = {
        .id = d->id, .payload = d->payload, .created_us = now_us, .updated_us = now_us};
    return sight_admit(s, &r, e);
}

void draft_result(const struct draft *d, struct put_result *r)
{
    *r = (struct put_result){
        .id = d->id, .status = d->status ? d->status : "failed", .revision = d->revision};
    r->pending = !d->err && (d->plan == PLAN_PENDING || d->still_pending);
    r->err = d->err;
    r->info = d->info;
}

/* ---- plan ---- */

static int draft_id_compare(const void *a, const void *b)
{
    const struct draft *x = *(struct draft *const *)a, *y = *(struct draft *const *)b;
    return str_cmp(x->id, y->id);
}

/* The waiting drafts sorted by id. */
static struct draft **drafts_by_id(struct draft *drafts, size_t count, struct arena *a, size_t *n)
{
    struct draft **out = arena_array(a, count + 1, sizeof *out);
    *n = 0;
    for (size_t i = 0; i < count; i++)
        if (waiting(&drafts[i]))
            out[(*n)++] = &drafts[i];
    qsort(out, *n, sizeof *out, draft_id_compare);
    return out;
}

static void draft_plan(struct draft *d, const struct document_record *old, bool twice, bool async,
                       bool judge_in_store)
{
    bool fresh = old->number == 0 || twice;
    bool same = !fresh && memcmp(d->digest, old->digest, sizeof d->digest) == 0;
    bool same_text = !fresh && memcmp(d->text_digest, old->text_digest, sizeof d->text_digest) == 0;
    if (same && same_text && !judge_in_store && d->if_revision == REVISION_ANY) {
        d->plan = PLAN_UNCHANGED;
        d->done = true;
        d->status = "unchanged";
        d->revision = old->revision;
        d->still_pending = old->state == DOCUMENT_PENDING;
    } else if (d->embedded || d->vector) {
        d->plan = PLAN_EMBED;
    } else if (same_text && old->state == DOCUMENT_READY) {
        d->plan = PLAN_KEEP;
    } else {
        d->plan = async ? PLAN_PENDING : PLAN_EMBED;
    }
}

/* Nothing is embedded for a collection that is full. The store decides in the end; here only what
 * it would refuse as things stand, whatever becomes of the other drafts: documents that would be
 * one too many, and new ones that are too large while all are new. */
static enum err quota_foresee(struct collection *c, struct draft *drafts, size_t count,
                              struct arena *a, struct err_info *e)
{
    struct quota_settings quota;
    struct collection_record r;
    bool all_fresh = true;
    lock_take(&c->lock);
    quota = c->settings.quota;
    lock_drop(&c->lock);
    if (!quota.documents && !quota.bytes)
        return 0;
    enum err err = store_collection_get(c->engine->store, a, str_c(c->name), &r, e);
    if (err)
        return err;
    for (size_t i = 0; i < count; i++)
        all_fresh = all_fresh && (!waiting(&drafts[i]) || drafts[i].fresh);
    struct quota_use use = {r.documents, r.bytes, r.documents_max, all_fresh ? r.bytes_max : 0};
    for (size_t i = 0; i < count; i++) {
        struct err_info info = {0};
        if (!waiting(&drafts[i]) || !drafts[i].fresh ||
            !quota_check(&use, true, 0, drafts[i].payload.n, &info))
            continue;
        draft_fail(&drafts[i], ERR_QUOTA, &info);
        metric_quota_refused(c->engine, 1);
    }
    return 0;
}

enum err drafts_plan(struct collection *c, struct draft *drafts, size_t count, bool async,
                     bool judge_in_store, struct arena *a, struct err_info *e)
{
    size_t n;
    struct draft **by_id = drafts_by_id(drafts, count, a, &n);
    struct str *ids = arena_array(a, n + 1, sizeof *ids);
    struct document_record *old = arena_array(a, n + 1, sizeof *old);
    for (size_t i = 0; i < n; i++)
        ids[i] = by_id[i]->id;
    enum err err = store_documents_by_id(c->engine->store, a, c->id, ids, n, DOCUMENT_HEAD, old, e);
    if (err)
        return err;
    for (size_t i = 0; i < n; i++) {
        /* Of an id that is written twice here nothing is taken from the store: it will have changed
         * by then. */
        bool twice =
            (i > 0 && str_eq(ids[i], ids[i - 1])) || (i + 1 < n && str_eq(ids[i], ids[i + 1]));
        by_id[i]->fresh = old[i].number == 0 && !twice;
        draft_plan(by_id[i], &old[i], twice, async, judge_in_store);
    }
    return quota_foresee(c, drafts, count, a, e);
}

/* ---- passages ---- */

/* The title as far as it may stand in front of a passage, and its tokens. */
static struct str title_prefix(const struct tokenizer *t, struct str title, unsigned tokens_max,
                               unsigned *tokens)
{
    struct tokens ids;
    tokens_init(&ids);
    tokenizer_encode(t, title, false, &ids);
    *tokens = ids.n <= tokens_max ? (unsigned)ids.n : tokens_max;
    if (ids.n > tokens_max)
        title.n = tokens_max ? ids.ends[tokens_max - 1] : 0;
    tokens_release(&ids);
    return title;
}

static enum err draft_take_vector(const struct version *v, const struct document_rules *rules,
                                  struct draft *d, struct arena *a, struct err_info *e)
{
    if (v->dims != rules->dims)
        return err_set(e, ERR_CONFLICT, "/vector",
                       "another embedding version is active by now: vectors have %u numbers",
                       v->dims);

    d->passages = arena_array(a, 1, sizeof *d->passages);
    d->passages[0] = (struct passage_record){.end = (uint32_t)d->text.n, .vector = d->vector};
    d->passage_count = 1;
    d->split = d->embedded = true;
    return 0;
}

/* As many tokens as the collection wants, if the version's model can read them. */
static unsigned passage_budget(const struct version *v, const struct settings *s)
{
    unsigned most = v->passage_tokens_max, able = model_tokens_max(v->model);
    if (most == 0 || most > able)
        most = able;
    return s->passage_tokens < most ? s->passage_tokens : most;
}

static enum err draft_split(const struct version *v, const struct settings *s, struct draft *d,
                            struct arena *a, struct err_info *e)
{
    const struct tokenizer *t = model_tokenizer(v->model);
    unsigned budget = passage_budget(v, s), prefix_tokens = 0;
    bool title_only = str_trim(d->text).n == 0;
    struct passage *cut;
    size_t count;
    if (!title_only && d->title.n > 0)
        d->prefix = title_prefix(t, d->title, budget / 4, &prefix_tokens);
    budget -= prefix_tokens;
    assert(budget >= PASSAGE_TOKENS_FLOOR); /* 3/4 of at least 16 */
    struct passage_options o = {.tokens_max = budget, .overlap_tokens = s->overlap_tokens};
    if (o.overlap_tokens * 2 >= budget)
        o.overlap_tokens = (budget - 1) / 2;
    enum err err = passages_split(t, title_only ? d->title : d->text, &o, a, &cut, &count, e);
    if (err)
        return err;
    d->passages = arena_array(a, count, sizeof *d->passages);
    d->passage_count = (uint32_t)count;
    for (size_t i = 0; i < count; i++)
        d->passages[i] = (struct passage_record){.start = (uint32_t)cut[i].start,
                                                 .end = (uint32_t)cut[i].end,
                                                 .tokens = cut[i].tokens + prefix_tokens};
    d->split = true;
    return 0;
}

void drafts_split(const struct version *v, const struct document_rules *rules, struct draft *drafts,
                  size_t count, struct arena *a)
{
    for (size_t i = 0; i < count; i++) {
        struct draft *d = &drafts[i];
        if (!waiting(d) || d->plan != PLAN_EMBED || d->split)
            continue;
        struct err_info info = {0};
        enum err err = 0;
        if (d->vector)
            err = draft_take_vector(v, rules, d, a, &info);
        else
            err = draft_split(v, &rules->settings, d, a, &info);
        if (err)
            draft_fail(d, err, &info);
    }
}

void drafts_uncut(struct draft *drafts, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!waiting(&drafts[i]))
            continue;
        drafts[i].split = drafts[i].embedded = false;
        drafts[i].prefix = STR("");
        drafts[i].passages = NULL;
        drafts[i].passage_count = 0;
        drafts[i].embeddings = NULL;
        drafts[i].embedding_count = 0;
    }
}

/* ---- vectors ---- */

enum err draft_of_stored(const struct document_record *d, struct arena *a, struct draft *out,
                         struct err_info *e)
{
    json_t *object = NULL;
    enum err err = json_parse_stored(d->payload, &object, e);
    if (err)
        return err;
    *out = (struct draft){.id = d->id, .plan = PLAN_EMBED};
    out->title = arena_str(a, json_str(json_object_get(object, "title")));
    out->text = arena_str(a, json_str(json_object_get(object, "text")));
    json_decref(object);
    return 0;
}

/* Passages of one call of the embedder. */
struct chunk {
    struct embed_text *texts;
    struct passage_record **passages;
    struct draft **drafts; /* whose they are */
    float *floats;
    struct strbuf buffer; /* prefixes and passages behind each other */
    size_t *starts;
    size_t count;
};

static void chunk_init(struct chunk *k, unsigned dims)
{
    k->texts = xcalloc(EMBED_CHUNK_TEXTS, sizeof *k->texts);
    k->passages = xcalloc(EMBED_CHUNK_TEXTS, sizeof *k->passages);
    k->drafts = xcalloc(EMBED_CHUNK_TEXTS, sizeof(struct draft *));
    k->starts = xcalloc(EMBED_CHUNK_TEXTS + 1, sizeof *k->starts);
    k->floats = xcalloc((size_t)EMBED_CHUNK_TEXTS * dims, sizeof *k->floats);
    strbuf_init(&k->buffer, 0);
    k->count = 0;
}

static void chunk_release(struct chunk *k)
{
    free(k->texts);
    free(k->passages);
    free(k->drafts);
    free(k->starts);
    free(k->floats);
    strbuf_release(&k->buffer);
}

static void chunk_add(struct chunk *k, struct draft *d, struct passage_record *p)
{
    bool title_only = str_trim(d->text).n == 0;
    struct str from = title_only ? d->title : d->text;
    k->starts[k->count] = k->buffer.n;
    k->drafts[k->count] = d;
    k->passages[k->count++] = p;
    if (d->prefix.n > 0 && p == d->passages) {
        strbuf_add_str(&k->buffer, d->prefix);
        strbuf_add_char(&k->buffer, '\n');
    }
    strbuf_add(&k->buffer, from.s + p->start, p->end - p->start);
    k->starts[k->count] = k->buffer.n;
    if (title_only)
        p->start = p->end = 0; /* offsets are those of the text, and it has none */
}

static bool chunk_full(const struct chunk *k)
{
    return k->count == EMBED_CHUNK_TEXTS || k->buffer.n >= EMBED_CHUNK_BYTES;
}

static enum err embed_patiently(struct version *v, enum lane lane, struct embed_text *texts,
                                size_t count, int64_t deadline_ns, struct err_info *e)
{
    struct engine *x = v->collection->engine;
    for (;;) {
        struct err_info info = {0};
        enum err err = embedder_embed(x->embedder, v->model, ROLE_PASSAGE, lane, texts, count,
                                      deadline_ns, &info);
        if (err != ERR_BUSY || lane == LANE_INTERACTIVE || engine_closing(x))
            return err ? err_set(e, err, info.field, "%s", info.message) : 0;
        if (deadline_ns && clock_mono_ns() > deadline_ns)
            return err_set(e, ERR_TIMEOUT, NULL, "the embedder stayed busy until the deadline");
        clock_sleep_ns(BUSY_PAUSE_NS);
    }
}

static enum err chunk_embed(struct chunk *k, struct version *v, enum lane lane, int64_t deadline_ns,
                            struct arena *a, struct err_info *e)
{
    unsigned dims = v->dims;
    if (k->count == 0)
        return 0;
    if (lane == LANE_BULK && engine_closing(v->collection->engine))
        return err_set(e, ERR_CANCELLED, NULL, "akin is stopping");
    for (size_t i = 0; i < k->count; i++)
        k->texts[i] = (struct embed_text){
            .text = {k->buffer.buf + k->starts[i], k->starts[i + 1] - k->starts[i]},
            .out = k->floats + i * dims};
    struct embedding_record *rows = embeddings_find(v, ROLE_PASSAGE, k->texts, k->count, a);
    size_t unknown = 0, made = 0;
    for (size_t i = 0; i < k->count; i++)
        if (!rows[i].vector)
            k->texts[unknown++] = k->texts[i];
    enum err err = unknown ? embed_patiently(v, lane, k->texts, unknown, deadline_ns, e) : 0;
    if (err)
        return err;
    for (size_t i = 0; i < k->count; i++) {
        if (!rows[i].vector)
            embedding_made(k->drafts[i], &rows[i], &k->texts[made++], dims, a);
        k->passages[i]->vector = rows[i].vector;
    }
    k->count = 0;
    strbuf_clear(&k->buffer);
    return 0;
}

enum err drafts_embed(struct version *v, struct draft *drafts, size_t count, enum lane lane,
                      int64_t deadline_ns, struct arena *a, struct err_info *e)
{
    struct chunk k;
    enum err err = 0;
    chunk_init(&k, v->dims);
    for (size_t i = 0; i < count && !err; i++) {
        struct draft *d = &drafts[i];
        if (!waiting(d) || d->plan != PLAN_EMBED || d->embedded)
            continue;
        for (uint32_t p = 0; p < d->passage_count && !err; p++) {
            chunk_add(&k, d, &d->passages[p]);
            if (chunk_full(&k))
                err = chunk_embed(&k, v, lane, deadline_ns, a, e);
        }
    }
    if (!err)
        err = chunk_embed(&k, v, lane, deadline_ns, a, e);
    chunk_release(&k);
    for (size_t i = 0; i < count && !err; i++)
        if (waiting(&drafts[i]) && drafts[i].plan == PLAN_EMBED)
            drafts[i].embedded = true;
    return err;
}

/* ---- commit ---- */

static void act_of_draft(const struct version *v, const struct draft *d, int64_t now_us,
                         struct store_act *act)
{
    act->kind = ACT_DOCUMENT_PUT;
    act->version.id = v->id;
    act->if_revision = d->if_revision;
    act->keep_passages = d->plan == PLAN_KEEP;
    act->embeddings = d->embeddings;
    act->embedding_count = d->embedding_count;
    struct document_record *r = &act->document;
    r->collection = v->collection->id;
    r->id = d->id;
    r->state = d->plan == PLAN_PENDING ? DOCUMENT_PENDING : DOCUMENT_READY;
    r->payload = d->payload;
    memcpy(r->digest, d->digest, sizeof r->digest);
    memcpy(r->text_digest, d->text_digest, sizeof r->text_digest);
    r->created_us = r->updated_us = now_us;
    r->expires_us = d->expires_us;
    if (d->plan == PLAN_EMBED) {
        r->passages = d->passages;
        r->passage_count = d->passage_count;
    }
}

/* What stands there must be seen, and stays its tenant's. */
struct draft_guard {
    const struct sight *sight;
    struct str tenant;
    bool *other; /* it is another tenant's */
};

static bool guard(const void *ctx, const struct document_record *stands)
{
    const struct draft_guard *g = ctx;
    const struct collection *c = g->sight->collection;
    json_t *payload = NULL;
    if (!sight_sees(g->sight, stands))
        return false;
    if (!c->tenant_field[0] || json_parse_stored(stands->payload, &payload, NULL))
        return true;
    *g->other = !str_eq(document_tenant(c, payload), g->tenant);
    json_decref(payload);
    return !*g->other;
}

static void draft_guard(const struct sight *s, struct draft *d, struct arena *a,
                        struct store_act *act)
{
    if (!s->filter && !s->collection->tenant_field[0])
        return;
    struct draft_guard *g = arena_alloc(a, sizeof *g);
    *g = (struct draft_guard){s, d->tenant, &d->other_tenant};
    act->guard = guard;
    act->guard_ctx = g;
}

enum err tenant_stays(const struct collection *c, struct err_info *e)
{
    char pointer[FIELD_NAME_MAX + 16];
    snprintf(pointer, sizeof pointer, "/attributes/%s", c->tenant_field);
    return err_set(e, ERR_INVALID, pointer,
                   "a document stays its tenant's: delete it, then add it for the other");
}

static void draft_settle(const struct collection *c, struct draft *d, const struct store_act *act)
{
    struct err_info info = {0};
    static const char *const names[] = {[ACT_CREATED] = "created",
                                        [ACT_UPDATED] = "updated",
                                        [ACT_UNCHANGED] = "unchanged",
                                        [ACT_DELETED] = "deleted"};
    if (act->err == ERR_CONFLICT || act->err == ERR_CANCELLED)
        return; /* raced, or undone with another: for the next round */
    if (act->err) {
        enum err other = d->other_tenant ? tenant_stays(c, &info) : 0;
        draft_fail(d, other ? other : act->err, other ? &info : &act->info);
        return;
    }
    d->done = true;
    d->status = names[act->status];
    d->revision = act->revision;
}

/* Acts go to the store in groups, so that others get their turn; all at once if they stand or fall
 * together. */
static enum err acts_write(struct store *s, struct store_act *acts, size_t n, bool atomic,
                           size_t *written, struct position *position, struct err_info *e)
{
    enum err err = 0;
    for (*written = 0; *written < n && !err;) {
        size_t step = atomic || n - *written < COMMIT_GROUP ? n - *written : COMMIT_GROUP;
        err = store_write(s, acts + *written, step, atomic, position, e);
        if (!err || atomic)
            *written += step;
    }
    return err;
}

/* Another version was promoted since `v` was taken: in effect here as soon as the applier is there.
 */
static enum err version_moved(struct version *v, const struct store_act *acts, size_t n,
                              bool *moved, struct err_info *e)
{
    struct position now;
    *moved = false;
    for (size_t i = 0; i < n && !*moved; i++)
        *moved = acts[i].err == ERR_CONFLICT && strcmp(acts[i].info.field, "version") == 0;
    if (!*moved)
        return 0;
    store_position(v->collection->engine->store, &now);
    return applied_wait(v->collection->engine, now.change, 0, e);
}

enum err drafts_commit(struct version *v, const struct sight *s, bool *moved, struct draft *drafts,
                       size_t count, bool atomic, struct arena *a, struct position *position,
                       struct err_info *e)
{
    struct store_act *acts = arena_array(a, count + 1, sizeof *acts);
    struct draft **of = arena_array(a, count + 1, sizeof *of);
    size_t n = 0, written;
    int64_t now_us = clock_wall_us();
    for (size_t i = 0; i < count; i++) {
        if (!waiting(&drafts[i]))
            continue;
        assert(drafts[i].plan != PLAN_EMBED || drafts[i].embedded);
        of[n] = &drafts[i];
        act_of_draft(v, &drafts[i], now_us, &acts[n]);
        draft_guard(s, &drafts[i], a, &acts[n++]);
    }
    struct err_info info = {0};
    enum err err =
        acts_write(v->collection->engine->store, acts, n, atomic, &written, position, &info);
    size_t refused = 0;
    for (size_t i = 0; i < written; i++) {
        draft_settle(v->collection, of[i], &acts[i]);
        refused += acts[i].err == ERR_QUOTA;
    }
    metric_quota_refused(v->collection->engine, refused);
    if (err == 0 || (atomic && err == ERR_CONFLICT)) /* raced: another round */
        return version_moved(v, acts, written, moved, e);
    return err_set(e, err, info.field, "%s", info.message);
}

struct str position_text(struct arena *a, const struct position *p)
{
    char *text = arena_alloc(a, POSITION_TEXT);
    position_format(p, text);
    return str_c(text);
}
