#include "train/adapter.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/rng.h"
#include "math/dense.h"
#include "math/dot.h"
#include "math/half.h"
#include "train/rankers.h"
#include "train/split.h"
#include "train/train.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TEMPERATURE .1f
#define DECAY 1e-4f
#define RATE .12f /* / dims: so a step turns vectors by as much whatever their length */
#define BATCH 256u
#define CANDIDATES 8192u /* of a step; documents beyond are sampled */
#define EPOCH 12u        /* steps between two looks at validation */
#define EPOCHS_MAX 30u
#define PATIENCE 3u
#define JUDGED_MAX 3000u /* readers of validation and of each test */
#define P_MAX .05

const double adapter_strengths[ADAPTER_STRENGTHS] = {1, .5, .25};

/* ---- what is learned from ---- */

struct liked { /* of readers who like two documents with texts, or more */
    uint32_t *item;
    size_t *start;
    uint32_t readers;
};

static bool has_text(const struct training_set *s, uint32_t item)
{
    const uint16_t *row = s->vectors + (size_t)item * s->dims;
    for (uint32_t d = 0; d < s->dims; d++)
        if (row[d])
            return true;
    return false;
}

static void liked_make(const struct training_set *s, struct liked *out)
{
    size_t n = 0;
    out->item = xmalloc((s->start[s->readers] + 1) * sizeof *out->item);
    out->start = xcalloc((size_t)s->readers + 2, sizeof *out->start);
    out->readers = 0;
    for (uint32_t r = 0; r < s->readers; r++) {
        size_t from = n;
        for (size_t i = s->start[r]; i < s->start[r + 1]; i++)
            if (s->acts[i].weight > 0 && has_text(s, s->acts[i].item))
                out->item[n++] = s->acts[i].item;
        if (n - from < 2)
            n = from;
        else
            out->start[++out->readers] = n;
    }
}

static void liked_release(struct liked *l)
{
    free(l->item);
    free(l->start);
}

/* ---- a learner ---- */

struct learner {
    const struct training_set *s;
    struct liked liked;
    struct rng rng;
    size_t dims;
    uint32_t *known, known_count; /* documents that somebody likes */
    double *upto;                 /* sums of how many like them, to sample by */
    uint32_t *place;              /* items: among this step's candidates, from 1; 0: is not */
    uint32_t *candidates, candidate_count, room;
    float *expected; /* log q of each candidate */
    /* Adam */
    float *matrix, *gradient, *first, *second;
    unsigned step;
    /* rows of a step, before and behind the adapter, their lengths, and the gradient of f */
    struct rows {
        float *x, *f, *length, *back;
    } of_candidates, of_profiles;
    float *scores; /* BATCH x room */
    uint32_t target[BATCH], reader[BATCH];
};

static void rows_init(struct rows *r, size_t count, size_t dims)
{
    r->x = xmalloc(count * dims * sizeof(float));
    r->f = xmalloc(count * dims * sizeof(float));
    r->back = xmalloc(count * dims * sizeof(float));
    r->length = xmalloc(count * sizeof(float));
}

static void rows_release(struct rows *r)
{
    free(r->x);
    free(r->f);
    free(r->back);
    free(r->length);
}

static void known_make(struct learner *l)
{
    const struct training_set *s = l->s;
    float *readers = set_readers(s);
    double sum = 0;
    l->known = xmalloc(((size_t)s->items + 1) * sizeof *l->known);
    l->upto = xmalloc(((size_t)s->items + 1) * sizeof *l->upto);
    for (uint32_t i = 0; i < s->items; i++)
        if (readers[i] > 0 && has_text(s, i)) {
            l->upto[l->known_count] = sum += (double)readers[i];
            l->known[l->known_count++] = i;
        }
    free(readers);
}

