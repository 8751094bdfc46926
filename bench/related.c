/* bench_related USERS VECTORS.npy [CITATIONS]: how alike two documents are by what `similar` goes
 * by, against what they cite. USERS as CiteULike's users.dat; CITATIONS the same, a line a
 * document. The score of a pair is fuse_lift(text, recommend_model_lift(row)), with text = max(0,
 * (cos - mu) / (1 - mu)) and mu the mean cosine of all pairs; what is tried are the 500 nearest
 * texts and the entries of the document's row. A JSON line: the share of what is cited that stands
 * among the first 20, by both, by texts alone and by what is read together alone. Without
 * CITATIONS: how long the closed form with texts takes to train, the quicker of two. */
#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "lines.h"
#include "math/dot.h"
#include "math/half.h"
#include "math/topk.h"
#include "recommend/item_model.h"
#include "search/fuse.h"
#include "train/parallel.h"
#include "train/plain.h"
#include "train/recipe.h"
#include <math.h>

#define FIRST 20
#define NEAR 500

enum way { BOTH, TEXTS, READ, WAYS };
struct related {
    struct training_set *set;
    struct recommend_model *model;
    float *texts;     /* items x dims */
    double mu;        /* the mean cosine of two of them */
    uint32_t **cited; /* of each item */
    uint32_t *cited_count;
    double *found[WAYS]; /* items: share; NaN: cites nothing */
};

static struct plain_set set_read(const char *users, const char *vectors)
{
    struct err_info e = {0};
    struct plain_options o = {PLAIN_COUNTED, (double)NAN};
    struct plain *p = plain_new(&o);
    struct plain_set out;
    struct npy head;
    uint16_t *rows;
    must(npy_read(vectors, &head, &rows, &e), &e);
    lines_read(users);
    for (size_t i = 0; i < line_count; i++)
        must(plain_line(p, lines[i], users, i + 1, &e), &e);
    must(plain_end(p, head.rows, users, &out, &e), &e);
    plain_free(p);
    free(out.set->vectors);
    out.set->vectors = rows;
    out.set->dims = head.columns;
    return out;
}

static void citations_read(struct related *r, const char *path)
{
    line_count = 0;
    lines_read(path);
    r->cited = xcalloc(r->set->items, sizeof *r->cited);
    r->cited_count = xcalloc(r->set->items, sizeof *r->cited_count);
    for (uint32_t i = 0; i < line_count && i < r->set->items; i++) {
        char *at;
        long count = strtol(lines[i].s, &at, 10);
        r->cited[i] = xcalloc((size_t)count + 1, sizeof **r->cited);
        for (long k = 0; k < count; k++) {
            unsigned long item = strtoul(at, &at, 10);
            if (item < r->set->items && item != i)
                r->cited[i][r->cited_count[i]++] = (uint32_t)item;
        }
    }
}

static double share(const struct related *r, uint32_t item, struct topk *best)
{
    uint32_t found = 0;
    for (size_t i = 0; i < best->count; i++)
        for (uint32_t k = 0; k < r->cited_count[item]; k++)
            found += best->items[i].id == r->cited[item][k];
    return (double)found / r->cited_count[item];
}

/* By `way`, of the candidates, which may be there twice. */
static void offer(const struct related *r, enum way way, uint32_t item, uint32_t other,
                  double cosine, struct topk *best)
{
    for (size_t i = 0; i < best->count; i++)
        if (best->items[i].id == other)
            return;
    double weight = (double)item_model_weight(r->model->rows, item, other),
           lift = recommend_model_lift(r->model, weight),
           text = fmax(0, (cosine - r->mu) / (1 - r->mu)),
           score = way == TEXTS  ? cosine
                   : way == READ ? weight
                                 : fuse_lift(text, lift);
    topk_add(best, (float)score, other);
}

