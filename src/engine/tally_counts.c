#include "engine/tally.h"
#include "base/hash.h"
#include <stdlib.h>
#include <string.h>

#define ROW_SLOTS (2 * TALLY_ROWS_MAX)
#define NAME_SLOTS (2 * TALLY_NAMES_MAX)
#define NAME_OTHER 1 /* of what came when the table was full */
#define SEEN_MIN 1024
#define SEEN_MAX (1u << 20) /* slots of a generation: 8 MiB */

/* Answers that were counted as clicked or converted, so that they are not again: two generations,
 * the older one goes when the younger is full. What is forgotten that way was clicked half a
 * million clicks ago. */
struct seen {
    uint64_t *slots; /* 0: free */
    size_t size, count;
};
struct tally_counts {
    struct tally_row *rows[TALLY_ROWS_MAX];
    size_t row_count;
    uint16_t row_slots[ROW_SLOTS]; /* place + 1 */
    struct str names[TALLY_NAMES_MAX];
    size_t name_count;
    uint16_t name_slots[NAME_SLOTS];
    struct seen seen, seen_before;
    struct tally_experiment **experiments;
    size_t experiment_count;
};

static uint16_t name_of(struct tally_counts *t, struct str name);

struct tally_counts *tally_counts_new(void)
{
    struct tally_counts *t = xcalloc(1, sizeof *t);
    (void)name_of(t, STR(""));
    (void)name_of(t, STR("(other)"));
    return t;
}

static void rows_free(struct tally_counts *t)
{
    for (size_t i = 0; i < t->row_count; i++)
        free(t->rows[i]);
    t->row_count = 0;
}

void tally_counts_free(struct tally_counts *t)
{
    rows_free(t);
    for (size_t i = 0; i < t->name_count; i++)
        free((char *)t->names[i].s);
    for (size_t i = 0; i < t->experiment_count; i++)
        free(t->experiments[i]);
    free(t->experiments);
    free(t->seen.slots);
    free(t->seen_before.slots);
    free(t);
}

/* ---- names ---- */

static uint16_t name_of(struct tally_counts *t, struct str name)
{
    size_t i = checksum64(name.s, name.n, 1) % NAME_SLOTS;
    for (; t->name_slots[i]; i = (i + 1) % NAME_SLOTS)
        if (str_eq(t->names[t->name_slots[i] - 1], name))
            return (uint16_t)(t->name_slots[i] - 1);
    if (t->name_count == TALLY_NAMES_MAX)
        return NAME_OTHER;
    t->names[t->name_count] = str_dup(name);
    t->name_slots[i] = (uint16_t)++t->name_count;
    return (uint16_t)(t->name_count - 1);
}

const struct str *tally_counts_names(struct tally_counts *t, size_t *count)
{
    *count = t->name_count;
    return t->names;
}

/* ---- rows ---- */

static bool key_eq(const struct tally_key *a, const struct tally_key *b)
{
    return a->day == b->day && a->recommender == b->recommender && a->scenario == b->scenario &&
           a->experiment == b->experiment && a->variant == b->variant;
}

static size_t row_slot(struct tally_counts *t, const struct tally_key *k)
{
    uint64_t h = distinct_hash((uint64_t)(uint32_t)k->day << 32 | k->recommender) ^
                 (uint64_t)k->scenario << 32 ^ (uint64_t)k->experiment << 16 ^ k->variant;
    size_t i = distinct_hash(h) % ROW_SLOTS;
    while (t->row_slots[i] && !key_eq(&t->rows[t->row_slots[i] - 1]->key, k))
        i = (i + 1) % ROW_SLOTS;
    return i;
}

/* The rows of the oldest day go, unless it is `day`. */
static bool oldest_drop(struct tally_counts *t, int32_t day)
{
    int32_t oldest = INT32_MAX;
    size_t kept = 0;
    for (size_t i = 0; i < t->row_count; i++)
        if (t->rows[i]->key.day < oldest)
            oldest = t->rows[i]->key.day;
    if (oldest >= day)
        return false;
    memset(t->row_slots, 0, sizeof t->row_slots);
    for (size_t i = 0; i < t->row_count; i++) {
        struct tally_row *r = t->rows[i];
        if (r->key.day == oldest) {
            free(r);
            continue;
        }
        t->rows[kept++] = r;
        t->row_slots[row_slot(t, &r->key)] = (uint16_t)kept;
    }
    t->row_count = kept;
    return true;
}

static struct tally_row *row_of(struct tally_counts *t, const struct tally_answer *s, bool make)
{
    struct tally_key k = {.day = (int32_t)(s->at_us / TALLY_DAY_US),
                          .recommender = s->recommender,
                          .scenario = name_of(t, s->scenario),
                          .experiment = name_of(t, s->experiment),
                          .variant = name_of(t, s->variant)};
    size_t i = row_slot(t, &k);
    if (!t->row_slots[i] && t->row_count == TALLY_ROWS_MAX) {
        if (!make || !oldest_drop(t, k.day)) /* too many of one day: they share a row */
            k = (struct tally_key){k.day, 0, NAME_OTHER, NAME_OTHER, NAME_OTHER};
        i = row_slot(t, &k);
    }
    if (t->row_slots[i])
        return t->rows[t->row_slots[i] - 1];
    if (!make || t->row_count == TALLY_ROWS_MAX)
        return NULL;
    struct tally_row *r = t->rows[t->row_count] = xcalloc(1, sizeof *r);
    r->key = k;
    t->row_slots[i] = (uint16_t)++t->row_count;
    return r;
}

struct tally_row **tally_counts_rows(struct tally_counts *t, size_t *count)
{
    *count = t->row_count;
    return t->rows;
}

