/* The log of answers. served_add copies an answer into the batch that is being filled; a thread
 * takes the batch when its first row is FLUSH_NS old, or when it is large, and writes it in one
 * commit. Rows can be found the moment that they are added: in the two batches, then in the store.
 * A crash loses what was answered in the last 200 ms, no more: recommending does not wait for a
 * disk. Neither does it end with one: a batch that cannot be written is given up, with a warning.
 */
#include "base/clock.h"
#include "base/log.h"
#include "engine/recommend_impl.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define FLUSH_NS 200000000
#define BATCH_ROWS 2048
#define BATCH_ROWS_WAKE 512 /* written at once */
#define BATCH_BYTES (8u << 20)
#define TABLE_SLOTS (BATCH_ROWS * 2)
#define RETRY_NS 50000000
#define RETRIES 40
#define FORGET_EVERY_NS (600 * 1000000000LL)
#define FORGET_STEP 1024 /* what one act removes */
#define SHOWN_ANSWERS 20 /* newest answers that count, beside those that are not yet stored */
#define SHOWN_US (14 * 86400LL * 1000000)

struct batch {
    struct arena *a;
    struct served_record *rows;
    size_t count;
    int64_t first_ns;
    uint16_t table[TABLE_SLOTS]; /* by token: row + 1 */
};
struct served_log {
    struct lock lock;
    struct cond filled; /* the thread waits */
    struct cond written;
    struct batch batches[2], *filling;
    struct batch *writing; /* NULL: none */
    uint64_t added, done;  /* rows */
    bool stop, urgent;
    int64_t forget_ns; /* the keeper's: when to look next */
    struct thread *thread;
};

/* ---- batches ---- */

static void batch_init(struct batch *b)
{
    b->a = arena_new(0);
    b->rows = xcalloc(BATCH_ROWS, sizeof *b->rows);
}

static void batch_clear(struct batch *b)
{
    arena_reset(b->a);
    b->count = 0;
    memset(b->table, 0, sizeof b->table);
}

static void batch_release(struct batch *b)
{
    arena_free(b->a);
    free(b->rows);
}

static bool batch_full(const struct batch *b)
{
    return b->count == BATCH_ROWS || arena_bytes(b->a) > BATCH_BYTES;
}

/* Tokens are random: their first bytes are a hash. */
static size_t token_slot(const uint8_t token[SERVED_TOKEN])
{
    uint32_t hash;
    memcpy(&hash, token, sizeof hash);
    return hash % TABLE_SLOTS;
}

static const struct served_record *batch_find(const struct batch *b, uint32_t collection,
                                              const uint8_t token[SERVED_TOKEN])
{
    for (size_t i = token_slot(token); b->table[i]; i = (i + 1) % TABLE_SLOTS) {
        const struct served_record *r = &b->rows[b->table[i] - 1];
        if (r->collection == collection && memcmp(r->token, token, SERVED_TOKEN) == 0)
            return r;
    }
    return NULL;
}

static void record_copy(struct served_record *to, const struct served_record *from, struct arena *a)
{
    *to = *from;
    to->user = arena_str(a, from->user);
    to->scenario = arena_str(a, from->scenario);
    to->experiment = arena_str(a, from->experiment);
    to->variant = arena_str(a, from->variant);
    to->payload = arena_str(a, from->payload);
}

static void batch_add(struct batch *b, const struct served_record *r)
{
    size_t i = token_slot(r->token);
    if (b->count == 0)
        b->first_ns = clock_mono_ns();
    record_copy(&b->rows[b->count++], r, b->a);
    while (b->table[i])
        i = (i + 1) % TABLE_SLOTS;
    b->table[i] = (uint16_t)b->count;
}

/* ---- the thread ---- */

static void batch_write(struct engine *x, const struct batch *b)
{
    struct store_act act = {.kind = ACT_SERVED_ADD, .served = b->rows, .served_count = b->count};
    struct err_info info = {0};
    enum err err = ERR_BUSY;
    for (int i = 0; i < RETRIES && err == ERR_BUSY; i++) {
        if (i)
            clock_sleep_ns(RETRY_NS);
        err_clear(&info);
        err = store_write(x->store, &act, 1, false, NULL, &info);
    }
    if (!err && act.err) {
        err = act.err;
        info = act.info;
    }
    if (err)
        log_event(LOG_WARN, "answers are missing in the log", LOG_I("answers", (int64_t)b->count),
                  LOG_S("reason", info.message));
    metric_error(x, err);
}

/* Waits for a batch that is due; NULL: stopped, and nothing is left. */
static struct batch *batch_take(struct served_log *l)
{
    struct batch *b;
    lock_take(&l->lock);
    while (!l->stop && !(l->urgent && l->filling->count) && l->filling->count < BATCH_ROWS_WAKE &&
           !batch_full(l->filling)) {
        if (l->filling->count == 0)
            cond_wait(&l->filled, &l->lock);
        else if (!cond_wait_until(&l->filled, &l->lock, l->filling->first_ns + FLUSH_NS))
            break;
    }
    b = l->filling->count ? l->filling : NULL;
    l->urgent = false;
    l->writing = b;
    if (b)
        l->filling = b == &l->batches[0] ? &l->batches[1] : &l->batches[0];
    cond_broadcast(&l->written); /* there is room again */
    lock_drop(&l->lock);
    return b;
}

