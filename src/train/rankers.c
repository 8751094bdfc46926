#include "train/rankers.h"

#include "base/arena.h"
#include "math/dense.h"
#include "math/dot.h"
#include "math/half.h"
#include "math/topk.h"
#include "recommend/text_model.h"
#include "train/parallel.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- popularity ---- */

float *set_readers(const struct training_set *s)
{
    float *readers = xcalloc((size_t)s->items + 1, sizeof *readers);
    for (size_t i = 0; i < s->start[s->readers]; i++)
        readers[s->acts[i].item] += s->acts[i].weight > 0;
    return readers;
}

static void popularity_score(void *ctx, const struct split_case *cases, unsigned count,
                             float *scores)
{
    const struct popularity *p = ctx;
    for (unsigned k = 0; k < count; k++)
        memcpy(scores + (size_t)k * p->items, p->readers, p->items * sizeof *scores);
}

struct ranker ranker_popularity(const struct popularity *p)
{
    return (struct ranker){"popularity", (void *)p, popularity_score};
}

/* ---- content ---- */

static void texts_mean(const struct training_set *s, float *row, double *mean)
{
    size_t count = 0;
    for (uint32_t i = 0; i < s->items; i++) {
        half_to_f32(s->vectors + (size_t)i * s->dims, row, s->dims);
        count += norm_f32(row, s->dims) > 0;
        for (uint32_t d = 0; d < s->dims; d++)
            mean[d] += (double)row[d];
    }
    for (uint32_t d = 0; d < s->dims && count; d++)
        mean[d] /= (double)count;
}

struct texts *texts_new(const struct training_set *s)
{
    if (!s->dims)
        return NULL;
    struct texts *t = xcalloc(1, sizeof *t);
    double *mean = xcalloc(s->dims, sizeof *mean);
    t->items = s->items, t->dims = s->dims;
    t->rows = xmalloc(((size_t)s->items * s->dims + 1) * sizeof *t->rows);
    t->has = xcalloc((size_t)s->items + 1, sizeof *t->has);
    texts_mean(s, t->rows, mean);
    for (uint32_t i = 0; i < s->items; i++) {
        float *row = t->rows + (size_t)i * s->dims;
        half_to_f32(s->vectors + (size_t)i * s->dims, row, s->dims);
        t->has[i] = norm_f32(row, s->dims) > 0;
        for (uint32_t d = 0; d < s->dims; d++)
            row[d] = t->has[i] ? (float)((double)row[d] - mean[d]) : 0;
        t->has[i] = normalise_f32(row, s->dims) > 1e-6f && t->has[i];
    }
    free(mean);
    return t;
}

void texts_free(struct texts *t)
{
    if (!t)
        return;
    free(t->rows);
    free(t->has);
    free(t);
}

static void profile_of(const struct texts *t, const struct split_case *c, float *out)
{
    memset(out, 0, t->dims * sizeof *out);
    for (uint32_t i = 0; i < c->given_count; i++)
        for (uint32_t d = 0; d < t->dims; d++)
            out[d] += c->given[i].weight * t->rows[(size_t)c->given[i].item * t->dims + d];
}

/* Item by item for all cases, so that each row is fetched once. */
static void content_score(void *ctx, const struct split_case *cases, unsigned count, float *scores)
{
    const struct texts *t = ctx;
    float *profiles = xmalloc((size_t)count * t->dims * sizeof *profiles);
    for (unsigned k = 0; k < count; k++)
        profile_of(t, &cases[k], profiles + (size_t)k * t->dims);
    for (uint32_t i = 0; i < t->items; i++)
        for (unsigned k = 0; k < count; k++)
            scores[(size_t)k * t->items + i] = t->has[i]
                                                   ? dot_f32(profiles + (size_t)k * t->dims,
                                                             t->rows + (size_t)i * t->dims, t->dims)
                                                   : NAN;
    free(profiles);
}

struct ranker ranker_content(const struct texts *t)
{
    return (struct ranker){"content", (void *)t, content_score};
}

/* ---- a model ---- */