static void learner_init(struct learner *l, const struct training_set *s, uint64_t seed)
{
    *l = (struct learner){.s = s, .dims = s->dims};
    size_t n = l->dims * l->dims;
    rng_init(&l->rng, seed);
    liked_make(s, &l->liked);
    known_make(l);
    l->room = l->known_count <= CANDIDATES ? l->known_count : CANDIDATES + BATCH;
    l->place = xcalloc((size_t)s->items + 1, sizeof *l->place);
    l->candidates = xmalloc(((size_t)l->room + 1) * sizeof *l->candidates);
    l->expected = xcalloc((size_t)l->room + 1, sizeof *l->expected);
    l->matrix = xcalloc(n, sizeof *l->matrix);
    l->gradient = xmalloc(n * sizeof *l->gradient);
    l->first = xcalloc(n, sizeof *l->first);
    l->second = xcalloc(n, sizeof *l->second);
    l->scores = xmalloc((size_t)BATCH * (l->room + 1) * sizeof *l->scores);
    rows_init(&l->of_candidates, (size_t)l->room + 1, l->dims);
    rows_init(&l->of_profiles, BATCH, l->dims);
}

static void learner_release(struct learner *l)
{
    liked_release(&l->liked);
    rows_release(&l->of_candidates);
    rows_release(&l->of_profiles);
    free(l->known);
    free(l->upto);
    free(l->place);
    free(l->candidates);
    free(l->expected);
    free(l->matrix);
    free(l->gradient);
    free(l->first);
    free(l->second);
    free(l->scores);
}

/* ---- a step: who and what ---- */

static void candidate_add(struct learner *l, uint32_t item, double expected)
{
    if (l->place[item])
        return;
    l->expected[l->candidate_count] = expected < 1 ? (float)log(expected) : 0;
    l->candidates[l->candidate_count++] = item;
    l->place[item] = l->candidate_count;
}