static void log_run(void *arg)
{
    struct engine *x = arg;
    struct served_log *l = x->served;
    struct batch *b;
    while ((b = batch_take(l))) {
        batch_write(x, b);
        lock_take(&l->lock);
        l->writing = NULL;
        l->done += b->count;
        batch_clear(b);
        cond_broadcast(&l->written);
        lock_drop(&l->lock);
    }
}

void served_open(struct engine *x)
{
    struct served_log *l = x->served = xcalloc(1, sizeof *l);
    lock_init(&l->lock, LOCK_LEAF);
    cond_init(&l->filled);
    cond_init(&l->written);
    batch_init(&l->batches[0]);
    batch_init(&l->batches[1]);
    l->filling = &l->batches[0];
    l->thread = thread_start("served-log", log_run, x);
}

void served_close(struct engine *x)
{
    struct served_log *l = x->served;
    if (!l)
        return;
    lock_take(&l->lock);
    l->stop = true;
    cond_broadcast(&l->filled);
    lock_drop(&l->lock);
    thread_join(l->thread);
    batch_release(&l->batches[0]);
    batch_release(&l->batches[1]);
    cond_release(&l->filled);
    cond_release(&l->written);
    lock_release(&l->lock);
    free(l);
    x->served = NULL;
}

void served_flush(struct engine *x)
{
    struct served_log *l = x->served;
    lock_take(&l->lock);
    uint64_t all = l->added;
    while (l->done < all) {
        l->urgent = true;
        cond_broadcast(&l->filled);
        cond_wait(&l->written, &l->lock);
    }
    lock_drop(&l->lock);
}

/* ---- adding ---- */

static void record_add(struct served_log *l, const struct served_record *r)
{
    lock_take(&l->lock);
    while (batch_full(l->filling))
        cond_wait(&l->written, &l->lock);
    bool first = l->filling->count == 0;
    batch_add(l->filling, r);
    l->added++;
    if (first || l->filling->count >= BATCH_ROWS_WAKE || batch_full(l->filling))
        cond_signal(&l->filled);
    lock_drop(&l->lock);
}

void served_add(struct collection *c, const struct served *s)
{
    struct strbuf payload;
    struct served_record r = {.collection = c->id,
                              .user = s->user,
                              .scenario = s->scenario,
                              .experiment = s->experiment,
                              .variant = s->variant,
                              .recommender = s->recommender,
                              .at_us = s->at_us};
    memcpy(r.token, s->token, sizeof r.token);
    strbuf_init(&payload, 0);
    served_pack(s->slots, s->count, s->first, FEATURE_COUNT, &payload);
    r.payload = strbuf_str(&payload);
    record_add(c->engine->served, &r);
    atomic_store(&c->served_news, true);
    strbuf_release(&payload);
}

/* ---- finding ---- */

bool served_token(struct str id, uint8_t token[SERVED_TOKEN])
{
    if (id.n != 2 * SERVED_TOKEN)
        return false;
    for (size_t i = 0; i < id.n; i++) {
        char k = id.s[i];
        int digit = k >= '0' && k <= '9' ? k - '0' : k >= 'a' && k <= 'f' ? k - 'a' + 10 : -1;
        if (digit < 0)
            return false;
        token[i / 2] = (uint8_t)(i % 2 ? token[i / 2] << 4 | digit : digit);
    }
    return true;
}

enum err served_by_token(struct collection *c, const uint8_t (*tokens)[SERVED_TOKEN], size_t count,
                         struct arena *a, struct served_record *out, struct err_info *e)
{
    struct served_log *l = c->engine->served;
    size_t missing = 0;
    memset(out, 0, count * sizeof *out);
    uint8_t(*rest)[SERVED_TOKEN] = arena_array(a, count + 1, sizeof *rest);
    size_t *place = arena_array(a, count + 1, sizeof *place);
    lock_take(&l->lock);
    for (size_t i = 0; i < count; i++) {
        const struct served_record *r = batch_find(l->filling, c->id, tokens[i]);
        if (!r && l->writing)
            r = batch_find(l->writing, c->id, tokens[i]);
        if (r) {
            record_copy(&out[i], r, a);
            out[i].id = UINT64_MAX; /* on its way */
        } else {
            memcpy(rest[missing], tokens[i], SERVED_TOKEN);
            place[missing++] = i;
        }
    }
    lock_drop(&l->lock);
    if (!missing)
        return ERR_OK;
    struct served_record *stored = arena_array(a, missing, sizeof *stored);
    enum err err = store_served_get(c->engine->store, a, c->id,
                                    (const uint8_t(*)[SERVED_TOKEN])rest, missing, stored, e);
    for (size_t i = 0; i < missing && !err; i++)
        out[place[i]] = stored[i];
    return err;
}