struct model_ranker {
    const struct recommend_model *m;
    uint32_t dims, near;
    float *rows; /* items x dims, centred as the model has them */
    bool *has;
    uint32_t *unread; /* items that the text speaks for, rising */
    uint32_t unread_count;
    uint32_t *near_items; /* unread_count x near */
    float *near_cosines;
    uint32_t *near_counts;
};

static void rows_centre(struct model_ranker *r, const struct training_set *s)
{
    float *row = xmalloc((size_t)r->dims * sizeof *row);
    for (uint32_t i = 0; i < s->items; i++) {
        half_to_f32(s->vectors + (size_t)i * r->dims, row, r->dims);
        r->has[i] = norm_f32(row, r->dims) > 0 &&
                    text_model_centre(r->m->text, row, r->rows + (size_t)i * r->dims);
        if (!r->has[i])
            memset(r->rows + (size_t)i * r->dims, 0, r->dims * sizeof *r->rows);
    }
    free(row);
}

#define NEAR_BLOCK 64u
#define NEAR_TILE 4096u

/* What a worker needs for its blocks. */
struct nearing {
    struct model_ranker *r;
    struct near_room {
        float *own;     /* NEAR_BLOCK x dims */
        float *cosines; /* NEAR_BLOCK x NEAR_TILE */
        struct topk_item *items;
    } room[PARALLEL_THREADS_MAX];
};

static void near_add(const struct model_ranker *r, struct topk *best, const float *cosines,
                     uint32_t from, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (r->has[from + i] && recommend_model_knows(r->m, from + i) &&
            topk_wants(best, cosines[i], from + i))
            topk_add(best, cosines[i], from + i);
}

/* Of unread[from] ...: the known items whose texts are nearest. */
static void near_block(struct model_ranker *r, uint32_t from, uint32_t count, float *own,
                       float *cosines, struct topk_item *items)
{
    struct topk best[NEAR_BLOCK];
    for (uint32_t k = 0; k < count; k++) {
        topk_init(&best[k], items + (size_t)k * r->near, r->near);
        memcpy(own + (size_t)k * r->dims, r->rows + (size_t)r->unread[from + k] * r->dims,
               r->dims * sizeof *own);
    }
    for (uint32_t at = 0; at < r->m->items; at += NEAR_TILE) {
        uint32_t n = r->m->items - at < NEAR_TILE ? r->m->items - at : NEAR_TILE;
        dense_product(count, n, r->dims, 1, (struct dense){own, r->dims, false},
                      (struct dense){r->rows + (size_t)at * r->dims, r->dims, true}, 0, cosines,
                      NEAR_TILE);
        for (uint32_t k = 0; k < count; k++)
            near_add(r, &best[k], cosines + (size_t)k * NEAR_TILE, at, n);
    }
    for (uint32_t k = 0; k < count; k++) {
        size_t to = (size_t)(from + k) * r->near;
        topk_sort(&best[k]);
        r->near_counts[from + k] = (uint32_t)best[k].count;
        for (size_t i = 0; i < best[k].count; i++) {
            r->near_items[to + i] = (uint32_t)best[k].items[i].id;
            r->near_cosines[to + i] = best[k].items[i].score;
        }
    }
}

static void near_run(void *ctx, unsigned worker, uint32_t block)
{
    struct nearing *n = ctx;
    struct model_ranker *r = n->r;
    struct near_room *room = &n->room[worker];
    uint32_t from = block * NEAR_BLOCK, left = r->unread_count - from;
    if (!room->own) {
        room->own = xmalloc((size_t)NEAR_BLOCK * r->dims * sizeof *room->own);
        room->cosines = xmalloc((size_t)NEAR_BLOCK * NEAR_TILE * sizeof *room->cosines);
        room->items = xmalloc((size_t)NEAR_BLOCK * r->near * sizeof *room->items);
    }
    near_block(r, from, left < NEAR_BLOCK ? left : NEAR_BLOCK, room->own, room->cosines,
               room->items);
}