static uint32_t known_sample(struct learner *l)
{
    double at = rng_unit(&l->rng) * l->upto[l->known_count - 1];
    uint32_t low = 0, high = l->known_count - 1;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (l->upto[mid] <= at)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static double expected_of(const struct learner *l, uint32_t known)
{
    double own = l->upto[known] - (known ? l->upto[known - 1] : 0);
    return own / l->upto[l->known_count - 1] * CANDIDATES;
}

static void candidates_choose(struct learner *l)
{
    for (uint32_t i = 0; i < l->candidate_count; i++)
        l->place[l->candidates[i]] = 0;
    l->candidate_count = 0;
    if (l->known_count <= CANDIDATES) {
        for (uint32_t i = 0; i < l->known_count; i++)
            candidate_add(l, l->known[i], 1);
        return;
    }
    for (uint32_t i = 0; i < CANDIDATES; i++) {
        uint32_t k = known_sample(l);
        candidate_add(l, l->known[k], expected_of(l, k));
    }
}

static uint32_t known_of(const struct learner *l, uint32_t item)
{
    uint32_t low = 0, high = l->known_count - 1;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (l->known[mid] < item)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Readers, what is hidden of each, and the mean of the rest. */
static void profiles_choose(struct learner *l, float *row)
{
    const struct liked *k = &l->liked;
    for (unsigned b = 0; b < BATCH; b++) {
        uint32_t r = (uint32_t)rng_below(&l->rng, k->readers);
        size_t n = k->start[r + 1] - k->start[r], hidden = k->start[r] + rng_below(&l->rng, n);
        float *x = l->of_profiles.x + b * l->dims;
        memset(x, 0, l->dims * sizeof *x);
        for (size_t i = k->start[r]; i < k->start[r + 1]; i++) {
            half_to_f32(l->s->vectors + (size_t)k->item[i] * l->dims, row, l->dims);
            for (size_t d = 0; d < l->dims && i != hidden; d++)
                x[d] += row[d];
        }
        normalise_f32(x, l->dims);
        l->reader[b] = r;
        l->target[b] = k->item[hidden];
        candidate_add(l, l->target[b], expected_of(l, known_of(l, l->target[b])));
    }
}

/* ---- a step: forward, back ---- */

static void rows_forward(const struct learner *l, struct rows *r, size_t count)
{
    memcpy(r->f, r->x, count * l->dims * sizeof *r->f);
    dense_product(count, l->dims, l->dims, 1, (struct dense){r->x, l->dims, false},
                  (struct dense){l->matrix, l->dims, true}, 1, r->f, l->dims);
    for (size_t i = 0; i < count; i++)
        r->length[i] = normalise_f32(r->f + i * l->dims, l->dims);
}

/* From the gradient of f to that of A, which is added up. */
static void rows_back(struct learner *l, struct rows *r, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        float *g = r->back + i * l->dims, *f = r->f + i * l->dims;
        float along = dot_f32(g, f, l->dims), by = r->length[i] > 0 ? 1 / r->length[i] : 0;
        for (size_t d = 0; d < l->dims; d++)
            g[d] = (g[d] - along * f[d]) * by;
    }
    dense_product(l->dims, l->dims, count, 1, (struct dense){r->back, l->dims, true},
                  (struct dense){r->x, l->dims, false}, 1, l->gradient, l->dims);
}

/* Scores become the gradient of the loss by them: (softmax - what was hidden) / BATCH. */
static void scores_back(struct learner *l, unsigned b)
{
    const struct liked *k = &l->liked;
    float *s = l->scores + (size_t)b * l->candidate_count, most = -INFINITY;
    double sum = 0;
    for (uint32_t i = 0; i < l->candidate_count; i++)
        s[i] -= l->expected[i];
    for (size_t i = k->start[l->reader[b]]; i < k->start[l->reader[b] + 1]; i++)
        if (k->item[i] != l->target[b] && l->place[k->item[i]])
            s[l->place[k->item[i]] - 1] = -INFINITY; /* liked too: neither for nor against */
    for (uint32_t i = 0; i < l->candidate_count; i++)
        most = s[i] > most ? s[i] : most;
    for (uint32_t i = 0; i < l->candidate_count; i++)
        sum += (double)(s[i] = expf(s[i] - most));
    float by = (float)(1 / (sum * BATCH));
    for (uint32_t i = 0; i < l->candidate_count; i++)
        s[i] *= by;
    s[l->place[l->target[b]] - 1] -= 1.f / BATCH;
}

static void matrix_step(struct learner *l)
{
    float rate = RATE / (float)l->dims, left1 = 1 - powf(.9f, (float)++l->step),
          left2 = 1 - powf(.999f, (float)l->step);
    for (size_t i = 0; i < l->dims * l->dims; i++) {
        float g = l->gradient[i] + 2 * DECAY * l->matrix[i];
        l->first[i] = .9f * l->first[i] + .1f * g;
        l->second[i] = .999f * l->second[i] + .001f * g * g;
        l->matrix[i] -= rate * (l->first[i] / left1) / (sqrtf(l->second[i] / left2) + 1e-8f);
    }
}

static void learn_step(struct learner *l)
{
    struct rows *c = &l->of_candidates, *p = &l->of_profiles;
    size_t d = l->dims;
    candidates_choose(l);
    profiles_choose(l, c->back);
    uint32_t n = l->candidate_count;
    for (uint32_t i = 0; i < n; i++)
        half_to_f32(l->s->vectors + (size_t)l->candidates[i] * d, c->x + i * d, d);
    rows_forward(l, c, n);
    rows_forward(l, p, BATCH);
    dense_product(BATCH, n, d, 1 / TEMPERATURE, (struct dense){p->f, d, false},
                  (struct dense){c->f, d, true}, 0, l->scores, n);
    for (unsigned b = 0; b < BATCH; b++)
        scores_back(l, b);
    dense_product(BATCH, d, n, 1 / TEMPERATURE, (struct dense){l->scores, n, false},
                  (struct dense){c->f, d, false}, 0, p->back, d);
    dense_product(n, d, BATCH, 1 / TEMPERATURE, (struct dense){l->scores, n, true},
                  (struct dense){p->f, d, false}, 0, c->back, d);
    memset(l->gradient, 0, d * d * sizeof *l->gradient);
    rows_back(l, c, n);
    rows_back(l, p, BATCH);
    matrix_step(l);
}

/* ---- judging by content ---- */

struct judged {
    struct measured before, after;
};

/* The set with other vectors; borrows all else. */
static struct training_set adapted(const struct training_set *s, const float *matrix)
{
    struct training_set out = *s;
    struct adapter *a = adapter_new(s->dims, matrix);
    float *row = xmalloc(s->dims * sizeof *row);
    out.vectors = xcalloc((size_t)s->items * s->dims + 1, sizeof *out.vectors);
    for (uint32_t i = 0; i < s->items; i++) {
        if (!has_text(s, i))
            continue;
        half_to_f32(s->vectors + (size_t)i * s->dims, row, s->dims);
        adapter_apply(a, row, 1);
        half_from_f32(row, out.vectors + (size_t)i * s->dims, s->dims);
    }
    free(row);
    adapter_free(a);
    return out;
}

static enum err content_measure(const struct training_set *s, const struct split_case *cases,
                                uint32_t count, const uint8_t *among, const struct fit_options *o,
                                struct measured *out, struct err_info *e)
{
    struct texts *t = texts_new(s);
    struct ranker r = ranker_content(t);
    struct measure_options m = {.among = among, .threads = o->threads, .stop = o->stop};
    enum err err = measure_run(cases, count, s->items, &r, &m, out, e);
    texts_free(t);
    return err;
}

static double mean_of(const struct measured *m)
{
    double sum = 0;
    for (uint32_t i = 0; i < m->cases; i++)
        sum += m->values[MEASURE_RECALL_100][i];
    return m->cases ? sum / m->cases : 0;
}

static enum err validate(const struct training_set *s, const float *matrix,
                         const struct split_case *cases, uint32_t count,
                         const struct fit_options *o, double *out, struct err_info *e)
{
    struct measured m = {0};
    struct training_set with = adapted(s, matrix);
    enum err err = content_measure(&with, cases, count, NULL, o, &m, e);
    free(with.vectors);
    if (!err)
        *out = mean_of(&m);
    measured_release(&m);
    return err;
}

static enum err judge(const struct training_set *s, const float *matrix,
                      const struct split_case *cases, uint32_t count, const uint8_t *among,
                      const struct fit_options *o, struct judged *out, struct err_info *e)
{
    struct training_set with = adapted(s, matrix);
    enum err err = content_measure(s, cases, count, among, o, &out->before, e);
    if (!err)
        err = content_measure(&with, cases, count, among, o, &out->after, e);
    free(with.vectors);
    return err;
}

static void judged_release(struct judged *j)
{
    measured_release(&j->before);
    measured_release(&j->after);
}

/* ---- the whole ---- */

struct adapting {
    const struct training_set *s;
    const struct fit_options *o;
    struct split *items, *readers; /* new documents; of what is left, readers who are held out */
    struct judged held_out[ADAPTER_STRENGTHS], new_documents[ADAPTER_STRENGTHS];
    unsigned steps;
    double began;
    float *best;
};

static void tell(const struct adapting *t, const char *step, double done)
{
    if (t->o->progress)
        t->o->progress(t->o->ctx, step, done);
}

static enum err stopped(const struct adapting *t, struct err_info *e)
{
    if (t->o->stop && atomic_load(t->o->stop))
        return err_set(e, ERR_CANCELLED, NULL, "the training was cancelled");
    return 0;
}

/* On the part that is left, for as long as validation gains. */
static enum err learn_judged(struct adapting *t, struct learner *l, struct err_info *e)
{
    const struct split *p = t->readers;
    size_t bytes = l->dims * l->dims * sizeof(float);
    double best = 0;
    enum err err = validate(t->s, l->matrix, p->validation, p->validation_count, t->o, &best, e);
    for (unsigned epoch = 1, since = 0; epoch <= EPOCHS_MAX && since < PATIENCE && !err; epoch++) {
        double now = 0;
        for (unsigned i = 0; i < EPOCH && !err; i++) {
            learn_step(l);
            err = stopped(t, e);
        }
        if (!err)
            err = validate(t->s, l->matrix, p->validation, p->validation_count, t->o, &now, e);
        since++;
        if (!err && now > best) {
            best = now;
            since = 0;
            t->steps = l->step;
            memcpy(t->best, l->matrix, bytes);
        }
        tell(t, "learning", .6 * epoch / EPOCHS_MAX);
    }
    return err;
}

static enum err learn_all(struct adapting *t, struct err_info *e)
{
    struct learner l;
    enum err err = 0;
    learner_init(&l, t->s, t->o->seed);
    for (unsigned i = 0; i < t->steps && !err; i++) {
        learn_step(&l);
        tell(t, "learning from all", .7 + .3 * i / t->steps);
        err = stopped(t, e);
    }
    if (!err)
        memcpy(t->best, l.matrix, l.dims * l.dims * sizeof(float));
    learner_release(&l);
    return err;
}

static bool gains(const struct judged *j)
{
    struct measured_difference d =
        measured_compare(&j->after, &j->before, MEASURE_RECALL_100, SPLIT_SEED);
    return d.mean > 0 && d.p < P_MAX;
}

static void put_mean(struct json_writer *w, const char *key, const struct measured *m)
{
    struct measured_mean v = measured_mean(m, MEASURE_RECALL_100, SPLIT_SEED);
    json_key(w, key);
    json_object_begin(w);
    json_key_double(w, "mean", v.mean);
    json_key_double(w, "low", v.range.low);
    json_key_double(w, "high", v.range.high);
    json_object_end(w);
}

static void put_judged(struct json_writer *w, const char *key, const struct judged *j)
{
    struct measured_difference d =
        measured_compare(&j->after, &j->before, MEASURE_RECALL_100, SPLIT_SEED);
    json_key(w, key);
    json_object_begin(w);
    json_key_int(w, "readers", j->after.cases);
    put_mean(w, "recall@100", &j->after);
    put_mean(w, "before", &j->before);
    json_key_double(w, "difference", d.mean);
    json_key_double(w, "p", d.p);
    json_object_end(w);
}

static void put_strength(struct json_writer *w, const struct adapting *t, unsigned i)
{
    json_object_begin(w);
    json_key_double(w, "strength", adapter_strengths[i]);
    put_judged(w, "held_out", &t->held_out[i]);
    put_judged(w, "new_documents", &t->new_documents[i]);
    json_key_bool(w, "gains", gains(&t->held_out[i]) && gains(&t->new_documents[i]));
    json_object_end(w);
}

static void report_make(const struct adapting *t, struct strbuf *out)
{
    bool held_out = gains(&t->held_out[0]), fresh = gains(&t->new_documents[0]);
    struct json_writer writer, *w = &writer;
    json_writer_init(w, out);
    json_object_begin(w);
    json_key_c(w, "kind", "adapter");
    json_key_int(w, "seed", t->o->seed);
    json_key_int(w, "readers", t->s->readers);
    json_key_int(w, "items", t->s->items);
    json_key_int(w, "acts", t->s->start[t->s->readers]);
    json_key_int(w, "dims", t->s->dims);
    json_key_int(w, "steps", t->steps);
    json_key(w, "strengths");
    json_array_begin(w);
    for (unsigned i = 0; i < ADAPTER_STRENGTHS; i++)
        put_strength(w, t, i);
    json_array_end(w);
    json_key_bool(w, "promote", held_out && fresh);
    json_key_c(w, "reason",
               held_out && fresh ? "readers who were held out and new documents gain"
               : !held_out       ? "readers who were held out do not gain"
                                 : "new documents do not gain");
    json_key_double(w, "seconds", (double)clock_mono_ns() / 1e9 - t->began);
    json_object_end(w);
}

static enum err parts_make(struct adapting *t, struct err_info *e)
{
    uint64_t seed = t->o->seed;
    t->items = split_make(
        t->s, &(struct split_options){
                  .kind = SPLIT_ITEMS, .seed = seed, .validation = 1, .test = JUDGED_MAX});
    t->readers = split_make(
        t->items->train,
        &(struct split_options){.kind = SPLIT_READERS, .seed = seed, .part_max = JUDGED_MAX});
    uint32_t least = t->readers->test_count < t->readers->validation_count
                         ? t->readers->test_count
                         : t->readers->validation_count;
    least = least < t->items->test_count ? least : t->items->test_count;
    if (2 * least < TRAIN_READERS_MIN)
        return err_set(e, ERR_CONFLICT, NULL,
                       "too few readers to judge an adapter by: %u, %u and %u can be held out, and "
                       "%u of each are needed",
                       t->readers->validation_count, t->readers->test_count, t->items->test_count,
                       TRAIN_READERS_MIN / 2);
    return 0;
}

static enum err judge_strength(struct adapting *t, unsigned i, struct err_info *e)
{
    size_t n = (size_t)t->s->dims * t->s->dims;
    float *matrix = xmalloc(n * sizeof *matrix);
    for (size_t k = 0; k < n; k++)
        matrix[k] = (float)adapter_strengths[i] * t->best[k];
    enum err err = judge(t->s, matrix, t->readers->test, t->readers->test_count, NULL, t->o,
                         &t->held_out[i], e);
    if (!err)
        err = judge(t->s, matrix, t->items->test, t->items->test_count, t->items->item_is_new, t->o,
                    &t->new_documents[i], e);
    free(matrix);
    return err;
}

static enum err adapt(struct adapting *t, struct err_info *e)
{
    struct learner l;
    enum err err = parts_make(t, e);
    if (err)
        return err;
    learner_init(&l, t->readers->train, t->o->seed);
    if (l.liked.readers < TRAIN_READERS_MIN)
        err = err_set(e, ERR_CONFLICT, NULL,
                      "too few readers to learn from: %u like two documents with texts or more, "
                      "and %u are needed",
                      l.liked.readers, TRAIN_READERS_MIN);
    if (!err)
        err = learn_judged(t, &l, e);
    learner_release(&l);
    for (unsigned i = 0; i < ADAPTER_STRENGTHS && !err; i++)
        err = judge_strength(t, i, e);
    return err ? err : learn_all(t, e);
}

enum err adapter_train(const struct training_set *s, const struct fit_options *o,
                       struct adapter **out, struct strbuf *report, struct err_info *e)
{
    struct adapting t = {.s = s, .o = o, .began = (double)clock_mono_ns() / 1e9};
    enum err err = dense_open(e);
    if (err)
        return err;
    if (!s->dims || s->dims > ADAPTER_DIMS_MAX)
        return err_set(e, ERR_CONFLICT, NULL, "there are no text vectors to adapt");
    dense_threads(1); /* the same sums whatever the machine */
    t.best = xcalloc((size_t)s->dims * s->dims, sizeof *t.best);
    err = adapt(&t, e);
    if (!err) {
        strbuf_clear(report);
        report_make(&t, report);
        *out = adapter_new(s->dims, t.best);
    }
    for (unsigned i = 0; i < ADAPTER_STRENGTHS; i++) {
        judged_release(&t.held_out[i]);
        judged_release(&t.new_documents[i]);
    }
    split_free(t.readers);
    split_free(t.items);
    free(t.best);
    return err;
}
