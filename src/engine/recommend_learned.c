/* What the trained model says: of documents that it knows by what was read together, of others by
 * their text. The newest feedback is folded in, whatever the model was trained on. */
#include "engine/recommend_sources.h"
#include "math/dot.h"
#include "math/topk.h"
#include "recommend/session_model.h"
#include "recommend/text_model.h"
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#define MAKE_NOW 8 /* newcomers that one request makes itself; the others are made beside it */
#define MAKE_NOW_FEW 100 /* where looking for what is near is quick: */
#define KNOWN_FEW 5000
#define LIKE .5 /* how much of the profile the model's score gets */
#define ALL_SCORED                                                                                 \
    4096 /* so many new documents are all scored; of more, those near the profile                  \
          */
#define FOUND_MIN 512

struct newcomers *recommender_newcomers(struct recommender *r)
{
    struct newcomers *n = atomic_load(&r->newcomers), *none = NULL;
    if (n)
        return n;
    n = newcomers_new(r->model);
    if (atomic_compare_exchange_strong(&r->newcomers, &none, n))
        return n;
    newcomers_free(n);
    return none;
}

/* ---- what was read ---- */

static void read_add(struct learned_read *to, uint32_t item, double weight, size_t of)
{
    to->reads[to->count] = (struct model_read){item, (float)weight};
    to->of[to->count++] = of;
}

/* An example that the model does not know: its weight is divided among the texts nearest to it. */
static void read_near(struct learned *l, const struct newcomer *k, double weight, size_t of)
{
    double sum = 0;
    for (size_t j = 0; j < k->near_count; j++)
        sum += k->cosines[j] > 0 ? pow((double)k->cosines[j], 3) : 0;
    for (size_t j = 0; j < k->near_count && sum > 0; j++)
        if (k->cosines[j] > 0)
            read_add(&l->read, k->near[j], weight * pow((double)k->cosines[j], 3) / sum, of);
}

static size_t make_now(const struct newcomers *all)
{
    return newcomers_known(all)->count < KNOWN_FEW ? MAKE_NOW_FEW : MAKE_NOW;
}

/* Of given documents; NULL for those that are gone, and for those that are still missing: a few are
 * looked up here, more by the thread beside the requests. */
static void newcomers_fetch(struct recommendation *m, struct newcomers *all,
                            const uint32_t *numbers, const uint64_t *revisions, size_t count,
                            const struct newcomer **out)
{
    size_t missing = 0;
    newcomers_find(all, numbers, revisions, count, out);
    for (size_t i = 0; i < count; i++)
        missing += !out[i] && revisions[i];
    if (missing > make_now(all)) {
        if (newcomers_room(all))
            sources_wake(m->x);
        return;
    }
    for (size_t i = 0; i < count && missing > 0; i++)
        if (!out[i] && revisions[i] && newcomers_make(all, m->v->vectors, numbers[i], revisions[i]))
            newcomers_find(all, &numbers[i], &revisions[i], 1, &out[i]);
}

bool item_known(const struct recommend_model *model, uint32_t number, uint32_t *item)
{
    *item = recommend_model_item(model, number);
    return *item != MODEL_ITEM_NONE && recommend_model_knows(model, *item);
}

/* What is near to the examples that the model does not know; NULL for the others. */
static const struct newcomer **examples_near(struct recommendation *m, struct learned *l)
{
    size_t n = 0;
    uint32_t item, *numbers = arena_array(m->a, m->example_count + 1, sizeof *numbers);
    uint64_t *revisions = arena_array(m->a, m->example_count + 1, sizeof *revisions);
    const struct newcomer **found = arena_array(m->a, m->example_count + 1, sizeof *found);
    const struct newcomer **out = arena_array(m->a, m->example_count + 1, sizeof *out);
    for (size_t i = 0; i < m->example_count; i++)
        if (!m->examples[i].vector && !item_known(l->model, m->examples[i].number, &item))
            numbers[n++] = m->examples[i].number;
    live_revisions(m->c, numbers, n, revisions);
    newcomers_fetch(m, l->newcomers, numbers, revisions, n, found);
    n = 0;
    for (size_t i = 0; i < m->example_count; i++) {
        const struct example *x = &m->examples[i];
        struct newcomer *text = arena_zalloc(m->a, sizeof *text);
        if (x->vector)
            out[i] = newcomer_of_vector(l->newcomers, m->v->vectors, x->vector, m->a, text) ? text
                                                                                            : NULL;
        else if (!item_known(l->model, x->number, &item))
            out[i] = found[n++];
    }
    return out;
}

static void reads_make(struct recommendation *m, struct learned *l)
{
    const struct newcomer **near = l->newcomers ? examples_near(m, l) : NULL;
    size_t room = m->example_count;
    uint32_t item;
    for (size_t i = 0; i < m->example_count && near; i++)
        room += near[i] ? near[i]->near_count : 0;
    l->read.reads = arena_array(m->a, room + 1, sizeof *l->read.reads);
    l->read.of = arena_array(m->a, room + 1, sizeof *l->read.of);
    for (size_t i = 0; i < m->example_count; i++) {
        const struct example *x = &m->examples[i];
        if (item_known(l->model, x->number, &item))
            read_add(&l->read, item, x->weight, i);
        else if (near && near[i])
            read_near(l, near[i], x->weight, i);
    }
}