static enum err near_find(struct model_ranker *r, unsigned threads, struct err_info *e)
{
    struct nearing n = {.r = r};
    size_t room = (size_t)r->unread_count * r->near + 1;
    enum err err = dense_open(e);
    if (err)
        return err;
    r->near_items = xmalloc(room * sizeof *r->near_items);
    r->near_cosines = xmalloc(room * sizeof *r->near_cosines);
    r->near_counts = xcalloc((size_t)r->unread_count + 1, sizeof *r->near_counts);
    dense_threads(1);
    parallel_run(parallel_threads(threads), (r->unread_count + NEAR_BLOCK - 1) / NEAR_BLOCK,
                 near_run, &n);
    for (unsigned i = 0; i < PARALLEL_THREADS_MAX; i++) {
        free(n.room[i].own);
        free(n.room[i].cosines);
        free(n.room[i].items);
    }
    return ERR_OK;
}

static void text_open(struct model_ranker *r, const struct training_set *s, const uint8_t *among)
{
    r->dims = s->dims;
    r->near = r->m->text->near;
    assert(r->m->text->dims == s->dims);
    r->rows = xmalloc(((size_t)s->items * r->dims + 1) * sizeof *r->rows);
    r->has = xcalloc((size_t)s->items + 1, sizeof *r->has);
    r->unread = xmalloc(((size_t)s->items + 1) * sizeof *r->unread);
    rows_centre(r, s);
    for (uint32_t i = 0; i < s->items; i++)
        if (r->has[i] && !recommend_model_knows(r->m, i) && (!among || among[i]))
            r->unread[r->unread_count++] = i;
}

enum err model_ranker_new(const struct recommend_model *m, const struct training_set *s,
                          const uint8_t *among, unsigned threads, struct model_ranker **out,
                          struct err_info *e)
{
    struct model_ranker *r = xcalloc(1, sizeof *r);
    enum err err = ERR_OK;
    r->m = m;
    assert(m->items == s->items);
    if (m->text && s->dims) {
        text_open(r, s, among);
        err = near_find(r, threads, e);
    }
    if (err)
        model_ranker_free(r);
    else
        *out = r;
    return err;
}

void model_ranker_free(struct model_ranker *r)
{
    if (!r)
        return;
    free(r->rows);
    free(r->has);
    free(r->unread);
    free(r->near_items);
    free(r->near_cosines);
    free(r->near_counts);
    free(r);
}

/* M is linear: what was given is added up before it is turned. */
static void text_profile(const struct model_ranker *r, const struct split_case *c, float *sum,
                         float *profile)
{
    memset(sum, 0, r->dims * sizeof *sum);
    memset(profile, 0, r->dims * sizeof *profile);
    for (uint32_t i = 0; i < c->given_count; i++)
        for (uint32_t d = 0; d < r->dims; d++)
            sum[d] += c->given[i].weight * r->rows[(size_t)c->given[i].item * r->dims + d];
    text_model_read(r->m->text, sum, 1, profile);
}

static void text_score(const struct model_ranker *r, const struct split_case *c, float *scores)
{
    float *sum = xmalloc((size_t)r->dims * 2 * sizeof *sum), *profile = sum + r->dims;
    float *near = xmalloc(((size_t)r->near + 1) * sizeof *near);
    text_profile(r, c, sum, profile);
    for (uint32_t u = 0; u < r->unread_count; u++) {
        size_t at = (size_t)u * r->near;
        for (uint32_t i = 0; i < r->near_counts[u]; i++)
            near[i] = scores[r->near_items[at + i]];
        scores[r->unread[u]] =
            (float)text_model_score(r->m->text, profile, r->rows + (size_t)r->unread[u] * r->dims,
                                    near, r->near_cosines + at, r->near_counts[u]);
    }
    free(sum);
    free(near);
}

static void model_score(void *ctx, const struct split_case *cases, unsigned count, float *scores)
{
    const struct model_ranker *r = ctx;
    for (unsigned k = 0; k < count; k++) {
        const struct split_case *c = &cases[k];
        struct model_read *read = xmalloc(((size_t)c->given_count + 1) * sizeof *read);
        float *own = scores + (size_t)k * r->m->items;
        for (uint32_t i = 0; i < c->given_count; i++)
            read[i] = (struct model_read){c->given[i].item, c->given[i].weight};
        recommend_model_score(r->m, read, c->given_count, own);
        if (r->unread_count)
            text_score(r, c, own);
        free(read);
    }
}

struct ranker ranker_model(struct model_ranker *r, const char *name)
{
    return (struct ranker){name, r, model_score};
}
