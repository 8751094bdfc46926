/* Why the trained model says what it says: what each example has of a score, and what the score is
 * without it. Rows and ridge are sums over examples, so that both are one; iALS and sessions are
 * asked again. */
#include "engine/recommend_sources.h"
#include "recommend/factors.h"
#include "recommend/item_model.h"
#include "recommend/session_model.h"
#include "recommend/text_model.h"
#include <math.h>

/* ---- what each has ---- */

/* Of the weighted sum of the scores of `items`, by iALS. */
static void factor_parts(struct recommendation *m, const uint32_t *items, const double *weights,
                         size_t count, double *parts)
{
    struct learned *l = &m->sources->learned;
    double *own = arena_array(m->a, l->read.count + 1, sizeof *own);
    if (!l->fold)
        l->fold = factors_fold(l->model->factors, l->read.reads, l->read.count, m->a);
    factors_fold_parts(l->fold, items, weights, count, own);
    for (size_t k = 0; k < l->read.count; k++)
        parts[l->read.of[k]] += own[k];
}

static void row_parts(struct recommendation *m, uint32_t item, double *linear)
{
    const struct learned_read *read = &m->sources->learned.read;
    double *own = arena_array(m->a, read->count + 1, sizeof *own);
    recommend_model_parts(m->sources->learned.model, read->reads, read->count, item, own);
    for (size_t k = 0; k < read->count; k++)
        linear[read->of[k]] += own[k];
}

/* Of ridge(d) = e_d' M sum of weight_i e_i, `times` over. */
static void ridge_parts(struct recommendation *m, const float *centred, double times,
                        double *linear)
{
    const struct profile *p = &m->sources->profile;
    float *reach = arena_array(m->a, p->dims, sizeof *reach);
    text_model_read(m->sources->learned.model->text, centred, 1, reach); /* M is symmetric */
    for (size_t k = 0; k < p->count; k++) {
        double sum = 0;
        for (uint32_t d = 0; d < p->dims; d++)
            sum += (double)reach[d] * (double)p->parts[k].row[d];
        linear[m->sources->example_of[k]] += times * p->parts[k].weight * sum;
    }
}

/* Of the weighted sum of the scores of `items`. Rows are read once each, however many items. */
static void rows_parts(struct recommendation *m, const uint32_t *items, const double *weights,
                       size_t count, double *linear)
{
    struct learned *l = &m->sources->learned;
    const struct sparse *rows = &l->model->rows->rows;
    if (!l->weights)
        l->weights = arena_array(m->a, (size_t)l->model->items + 1, sizeof *l->weights);
    double *of = l->weights;
    for (size_t j = 0; j < count; j++)
        of[items[j]] += weights[j];
    for (size_t k = 0; k < l->read.count; k++) {
        uint32_t item = l->read.reads[k].item;
        double sum = 0;
        for (size_t i = rows->start[item]; i < rows->start[item + 1]; i++)
            sum += of[rows->at[i]] * (double)rows->weight[i];
        linear[l->read.of[k]] += (double)l->read.reads[k].weight * sum;
    }
    for (size_t j = 0; j < count; j++)
        of[items[j]] = 0;
}

static void near_weights(struct recommendation *m, const struct newcomer *k, double times,
                         double **out)
{
    double sum = 0, *weights = arena_array(m->a, k->near_count + 1, sizeof *weights);
    for (size_t j = 0; j < k->near_count; j++)
        sum += weights[j] = k->cosines[j] > 0 ? pow((double)k->cosines[j], 3) : 0;
    for (size_t j = 0; j < k->near_count; j++)
        weights[j] *= sum > 0 ? times / sum : 0;
    *out = weights;
}

/* A document that was not looked up has its vector only. */
static const struct newcomer *newcomer_of(struct recommendation *m, const struct candidate *k)
{
    if (k->new)
        return k->new;
    struct newcomer *alone = arena_zalloc(m->a, sizeof *alone);
    alone->centred = arena_array(m->a, m->v->dims, sizeof *alone->centred);
    return vectors_document(m->v->vectors, k->number, alone->centred) &&
                   text_model_centre(m->sources->learned.model->text, alone->centred,
                                     alone->centred)
               ? alone
               : NULL;
}

static void text_parts(struct recommendation *m, const struct candidate *k, double *linear,
                       double *together)
{
    const struct recommend_model *model = m->sources->learned.model;
    const struct newcomer *new = newcomer_of(m, k);
    double *weights;
    if (!new || !new->centred)
        return;
    ridge_parts(m, new->centred, model->text->scale, linear);
    near_weights(m, new, model->text->scale * model->text->blend, &weights);
    if (model->rows)
        rows_parts(m, new->near, weights, new->near_count, linear);
    else if (model->factors)
        factor_parts(m, new->near, weights, new->near_count, together);
}

void learned_parts(struct recommendation *m, const struct candidate *k, double *linear,
                   double *parts)
{
    const struct recommend_model *model = m->sources->learned.model;
    uint32_t item;
    if (!model || !isfinite(k->learned))
        return;
    if (!item_known(model, k->number, &item))
        text_parts(m, k, linear, parts);
    else if (model->rows)
        row_parts(m, item, linear);
    else if (model->factors)
        factor_parts(m, &item, &(double){1}, 1, parts);
    for (size_t i = 0; i < m->example_count; i++)
        parts[i] += linear[i];
}