/* M * sum of weight * e: one product, however much was read. The profile has the e already. */
static void text_make(struct recommendation *m, struct learned *l)
{
    const struct profile *p = &m->sources->profile;
    float *sum = arena_array(m->a, p->dims + 1, sizeof *sum);
    if (!l->newcomers || p->count == 0)
        return;
    for (size_t k = 0; k < p->count; k++)
        for (uint32_t d = 0; d < p->dims; d++)
            sum[d] += (float)p->parts[k].weight * p->parts[k].row[d];
    l->text = arena_array(m->a, p->dims, sizeof *l->text);
    text_model_read(l->model->text, sum, 1, l->text);
}

size_t session_items(const struct recommend_model *model, const uint32_t *numbers, size_t count,
                     struct arena *a, uint32_t **items)
{
    size_t n = 0;
    *items = arena_array(a, count + 1, sizeof **items);
    for (size_t i = 0; i < count; i++) {
        uint32_t item = recommend_model_item(model, numbers[i]);
        if (item != MODEL_ITEM_NONE)
            (*items)[n++] = item;
    }
    return n;
}

static void session_make(struct recommendation *m, struct learned *l)
{
    l->session_count = session_items(l->model, m->session, m->session_count, m->a, &l->session);
    if (!l->model->sessions || l->session_count == 0)
        return;
    l->session_scores = arena_array(m->a, (size_t)l->model->items + 1, sizeof(float));
    session_model_score(l->model->sessions, l->session, l->session_count, l->session_scores);
}

bool learned_text_fits(const struct recommender *r, const struct version *v)
{
    return r && r->model->text && r->version == v->id && r->model->text->dims == v->dims;
}

/* In deviations of what the rows say of any two documents, and of how like any two texts are, so
 * that it does not hang on the scale of the rows. On CiteULike-a, 300 readers that the model did
 * not know, N@100 by the number of acts that were given (1, 3, 10, four fifths):
 *
 *     0     .200  .316  .390  .373        .5    .206  .326  .397  .375
 *     .3    .205  .323  .395  .377        1     .209  .330  .398  .373
 */
static double like_of(const struct learned *l)
{
    const struct recommend_model *m = l->model;
    if (!l->newcomers || !(m->row_deviation > 0) || !(m->text->deviation > 0))
        return 0;
    return LIKE * m->row_deviation / m->text->deviation;
}

void learned_make(struct recommendation *m, struct learned *l)
{
    if (!m->learned || m->example_count == 0)
        return;
    l->model = m->learned->model;
    if (learned_text_fits(m->learned, m->v))
        l->newcomers = recommender_newcomers(m->learned);
    reads_make(m, l);
    text_make(m, l);
    session_make(m, l);
    if (l->read.count == 0 && !l->text && !l->session_scores) {
        *l = (struct learned){0};
        return;
    }
    l->like = like_of(l);
    l->scores = arena_array(m->a, (size_t)l->model->items + 1, sizeof *l->scores);
    if (l->read.count > 0)
        recommend_model_score(l->model, l->read.reads, l->read.count, l->scores);
}

bool learned_speaks(const struct learned *l)
{
    return l->model != NULL;
}

/* ---- scores ---- */

/* What the text says of a document that nobody read. */
static double text_score(const struct learned *l, const struct newcomer *k)
{
    float scores[TEXT_MODEL_NEAR_MAX];
    size_t n = k->near_count < TEXT_MODEL_NEAR_MAX ? k->near_count : TEXT_MODEL_NEAR_MAX;
    for (size_t j = 0; j < n; j++)
        scores[j] = l->scores[k->near[j]];
    return text_model_score(l->model->text, l->text, k->centred, scores, k->cosines, n);
}

/* One that was not made yet: without what is near to it. */
static double text_score_alone(struct recommendation *m, const struct learned *l, uint32_t number,
                               float *row)
{
    if (!vectors_document(m->v->vectors, number, row) ||
        !text_model_centre(l->model->text, row, row))
        return NAN;
    return text_model_score(l->model->text, l->text, row, NULL, NULL, 0);
}

static void text_scores(struct recommendation *m, const uint32_t *numbers,
                        const uint64_t *revisions, size_t count, double *out,
                        const struct newcomer **all)
{
    const struct learned *l = &m->sources->learned;
    float *row = arena_array(m->a, m->v->dims, sizeof *row);
    newcomers_fetch(m, l->newcomers, numbers, revisions, count, all);
    for (size_t i = 0; i < count; i++) {
        if (all[i])
            out[i] = all[i]->centred ? text_score(l, all[i]) : NAN;
        else
            out[i] = text_score_alone(m, l, numbers[i], row);
    }
}