/* ---- what was counted already ---- */

static bool seen_has(const struct seen *s, uint64_t key)
{
    if (!s->size)
        return false;
    for (size_t i = key & (s->size - 1); s->slots[i]; i = (i + 1) & (s->size - 1))
        if (s->slots[i] == key)
            return true;
    return false;
}

static void seen_put(struct seen *s, uint64_t key)
{
    size_t i = key & (s->size - 1);
    while (s->slots[i])
        i = (i + 1) & (s->size - 1);
    s->slots[i] = key;
    s->count++;
}

static void seen_grow(struct seen *s)
{
    struct seen more = {.size = s->size ? 2 * s->size : SEEN_MIN};
    more.slots = xcalloc(more.size, sizeof *more.slots);
    for (size_t i = 0; i < s->size; i++)
        if (s->slots[i])
            seen_put(&more, s->slots[i]);
    free(s->slots);
    *s = more;
}

/* False: it was there. Tokens are random, so some of their bytes are a key. */
static bool seen_add(struct tally_counts *t, const uint8_t token[SERVED_TOKEN], unsigned kind)
{
    uint64_t key;
    memcpy(&key, token, sizeof key);
    key = distinct_hash(key + kind) | 1;
    if (seen_has(&t->seen, key) || seen_has(&t->seen_before, key))
        return false;
    if (2 * t->seen.count >= t->seen.size) {
        if (t->seen.size == SEEN_MAX) {
            free(t->seen_before.slots);
            t->seen_before = t->seen;
            t->seen = (struct seen){0};
        }
        seen_grow(&t->seen);
    }
    seen_put(&t->seen, key);
    return true;
}

/* ---- experiments ---- */

static const struct experiment *running_named(const struct experiments *x, const char *name)
{
    for (size_t i = 0; x && i < x->count; i++)
        if (strcmp(x->all[i].name, name) == 0)
            return &x->all[i];
    return NULL;
}

static void experiment_add(struct tally_counts *t, const struct experiment *x)
{
    struct tally_experiment *n = xcalloc(1, sizeof *n);
    memcpy(n->name, x->name, sizeof n->name);
    n->started_us = x->started_us;
    n->count = x->variant_count;
    for (unsigned i = 0; i < x->variant_count; i++)
        memcpy(n->names[i], x->variants[i].name, sizeof n->names[i]);
    t->experiments =
        xrealloc(t->experiments, (t->experiment_count + 1) * sizeof(struct tally_experiment *));
    t->experiments[t->experiment_count++] = n;
}

void tally_counts_follow(struct tally_counts *t, const struct experiments *running)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->experiment_count; i++) {
        struct tally_experiment *n = t->experiments[i];
        const struct experiment *x = running_named(running, n->name);
        if (x && x->started_us == n->started_us)
            t->experiments[kept++] = n;
        else
            free(n);
    }
    t->experiment_count = kept;
    for (size_t i = 0; running && i < running->count; i++)
        if (!tally_counts_experiment(t, running->all[i].name))
            experiment_add(t, &running->all[i]);
}

const struct tally_experiment *tally_counts_experiment(struct tally_counts *t, const char *name)
{
    for (size_t i = 0; i < t->experiment_count; i++)
        if (strcmp(t->experiments[i]->name, name) == 0)
            return t->experiments[i];
    return NULL;
}

static struct tally_variant *variant_of(struct tally_counts *t, const struct tally_answer *s)
{
    if (!s->experiment.n)
        return NULL;
    for (size_t i = 0; i < t->experiment_count; i++) {
        struct tally_experiment *n = t->experiments[i];
        if (!str_eq_c(s->experiment, n->name) || s->at_us < n->started_us)
            continue;
        for (unsigned k = 0; k < n->count; k++)
            if (str_eq_c(s->variant, n->names[k]))
                return &n->variants[k];
    }
    return NULL;
}

/* Of a reader; of nobody's answer each its own. Not what assigns variants. */
static uint64_t reader_hash(const struct tally_answer *s)
{
    return s->user.n ? checksum64(s->user.s, s->user.n, 11)
                     : checksum64(s->token, sizeof s->token, 12);
}

/* ---- counting ---- */

void tally_counts_answer(struct tally_counts *t, const struct tally_answer *s)
{
    struct tally_row *r = s->count ? row_of(t, s, true) : NULL;
    struct tally_variant *v = s->count ? variant_of(t, s) : NULL;
    uint64_t reader = reader_hash(s);
    if (r) {
        r->answers++;
        r->shown += s->count;
        distinct_add(&r->readers, reader);
    }
    if (v) {
        v->shown += s->count;
        distinct_add(&v->readers, reader);
        v->buckets[METRIC_CLICK_THROUGH][reader % TALLY_BUCKETS].units++;
        v->buckets[METRIC_CONVERSION][reader % TALLY_BUCKETS].units++;
    }
    for (size_t i = 0; i < s->count; i++) {
        uint64_t h = distinct_hash(s->numbers[i]);
        if (r)
            distinct_add(&r->documents, h);
        if (v)
            distinct_add(&v->documents, h);
    }
}

void tally_counts_act(struct tally_counts *t, const struct tally_answer *s,
                      enum experiment_metric metric)
{
    if (!seen_add(t, s->token, metric))
        return;
    struct tally_row *r = row_of(t, s, false);
    struct tally_variant *v = variant_of(t, s);
    if (r && metric == METRIC_CLICK_THROUGH)
        r->clicked++;
    else if (r)
        r->converted++;
    if (!v)
        return;
    struct sequential_bucket *b = &v->buckets[metric][reader_hash(s) % TALLY_BUCKETS];
    if (b->events < b->units) /* an answer of before the experiment was known here */
        b->events++;
}