static void one(void *ctx, unsigned worker, uint32_t item)
{
    struct related *r = ctx;
    struct topk_item near[NEAR], room[FIRST];
    struct topk nearest, best;
    const float *own = r->texts + (size_t)item * r->set->dims;
    const struct sparse *rows = &r->model->rows->rows;
    float *cosines = xmalloc(r->set->items * sizeof *cosines);
    topk_init(&nearest, near, NEAR);
    for (uint32_t i = 0; i < r->set->items && r->cited_count[item]; i++) {
        cosines[i] = dot_f32(own, r->texts + (size_t)i * r->set->dims, r->set->dims);
        if (i != item)
            topk_add(&nearest, cosines[i], i);
    }
    for (enum way way = 0; way < WAYS; way++) {
        r->found[way][item] = (double)NAN;
        if (!r->cited_count[item])
            continue;
        topk_init(&best, room, FIRST);
        for (size_t i = 0; i < nearest.count && way != READ; i++)
            offer(r, way, item, (uint32_t)near[i].id, (double)near[i].score, &best);
        for (size_t i = rows->start[item]; i < rows->start[item + 1] && way != TEXTS; i++)
            offer(r, way, item, rows->at[i], (double)cosines[rows->at[i]], &best);
        r->found[way][item] = share(r, item, &best);
    }
    free(cosines);
}

static void texts_make(struct related *r)
{
    size_t items = r->set->items, dims = r->set->dims;
    double *sum = xcalloc(dims, sizeof *sum), squares = 0;
    r->texts = xmalloc(items * dims * sizeof *r->texts);
    half_to_f32(r->set->vectors, r->texts, items * dims);
    for (size_t i = 0; i < items * dims; i++)
        sum[i % dims] += (double)r->texts[i] / (double)items;
    for (size_t d = 0; d < dims; d++)
        squares += sum[d] * sum[d];
    r->mu = squares;
    free(sum);
}

static double mean(const double *values, uint32_t count, unsigned *of)
{
    double sum = 0;
    *of = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!isnan(values[i])) {
            sum += values[i];
            ++*of;
        }
    return sum / *of;
}

static struct recommend_model *model_fit(const struct training_set *s, bool parts_only)
{
    struct recipe recipe = recipe_default(MODEL_EASE);
    struct fit_options o = {.seed = 42, .parts_only = parts_only};
    struct recommend_model *m = NULL;
    struct err_info e = {0};
    must(recipe_fit(&recipe, s, &o, &m, &e), &e);
    return m;
}

static void timed(const struct training_set *s)
{
    double best = INFINITY;
    for (int i = 0; i < 2; i++) {
        int64_t begin_ns = clock_mono_ns();
        recommend_model_free(model_fit(s, true));
        best = fmin(best, (double)(clock_mono_ns() - begin_ns) / 1e9);
    }
    printf("{\"documents\":%u,\"readers\":%u,\"dims\":%u,\"ease_seconds\":%.2f}\n", s->items,
           s->readers, s->dims, best);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct related r = {0};
    unsigned count = 0;
    if (argc != 3 && argc != 4) {
        fprintf(stderr, "usage: %s USERS VECTORS.npy [CITATIONS]\n", argv[0]);
        return 2;
    }
    json_setup();
    struct plain_set read = set_read(argv[1], argv[2]);
    r.set = read.set;
    if (argc == 3) { /* the training alone */
        timed(r.set);
        plain_set_free(&read);
        return 0;
    }
    citations_read(&r, argv[3]);
    r.model = model_fit(r.set, false);
    texts_make(&r);
    for (enum way way = 0; way < WAYS; way++)
        r.found[way] = xcalloc(r.set->items, sizeof *r.found[way]);
    parallel_run(parallel_threads(0), r.set->items, one, &r);
    printf("{\"recall@20\":%.4f,", mean(r.found[BOTH], r.set->items, &count));
    printf("\"texts\":%.4f,", mean(r.found[TEXTS], r.set->items, &count));
    printf("\"read_together\":%.4f,", mean(r.found[READ], r.set->items, &count));
    printf("\"documents\":%u}\n", count);
    return 0;
}
