/* The file of a recommender from any bytes. The first byte says how: bit 0, the rest is the file as
 * it is; bit 1, edits of a real one's payload, 3 bytes each: where (u16) and which bits; neither,
 * the rest is the payload of a section whose frame and checksums are right. What loads must answer,
 * with parts that add up, and be the same when saved and loaded. */
#include "input.h"
#include "base/arena.h"
#include "base/json.h"
#include "recommend/factors.h"
#include "recommend/item_model.h"
#include "recommend/feature.h"
#include "recommend/model.h"
#include "recommend/rank_trees.h"
#include "recommend/session_model.h"
#include "recommend/text_model.h"
#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerInitialize(int *argc, char ***argv);

#define HEAD 16
#define FRAME_HEADER 16
#define ITEMS 12u
#define KEPT 4u
#define DIMS 3u

static char head[HEAD];
static char *sample; /* a payload */
static size_t sample_n;

/* ---- a real one ---- */

static struct recommend_model *model_make(void)
{
    struct recommend_model *m = xcalloc(1, sizeof *m);
    uint32_t counts[ITEMS], to[ITEMS * KEPT];
    float weights[ITEMS * KEPT];
    m->kind = MODEL_EASE;
    m->items = ITEMS;
    m->numbers = xmalloc(ITEMS * sizeof *m->numbers);
    m->readers = xmalloc(ITEMS * sizeof *m->readers);
    for (uint32_t i = 0; i < ITEMS; i++) {
        m->numbers[i] = 2 * i;
        m->readers[i] = (float)i;
        counts[i] = i % (KEPT + 1);
        for (uint32_t k = 0; k < KEPT; k++) {
            to[i * KEPT + k] = 3 * k + i % 3;
            weights[i * KEPT + k] = (float)k - .5f;
        }
    }
    m->rows = item_model_new(ITEMS, KEPT, counts, to, weights);
    m->text = xcalloc(1, sizeof *m->text);
    *m->text =
        (struct text_model){.dims = DIMS, .near = 2, .blend = .5, .scale = 1, .deviation = .1};
    m->text->mean = xcalloc(DIMS, sizeof(float));
    m->text->readers = xcalloc(DIMS * DIMS, sizeof(float));
    m->factors = xcalloc(1, sizeof *m->factors);
    *m->factors =
        (struct factors){.items = ITEMS, .dims = DIMS, .alpha = .1, .lambda = .01, .nu = 1};
    m->factors->gram = xcalloc(DIMS, sizeof(double));
    m->factors->vectors = xcalloc(ITEMS * DIMS, sizeof(uint16_t));
    for (size_t i = 0; i < ITEMS * DIMS; i++)
        m->factors->vectors[i] = (uint16_t)(0x3000 + 100 * i);
    m->sessions =
        session_model_new(ITEMS, 2, (const size_t[]){0, 3, 5}, (const uint32_t[]){1, 7, 10, 7, 2});
    m->ranker = rank_trees_new(2, (const uint32_t[]){5, 1});
    m->ranker->nodes[0] = (struct rank_node){.feature = 2, .value = 1, .left = 1};
    m->ranker->nodes[2] = (struct rank_node){.feature = 6, .left = 3, .unknown_right = 1};
    m->report = xstrdup("{\"a\":1}");
    return m;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    char *all;
    size_t n;
    struct recommend_model *m = model_make();
    json_setup();
    fuzz_file_name("model");
    if (recommend_model_save(m, fuzz_path, NULL) ||
        file_read_all(fuzz_path, 1u << 20, &all, &n, NULL) || n <= HEAD + 2 * FRAME_HEADER)
        abort();
    memcpy(head, all, HEAD);
    sample_n = n - HEAD - 2 * FRAME_HEADER;
    sample = xmalloc(sample_n);
    memcpy(sample, all + HEAD + FRAME_HEADER, sample_n);
    free(all);
    recommend_model_free(m);
    return 0;
}

/* ---- what loads ---- */