void learned_score(struct recommendation *m, const uint32_t *numbers, const uint64_t *revisions,
                   size_t count, struct learned_score *out)
{
    const struct learned *l = &m->sources->learned;
    uint32_t *new = arena_array(m->a, count + 1, sizeof *new), item;
    uint64_t *new_revisions = arena_array(m->a, count + 1, sizeof *new_revisions);
    size_t *of = arena_array(m->a, count + 1, sizeof *of), n = 0;
    for (size_t i = 0; i < count; i++) {
        out[i] = (struct learned_score){NAN, NAN, false, NULL};
        if (!l->model)
            continue;
        if (item_known(l->model, numbers[i], &item)) {
            out[i] = (struct learned_score){
                (double)l->scores[item], l->session_scores ? (double)l->session_scores[item] : NAN,
                true, NULL};
        } else if (l->text) {
            new[n] = numbers[i];
            new_revisions[n] = revisions[i];
            of[n++] = i;
        }
    }
    double *scores = arena_array(m->a, n + 1, sizeof *scores);
    const struct newcomer **newcomers = arena_array(m->a, n + 1, sizeof *newcomers);
    if (n > 0)
        text_scores(m, new, new_revisions, n, scores, newcomers);
    for (size_t i = 0; i < n; i++) {
        out[of[i]].model = scores[i];
        out[of[i]].new = newcomers[i];
    }
}

/* ---- lists ---- */

static size_t items_list(struct recommendation *m, const float *scores, size_t depth,
                         uint32_t *numbers)
{
    const struct recommend_model *model = m->sources->learned.model;
    const struct docset *allowed = &m->sources->allowed;
    struct topk_item *best = arena_array(m->a, depth + 1, sizeof *best);
    struct topk top;
    topk_init(&top, best, depth);
    for (uint32_t i = 0; i < model->items; i++)
        if (scores[i] > 0 && topk_wants(&top, scores[i], model->numbers[i]) &&
            recommend_model_knows(model, i) && docset_has(allowed, model->numbers[i]))
            topk_add(&top, scores[i], model->numbers[i]);
    topk_sort(&top);
    for (size_t i = 0; i < top.count; i++)
        numbers[i] = (uint32_t)best[i].id;
    return top.count;
}

/* New documents that may be shown: all, or those nearest to the profile, into the arena. */
static size_t new_documents(struct recommendation *m, size_t depth, uint32_t **out)
{
    const struct learned *l = &m->sources->learned;
    struct docset new;
    size_t n = 0;
    docset_init(&new);
    docset_copy(&new, &m->sources->allowed);
    docset_minus(&new, newcomers_known(l->newcomers));
    size_t most = new.count < ALL_SCORED ? new.count : ALL_SCORED;
    *out = arena_array(m->a, most + 1, sizeof **out);
    if (new.count <= ALL_SCORED) {
        for (uint32_t k = docset_next(&new, 0); k != UINT32_MAX && n < most;
             k = docset_next(&new, k + 1))
            (*out)[n++] = k;
    } else {
        size_t wanted = depth * 2 > FOUND_MIN ? depth * 2 : FOUND_MIN;
        wanted = wanted < most ? wanted : most;
        struct vector_hit *hits = arena_array(m->a, wanted + 1, sizeof *hits);
        float *direction = arena_array(m->a, m->v->dims, sizeof *direction);
        memcpy(direction, l->text, m->v->dims * sizeof *direction);
        if (normalise_f32(direction, m->v->dims) > 0)
            n = vectors_search(m->v->vectors, direction, wanted, &new, false, hits);
        for (size_t i = 0; i < n; i++)
            (*out)[i] = hits[i].number;
    }
    docset_release(&new);
    return n;
}

static size_t new_list(struct recommendation *m, size_t depth, uint32_t *numbers)
{
    uint32_t *new;
    size_t n = new_documents(m, depth, &new);
    uint64_t *revisions = arena_array(m->a, n + 1, sizeof *revisions);
    double *scores = arena_array(m->a, n + 1, sizeof *scores);
    const struct newcomer **newcomers = arena_array(m->a, n + 1, sizeof *newcomers);
    struct topk_item *best = arena_array(m->a, depth + 1, sizeof *best);
    struct topk top;
    live_revisions(m->c, new, n, revisions);
    text_scores(m, new, revisions, n, scores, newcomers);
    topk_init(&top, best, depth);
    for (size_t i = 0; i < n; i++)
        if (scores[i] > 0)
            topk_add(&top, (float)scores[i], new[i]);
    topk_sort(&top);
    for (size_t i = 0; i < top.count; i++)
        numbers[i] = (uint32_t)best[i].id;
    return top.count;
}

size_t learned_list(struct recommendation *m, size_t depth, uint32_t *numbers)
{
    const struct learned *l = &m->sources->learned;
    if (!l->model)
        return 0;
    size_t n = items_list(m, l->scores, depth, numbers);
    return l->text ? n + new_list(m, depth, numbers + n) : n;
}

size_t learned_session_list(struct recommendation *m, size_t depth, uint32_t *numbers)
{
    const struct learned *l = &m->sources->learned;
    return l->session_scores ? items_list(m, l->session_scores, depth, numbers) : 0;
}