/* The answers of a reader that are not yet stored. */
static size_t pending_of_user(struct collection *c, struct str user, struct arena *a,
                              struct served_record **out)
{
    struct served_log *l = c->engine->served;
    struct batch *both[] = {NULL, NULL};
    size_t n = 0;
    lock_take(&l->lock);
    both[0] = l->filling;
    both[1] = l->writing;
    size_t most = l->filling->count + (l->writing ? l->writing->count : 0);
    *out = most ? arena_array(a, most, sizeof **out) : NULL;
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; both[k] && i < both[k]->count; i++)
            if (both[k]->rows[i].collection == c->id && str_eq(both[k]->rows[i].user, user))
                record_copy(&(*out)[n++], &both[k]->rows[i], a);
    lock_drop(&l->lock);
    return n;
}

enum err served_of_user(struct collection *c, struct str user, size_t limit, struct arena *a,
                        struct served_record **out, size_t *count, struct err_info *e)
{
    struct served_record *pending, *stored;
    size_t n = pending_of_user(c, user, a, &pending), m;
    enum err err =
        store_served_of_user(c->engine->store, a, c->id, user, 0, 0, limit, &stored, &m, e);
    if (err)
        return err;
    struct served_record *all = arena_array(a, n + m + 1, sizeof *all);
    *count = 0;
    while (n > 0)
        all[(*count)++] = pending[--n];
    size_t fresh = *count;
    for (size_t i = 0; i < m; i++) {
        bool twice = false; /* stored between the two looks */
        for (size_t k = 0; k < fresh && !twice; k++)
            twice = memcmp(all[k].token, stored[i].token, SERVED_TOKEN) == 0;
        if (!twice)
            all[(*count)++] = stored[i];
    }
    *count = *count < limit ? *count : limit;
    *out = all;
    return ERR_OK;
}

/* ---- what was shown ---- */

struct shown_table {
    const uint32_t *numbers;
    uint32_t *slots; /* by number: place + 1 */
    size_t mask;
};

static size_t shown_slot(const struct shown_table *t, uint32_t number)
{
    size_t i = (number * UINT32_C(2654435769)) & t->mask;
    while (t->slots[i] && t->numbers[t->slots[i] - 1] != number)
        i = (i + 1) & t->mask;
    return i;
}

static void shown_table_make(struct shown_table *t, const uint32_t *numbers, size_t count,
                             struct arena *a)
{
    size_t size = 8;
    while (size < count * 2)
        size *= 2;
    *t = (struct shown_table){numbers, arena_array(a, size, sizeof *t->slots), size - 1};
    for (size_t i = 0; i < count; i++)
        t->slots[shown_slot(t, numbers[i])] = (uint32_t)i + 1;
}

enum err served_counts(struct collection *c, struct str user, const uint32_t *numbers, size_t count,
                       struct arena *a, float *counts, struct err_info *e)
{
    struct shown_table t;
    struct served_record *answers;
    size_t n;
    assert(count < UINT32_MAX);
    memset(counts, 0, count * sizeof *counts);
    if (count == 0 || user.n == 0)
        return ERR_OK;
    enum err err = served_of_user(c, user, SHOWN_ANSWERS, a, &answers, &n, e);
    if (err)
        return err;
    int64_t since_us = clock_wall_us() - SHOWN_US;
    shown_table_make(&t, numbers, count, a);
    for (size_t i = 0; i < n && !err; i++) {
        struct served_list list = {0};
        if (answers[i].at_us >= since_us)
            err = served_unpack(answers[i].payload, 0, a, &list, e);
        for (size_t k = 0; k < list.count && !err; k++) {
            uint32_t place = t.slots[shown_slot(&t, list.slots[k].number)];
            if (place)
                counts[place - 1]++;
        }
    }
    return err;
}

/* ---- age ---- */

static bool forget_one(struct engine *x, struct collection *c)
{
    struct feedback_settings f;
    struct store_act act = {.kind = ACT_SERVED_FORGET, .served_collection = c->id};
    collection_feedback(c, &f);
    if (f.answers_days == 0)
        return false;
    act.served_before_us = clock_wall_us() - (int64_t)f.answers_days * 86400 * 1000000;
    return store_write(x->store, &act, 1, false, NULL, NULL) == 0 && act.id == FORGET_STEP;
}

bool served_forget_step(struct engine *x)
{
    struct served_log *l = x->served;
    bool more = false;
    int64_t now_ns = clock_mono_ns();
    if (now_ns < l->forget_ns)
        return false;
    for (struct collection *c = NULL; (c = collection_next(x, c));)
        more |= forget_one(x, c);
    if (!more)
        l->forget_ns = now_ns + FORGET_EVERY_NS;
    return more;
}
