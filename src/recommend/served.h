/* The slots of one answer as the log keeps them: which documents stood where, with what score and
 * what chance, and what the ranker saw of each. No state: any thread.
 *
 *   version        byte, 1
 *   first          varint: the position of the first slot, from 0
 *   slots          varint
 *   features       varint: how many there were when it was written
 *   then of each slot:
 *     number       varint: the document
 *     mask         varint: bit 0: a propensity follows (else 1); bit 1 + f: feature f is known
 *     score        float32
 *     propensity   float32, if bit 0
 *     features     float32 each, those of the mask
 *
 * Varints are LEB128 of at most 5 bytes, floats little endian. */
#ifndef RECOMMEND_SERVED_H
#define RECOMMEND_SERVED_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define SERVED_SLOTS_MAX 10000
#define SERVED_FIRST_MAX 1000000
#define SERVED_FEATURES_MAX 30

struct served_slot {
    uint32_t number;
    float score, propensity; /* 0 < propensity <= 1: of standing where it stands */
    const float *features;   /* as many as the caller says; NaN: not known */
};
struct served_list {
    struct served_slot *slots; /* in the order of their positions */
    size_t count, first;       /* slots[i] stood at position first + i */
};

/* Appends. The bounds above, numbers over 0, finite scores and sound propensities are the caller's
 * (asserted). */
void served_pack(const struct served_slot *slots, size_t count, size_t first, size_t features,
                 struct strbuf *out);
/* Into the arena, each slot with `features` features: those that the payload does not have are NaN,
 * those that nobody asks for are left out. ERR_CORRUPT: any other bytes than served_pack writes;
 * nothing larger than the payload times (features + 8) is allocated. */
enum err served_unpack(struct str payload, size_t features, struct arena *a,
                       struct served_list *out, struct err_info *e) MUST_CHECK;

#endif
