/* The documents that a model does not know, as its text part sees them: each one's vector, centred,
 * and the known texts nearest to it (text_model.h). Made once a document and kept until the model
 * goes, at most NEWCOMERS_BYTES of them; beyond that they are not kept, and only the ridge speaks.
 *
 * Threads: any may call anything. What was found stays as it is until newcomers_free. */
#ifndef RECOMMEND_NEWCOMERS_H
#define RECOMMEND_NEWCOMERS_H

#include "base/arena.h"
#include "base/docset.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NEWCOMERS_BYTES ((size_t)64 << 20)

struct recommend_model;
struct vectors;

struct newcomer {
    uint32_t number;
    uint64_t revision; /* whose vector it is */
    float *centred;    /* dims */
    uint32_t near_count;
    uint32_t *near; /* items of the model, nearest first */
    float *cosines; /* to them */
};
struct newcomers;
/* `m`: borrowed, has a text part. */
struct newcomers *newcomers_new(const struct recommend_model *m);
void newcomers_free(struct newcomers *n); /* NULL is allowed */
/* The documents that somebody has read, says the model. */
const struct docset *newcomers_known(const struct newcomers *n);
/* out[i] of numbers[i]; NULL: it was not made, or its vector is another by now. */
void newcomers_find(struct newcomers *n, const uint32_t *numbers, const uint64_t *revisions,
                    size_t count, const struct newcomer **out);
/* Makes and keeps it. False: no room. Cost: a vector search, some tenths of a millisecond. A
 * document without a vector is kept too, with `centred` NULL. */
bool newcomers_make(struct newcomers *n, struct vectors *v, uint32_t number, uint64_t revision);
bool newcomers_room(struct newcomers *n); /* for another one */
/* The same of a vector that is no document's (length 1), in the arena; false: nothing is left of
 * it. */
bool newcomer_of_vector(const struct newcomers *n, struct vectors *v, const float *vector,
                        struct arena *a, struct newcomer *out);

#endif