static void ask(const struct recommend_model *m)
{
    struct model_read read[3];
    double parts[3];
    float *scores = xmalloc((m->items + 1) * sizeof *scores);
    size_t count = m->items < 3 ? m->items : 3;
    for (uint32_t k = 0; k < count; k++)
        read[k] = (struct model_read){m->items - 1 - k, k == 1 ? -1 : .5f};
    recommend_model_score(m, read, count, scores);
    for (uint32_t j = 0; j < m->items; j++) {
        double sum = 0, size = 1;
        recommend_model_parts(m, read, count, j, parts);
        for (size_t k = 0; k < count; k++) {
            sum += parts[k];
            size += fabs(parts[k]);
        }
        if (recommend_model_item(m, m->numbers[j]) != j ||
            (fabs(sum) < 1e38 && !(fabs(sum - (double)scores[j]) <= 1e-6 * size)))
            abort();
    }
    free(scores);
}

/* Numbers may be such that nothing comes of it; it ends all the same. */
static void factors_ask(const struct recommend_model *m)
{
    struct arena *a = arena_new(0);
    float *reader = arena_array(a, m->factors->dims, sizeof *reader);
    const struct model_read read[] = {{0, 1}, {m->items - 1, -.5f}};
    const size_t at[] = {0, 1};
    const double times[] = {0, 1.25};
    if (m->items)
        factors_fold_changed(factors_fold(m->factors, read, 2, a), at, times, 2, 1, reader);
    arena_free(a);
}

static void sessions_ask(const struct recommend_model *m)
{
    const uint32_t given[] = {0, m->items - 1};
    float *scores = xcalloc((size_t)m->items + 1, sizeof *scores);
    if (m->items) {
        struct arena *a = arena_new(0);
        const struct session_asked *asked = session_model_ask(m->sessions, given, 2, a);
        double parts[2];
        session_model_score(m->sessions, given, 2, scores);
        for (uint32_t i = 0; i < m->items; i++) {
            session_model_parts(m->sessions, asked, 2, i, parts);
            if (session_model_item(m->sessions, asked, i) != scores[i])
                abort();
        }
        arena_free(a);
    }
    free(scores);
}

static void text_ask(const struct text_model *t)
{
    float *v = xcalloc(3 * (size_t)t->dims, sizeof *v), near[] = {1, 2}, cosines[] = {.5f, .25f};
    v[0] = 1;
    if (text_model_centre(t, v, v + t->dims))
        text_model_read(t, v + t->dims, 1, v + 2 * (size_t)t->dims);
    (void)text_model_score(t, v + 2 * (size_t)t->dims, v + t->dims, near, cosines, 2);
    free(v);
}

static void ranker_ask(const struct rank_trees *t)
{
    float known[FEATURE_COUNT] = {1, 2, 3}, unknown[FEATURE_COUNT], out[2];
    for (int f = 0; f < FEATURE_COUNT; f++)
        unknown[f] = NAN;
    rank_trees_score(t, (const float *const[]){known, unknown}, 2, out);
}

static void check_same(const struct recommend_model *m)
{
    struct recommend_model *again = NULL;
    if (recommend_model_save(m, fuzz_path, NULL) || recommend_model_load(fuzz_path, &again, NULL) ||
        m->items != again->items || m->bytes != again->bytes ||
        memcmp(m->numbers, again->numbers, m->items * sizeof *m->numbers) != 0)
        abort();
    recommend_model_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct recommend_model *m = NULL;
    if (!n)
        return 0;
    if (data[0] & 2) {
        uint8_t *payload = fuzz_edited(sample, sample_n, data + 1, n - 1);
        file_close(fuzz_file_put(head, HEAD, payload, sample_n, false));
        free(payload);
    } else {
        file_close(fuzz_file_put(head, HEAD, data + 1, n - 1, data[0] & 1));
    }
    if (recommend_model_load(fuzz_path, &m, NULL))
        return 0;
    ask(m);
    if (m->text)
        text_ask(m->text);
    if (m->factors)
        factors_ask(m);
    if (m->sessions)
        sessions_ask(m);
    if (m->ranker)
        ranker_ask(m->ranker);
    check_same(m);
    recommend_model_free(m);
    return 0;
}