void learned_session_parts(struct recommendation *m, const struct candidate *k, double *parts)
{
    struct learned *l = &m->sources->learned;
    double *own = arena_array(m->a, l->session_count + 1, sizeof *own);
    if (!l->session_scores)
        return;
    if (!l->asked)
        l->asked = session_model_ask(l->model->sessions, l->session, l->session_count, m->a);
    session_model_parts(l->model->sessions, l->asked, l->session_count,
                        recommend_model_item(l->model, k->number), own);
    for (size_t i = 0; i < l->session_count; i++) {
        size_t of = example_find(m, l->model->numbers[l->session[i]]);
        if (of < m->example_count)
            parts[of] += own[i];
    }
}

/* ---- what is left without one ---- */

static double times_of(const struct recommendation *m, const struct remaining *left, size_t i)
{
    double was = m->examples[i].weight;
    return left->weights[i] == was ? 1 : was != 0 ? left->weights[i] / was : 0;
}

static void reader_remain(struct recommendation *m, struct remaining *left)
{
    struct learned *l = &m->sources->learned;
    size_t *at = arena_array(m->a, l->read.count + 1, sizeof *at), n = 0, gone = 0;
    double *times = arena_array(m->a, l->read.count + 1, sizeof *times);
    for (size_t k = 0; k < l->read.count; k++) {
        double of = times_of(m, left, l->read.of[k]);
        gone += l->read.of[k] == left->gone;
        if (of == 1)
            continue;
        at[n] = k;
        times[n++] = of;
    }
    if (!l->fold)
        l->fold = factors_fold(l->model->factors, l->read.reads, l->read.count, m->a);
    left->reader = arena_array(m->a, l->model->factors->dims, sizeof *left->reader);
    factors_fold_changed(l->fold, at, times, n, gone, left->reader);
}

static void session_remain(struct recommendation *m, struct remaining *left)
{
    const struct learned *l = &m->sources->learned;
    uint32_t *items;
    size_t n = session_items(l->model, left->session, left->session_count, m->a, &items);
    left->session_known = n > 0;
    if (n > 0 && (voices_of(m).session || blend_reads(m, FEATURE_SESSION)))
        left->asked = session_model_ask(l->model->sessions, items, n, m->a);
}

void learned_remain(struct recommendation *m, struct remaining *left)
{
    const struct learned *l = &m->sources->learned;
    if (!l->model)
        return;
    for (size_t k = 0; k < l->read.count && !left->reads; k++)
        left->reads = l->read.of[k] != left->gone;
    for (size_t k = 0; k < m->sources->profile.count && l->text && !left->text; k++)
        left->text = m->sources->example_of[k] != left->gone;
    if (left->reads && l->model->factors && !l->model->rows)
        reader_remain(m, left);
    if (l->model->sessions)
        session_remain(m, left);
}

/* Of a document that nobody read. The ridge is a sum; what is near to it is asked again. */
static double text_without(struct recommendation *m, const struct remaining *left,
                           const struct candidate *k, const double *linear)
{
    const struct learned *l = &m->sources->learned;
    const struct text_model *t = l->model->text;
    double score = k->learned;
    if (!left->text)
        return NAN;
    for (size_t i = 0; i < m->example_count; i++)
        if (linear[i] != 0)
            score -= linear[i] * (1 - times_of(m, left, i));
    if (k->new && l->model->factors && !l->model->rows) {
        float all[TEXT_MODEL_NEAR_MAX], now[TEXT_MODEL_NEAR_MAX];
        size_t n =
            k->new->near_count < TEXT_MODEL_NEAR_MAX ? k->new->near_count : TEXT_MODEL_NEAR_MAX;
        for (size_t j = 0; j < n; j++) {
            all[j] = l->scores[k->new->near[j]];
            now[j] = left->reader
                         ? (float)factors_item(l->model->factors, left->reader, k->new->near[j])
                         : 0;
        }
        score -=
            t->scale * t->blend *
            (text_model_near(all, k->new->cosines, n) - text_model_near(now, k->new->cosines, n));
    }
    return score;
}

double learned_without(struct recommendation *m, const struct remaining *left,
                       const struct candidate *k, const double *linear)
{
    const struct recommend_model *model = m->sources->learned.model;
    uint32_t item;
    double sum = 0;
    if (!model || !isfinite(k->learned) || !(left->reads || left->text || left->session_known))
        return NAN;
    if (!item_known(model, k->number, &item))
        return text_without(m, left, k, linear);
    if (!model->rows && model->factors)
        return left->reader ? factors_item(model->factors, left->reader, item) : 0;
    for (size_t i = 0; i < m->example_count; i++)
        if (i != left->gone && linear[i] != 0)
            sum += linear[i] * times_of(m, left, i);
    return (double)(float)sum; /* as scores are */
}

double learned_session_without(struct recommendation *m, const struct remaining *left,
                               const struct candidate *k)
{
    const struct recommend_model *model = m->sources->learned.model;
    uint32_t item;
    if (!left->asked || !item_known(model, k->number, &item))
        return NAN;
    return (double)session_model_item(model->sessions, left->asked, item);
}
