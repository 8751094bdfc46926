#include "train/known.h"

#include "base/arena.h"
#include "math/dot.h"
#include "math/half.h"
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define WEIGHT_MAX 1.0f

static float weight_of(const struct training_act *a)
{
    return a->weight > 0 ? (a->weight < WEIGHT_MAX ? a->weight : WEIGHT_MAX) : 0;
}

/* readers[i]: how many read item i of the set. */
static struct known_size measure(const struct training_set *s, uint32_t *readers)
{
    struct known_size z = {0};
    for (uint32_t r = 0; r < s->readers; r++) {
        size_t liked = 0;
        for (size_t i = s->start[r]; i < s->start[r + 1]; i++)
            if (s->acts[i].weight > 0) {
                readers[s->acts[i].item]++;
                liked++;
            }
        z.readers += liked > 0;
        z.count += liked;
        z.pairs += (double)liked * (double)liked;
    }
    for (uint32_t i = 0; i < s->items; i++)
        z.items += readers[i] > 0;
    return z;
}

struct known_size known_measure(const struct training_set *s)
{
    uint32_t *readers = xcalloc((size_t)s->items + 1, sizeof *readers);
    struct known_size z = measure(s, readers);
    free(readers);
    return z;
}

size_t known_bytes(const struct known_size *z, uint32_t dims)
{
    size_t made = z->count * sizeof(struct interaction), kept = 16 * z->count;
    return made + 2 * kept + (size_t)z->items * (8 + 4 * (size_t)dims) +
           24 * ((size_t)z->items + z->readers);
}

static void items_make(struct known *k, const struct training_set *s, const uint32_t *readers,
                       uint32_t *place)
{
    uint32_t n = 0;
    k->item = xmalloc(((size_t)k->items + 1) * sizeof *k->item);
    k->readers = xmalloc(((size_t)k->items + 1) * sizeof *k->readers);
    for (uint32_t i = 0; i < s->items; i++)
        if (readers[i]) {
            k->item[n] = i;
            k->readers[n] = (float)readers[i];
            place[i] = n++;
        }
}

static struct interactions *interactions_of(const struct training_set *s,
                                            const struct known_size *z, const uint32_t *place)
{
    struct interaction *all = xmalloc((z->count + 1) * sizeof *all);
    size_t n = 0;
    uint32_t reader = 0;
    for (uint32_t r = 0; r < s->readers; r++) {
        size_t first = n;
        for (size_t i = s->start[r]; i < s->start[r + 1]; i++)
            if (s->acts[i].weight > 0)
                all[n++] =
                    (struct interaction){reader, place[s->acts[i].item], weight_of(&s->acts[i])};
        reader += n > first;
    }
    struct interactions *x = interactions_new(all, n, z->readers, z->items);
    free(all);
    return x;
}

/* NULL: it has none, or one with what is no number. */
static const uint16_t *vector_of(const struct training_set *s, uint32_t item)
{
    const uint16_t *v = s->vectors + (size_t)item * s->dims;
    bool any = false;
    for (uint32_t d = 0; d < s->dims; d++) {
        if ((v[d] & 0x7C00) == 0x7C00)
            return NULL;
        any |= (v[d] & 0x7FFF) != 0;
    }
    return any ? v : NULL;
}

static void mean_make(struct known *k, const struct training_set *s)
{
    double *sum = xcalloc(s->dims, sizeof *sum);
    float *v = xmalloc(s->dims * sizeof *v);
    size_t count = 0;
    k->mean = xcalloc(s->dims, sizeof *k->mean);
    for (uint32_t i = 0; i < s->items; i++) {
        const uint16_t *half = vector_of(s, i);
        if (!half)
            continue;
        count++;
        half_to_f32(half, v, s->dims);
        for (uint32_t d = 0; d < s->dims; d++)
            sum[d] += (double)v[d];
    }
    for (uint32_t d = 0; d < s->dims && count; d++)
        k->mean[d] = (float)(sum[d] / (double)count);
    free(v);
    free(sum);
}

static void text_make(struct known *k, const struct training_set *s)
{
    uint32_t having = 0;
    mean_make(k, s);
    k->text = xcalloc((size_t)k->items * s->dims + 1, sizeof *k->text);
    for (uint32_t n = 0; n < k->items; n++) {
        float *v = k->text + (size_t)n * s->dims;
        const uint16_t *half = vector_of(s, k->item[n]);
        if (!half)
            continue;
        half_to_f32(half, v, s->dims);
        for (uint32_t d = 0; d < s->dims; d++)
            v[d] -= k->mean[d];
        if (normalise_f32(v, s->dims) > 1e-6f)
            having++;
        else
            memset(v, 0, s->dims * sizeof *v);
    }
    k->dims = having ? s->dims : 0;
}

struct known *known_new(const struct training_set *s)
{
    struct known *k = xcalloc(1, sizeof *k);
    uint32_t *readers = xcalloc((size_t)s->items + 1, sizeof *readers),
             *place = xmalloc(((size_t)s->items + 1) * sizeof *place);
    struct known_size z = measure(s, readers);
    k->items = z.items;
    items_make(k, s, readers, place);
    k->x = interactions_of(s, &z, place);
    if (s->dims)
        text_make(k, s);
    free(readers);
    free(place);
    return k;
}

void known_free(struct known *k)
{
    if (!k)
        return;
    free(k->item);
    free(k->readers);
    interactions_free(k->x);
    free(k->text);
    free(k->mean);
    free(k);
}
