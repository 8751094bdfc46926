#include "recommend/newcomers.h"
#include "base/thread.h"
#include "index/vectors.h"
#include "math/dot.h"
#include "recommend/model.h"
#include "recommend/text_model.h"
#include <stdlib.h>
#include <string.h>

/* The index finds by a document's best passage and without the centre, so it is asked for more. */
#define NEAR_TIMES 3
#define TABLE_SIZE (1u << 17) /* never more than half full */

struct newcomers {
    const struct recommend_model *model;
    struct docset known;
    struct lock lock;
    struct arena *arena; /* of all that is kept */
    struct newcomer **table;
    size_t count;
};

struct newcomers *newcomers_new(const struct recommend_model *m)
{
    struct newcomers *n = xcalloc(1, sizeof *n);
    n->model = m;
    n->arena = arena_new(0);
    n->table = xcalloc(TABLE_SIZE, sizeof(struct newcomer *));
    lock_init(&n->lock, LOCK_CACHE);
    docset_init(&n->known);
    for (uint32_t i = 0; i < m->items; i++)
        if (recommend_model_knows(m, i))
            docset_add(&n->known, m->numbers[i]);
    return n;
}

void newcomers_free(struct newcomers *n)
{
    if (!n)
        return;
    lock_release(&n->lock);
    docset_release(&n->known);
    arena_free(n->arena);
    free(n->table);
    free(n);
}

const struct docset *newcomers_known(const struct newcomers *n)
{
    return &n->known;
}

/* ---- the table: open addressing; a newer vector takes the place of the older ---- */

static size_t place_of(const struct newcomers *n, uint32_t number)
{
    size_t i = (number * 2654435761u) & (TABLE_SIZE - 1);
    while (n->table[i] && n->table[i]->number != number)
        i = (i + 1) & (TABLE_SIZE - 1);
    return i;
}

void newcomers_find(struct newcomers *n, const uint32_t *numbers, const uint64_t *revisions,
                    size_t count, const struct newcomer **out)
{
    lock_take(&n->lock);
    for (size_t i = 0; i < count; i++) {
        const struct newcomer *k = n->table[place_of(n, numbers[i])];
        out[i] = k && k->revision == revisions[i] ? k : NULL;
    }
    lock_drop(&n->lock);
}

/* ---- one of them ---- */

struct near {
    uint32_t item;
    float cosine;
};

static int near_compare(const void *a, const void *b)
{
    const struct near *x = a, *y = b;
    if (x->cosine != y->cosine)
        return x->cosine > y->cosine ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

/* The nearest by the cosine of centred vectors, best first. */
static size_t near_find(const struct newcomers *n, struct vectors *v, const float *vector,
                        const struct newcomer *k, struct near *out)
{
    const struct text_model *t = n->model->text;
    size_t wanted = (size_t)t->near * NEAR_TIMES, count = 0;
    struct vector_hit *hits = xmalloc((wanted + 1) * sizeof *hits);
    float *row = xmalloc((size_t)t->dims * sizeof *row);
    size_t found = vectors_search(v, vector, wanted, &n->known, false, hits);
    for (size_t i = 0; i < found; i++) {
        uint32_t item = recommend_model_item(n->model, hits[i].number);
        if (hits[i].number == k->number || item == MODEL_ITEM_NONE ||
            !vectors_document(v, hits[i].number, row) || !text_model_centre(t, row, row))
            continue;
        out[count++] = (struct near){item, dot_f32(row, k->centred, t->dims)};
    }
    free(row);
    free(hits);
    qsort(out, count, sizeof *out, near_compare);
    return count < t->near ? count : t->near;
}

static void near_keep(struct newcomer *k, const struct near *near, size_t count, struct arena *a)
{
    k->near = arena_array(a, count + 1, sizeof *k->near);
    k->cosines = arena_array(a, count + 1, sizeof *k->cosines);
    k->near_count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        k->near[i] = near[i].item;
        k->cosines[i] = near[i].cosine;
    }
}

bool newcomer_of_vector(const struct newcomers *n, struct vectors *v, const float *vector,
                        struct arena *a, struct newcomer *out)
{
    const struct text_model *t = n->model->text;
    struct near *near = arena_array(a, (size_t)t->near * NEAR_TIMES + 1, sizeof *near);
    float *centred = arena_array(a, t->dims, sizeof *centred);
    *out = (struct newcomer){0};
    if (!text_model_centre(t, vector, centred))
        return false;
    out->centred = centred;
    near_keep(out, near, near_find(n, v, vector, out, near), a);
    return true;
}

static bool room_for(const struct newcomers *n, size_t at)
{
    return arena_bytes(n->arena) < NEWCOMERS_BYTES && (n->table[at] || n->count < TABLE_SIZE / 2);
}

bool newcomers_room(struct newcomers *n)
{
    lock_take(&n->lock);
    bool room = arena_bytes(n->arena) < NEWCOMERS_BYTES && n->count < TABLE_SIZE / 2;
    lock_drop(&n->lock);
    return room;
}

/* Under the lock, nothing but a copy. */
static bool keep(struct newcomers *n, const struct newcomer *made)
{
    size_t dims = n->model->text->dims;
    lock_take(&n->lock);
    size_t at = place_of(n, made->number);
    bool room = room_for(n, at);
    if (room) {
        struct newcomer *k = arena_zalloc(n->arena, sizeof *k);
        n->count += !n->table[at];
        *k = *made;
        if (made->centred) {
            k->centred = arena_alloc(n->arena, dims * sizeof *k->centred);
            k->near = arena_alloc(n->arena, (made->near_count + 1) * sizeof *k->near);
            k->cosines = arena_alloc(n->arena, (made->near_count + 1) * sizeof *k->cosines);
            memcpy(k->centred, made->centred, dims * sizeof *k->centred);
            memcpy(k->near, made->near, made->near_count * sizeof *k->near);
            memcpy(k->cosines, made->cosines, made->near_count * sizeof *k->cosines);
        }
        n->table[at] = k;
    }
    lock_drop(&n->lock);
    return room;
}

bool newcomers_make(struct newcomers *n, struct vectors *v, uint32_t number, uint64_t revision)
{
    struct arena *a = arena_new(0);
    struct newcomer made = {0};
    float *vector = arena_array(a, n->model->text->dims, sizeof *vector);
    if (!vectors_document(v, number, vector) || !newcomer_of_vector(n, v, vector, a, &made))
        made = (struct newcomer){0};
    made.number = number;
    made.revision = revision;
    bool kept = keep(n, &made);
    arena_free(a);
    return kept;
}
