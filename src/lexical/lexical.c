/* The index as a whole: documents go in and out; what there is. */
#include "lexical/internal.h"

#include "base/rng.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>

struct lexical *lexical_new(void)
{
    struct lexical *x = xcalloc(1, sizeof *x);
    memory_count(x, x);
    rng_bytes(&x->seed, sizeof x->seed);
    statistics_add(x, 0, 0, 0);
    table_renew(x);
    x->bag = bag_new();
    dictionary_new(x);
    return x;
}

static void chunks_free(struct lexical *x, _Atomic(struct chunks *) *c)
{
    struct chunks *t = atomic_load_explicit(c, memory_order_relaxed);
    for (uint32_t i = 0; t && i < t->count; i++)
        memory_free(x, t->at[i]);
    memory_free(x, t);
}

void lexical_free(struct lexical *x)
{
    if (!x)
        return;
    dictionary_free(x);
    uint32_t terms = atomic_load(&x->terms_end), slots = atomic_load(&x->slots_end);
    for (uint32_t id = 0; id < terms; id++) {
        struct term *t = term_at(x, id);
        if (t)
            postings_free(x, t);
        memory_free(x, t);
    }
    for (uint32_t s = 0; s < slots; s++)
        memory_free(x, slots_of(x, s)->forward[s % CHUNK]);
    while (x->retired_count--) {
        memory_free(x, x->retired[x->retired_first].memory);
        x->retired_first = (x->retired_first + 1) % x->retired_cap;
    }
    chunks_free(x, &x->terms);
    chunks_free(x, &x->slots);
    chunks_free(x, &x->numbers);
    chunks_free(x, &x->parts);
    memory_free(x, atomic_load(&x->table));
    memory_free(x, x->free_slots);
    memory_free(x, x->free_terms);
    memory_free(x, x->dead);
    memory_free(x, x->retired);
    bag_free(x->bag);
    free(x);
}

/* --- out --- */

static void dead_push(struct lexical *x, uint32_t slot, uint64_t epoch)
{
    if (x->dead_count == x->dead_cap) {
        size_t cap = x->dead_cap ? 2 * x->dead_cap : 64;
        struct dead *bigger = memory_new(x, cap * sizeof *bigger);
        for (size_t i = 0; i < x->dead_count; i++)
            bigger[i] = x->dead[(x->dead_first + i) % x->dead_cap];
        memory_free(x, x->dead);
        x->dead = bigger;
        x->dead_cap = cap;
        x->dead_first = 0;
    }
    x->dead[(x->dead_first + x->dead_count++) % x->dead_cap] = (struct dead){epoch, slot};
}

static void slot_unlink(struct lexical *x, uint32_t slot)
{
    struct slot_chunk *c = slots_of(x, slot);
    uint32_t n, id;
    const uint8_t *p = varint_read(c->forward[slot % CHUNK], &n);
    for (uint32_t i = 0; i < n; i++) {
        p = varint_read(p, &id);
        struct term *t = term_at(x, id);
        postings_remove(x, t, slot);
        if (!atomic_load_explicit(&t->list, memory_order_relaxed))
            term_drop(x, t);
    }
    memory_retire(x, c->forward[slot % CHUNK]);
    c->forward[slot % CHUNK] = NULL;
    slot_retire(x, slot);
}

/* Takes the dead whom nobody may see any more out of all lists. */
static void reap(struct lexical *x)
{
    uint64_t oldest = x->dead_count ? epoch_oldest(&x->epochs) : 0;
    bool some = false;
    while (x->dead_count && x->dead[x->dead_first].epoch <= oldest) {
        uint32_t slot = x->dead[x->dead_first].slot;
        x->dead_first = (x->dead_first + 1) % x->dead_cap;
        x->dead_count--;
        slot_unlink(x, slot);
        some = true;
    }
    if (some)
        epoch_next(x);
}

/* From the next version on. What is counted says so already. */
static void slot_die(struct lexical *x, uint32_t slot)
{
    struct slot_chunk *c = slots_of(x, slot);
    uint64_t next = atomic_load_explicit(&x->epochs.now, memory_order_relaxed) + 1;
    uint32_t n, id;
    const uint8_t *p = varint_read(c->forward[slot % CHUNK], &n);
    for (uint32_t i = 0; i < n; i++) {
        p = varint_read(p, &id);
        term_df_add(x, term_at(x, id), -1);
    }
    atomic_store_explicit(&c->died[slot % CHUNK], next, memory_order_release);
    statistics_add(x, c->parts[slot % CHUNK], -1, -(int64_t)c->lengths[slot % CHUNK]);
    dead_push(x, slot, next);
}

void lexical_delete(struct lexical *x, uint32_t number)
{
    uint32_t slot = slot_of_number(x, number);
    if (slot != NONE) {
        number_set(x, number, NONE);
        slot_die(x, slot);
        epoch_next(x);
    }
    reap(x);
    memory_reclaim(x);
}

/* --- in --- */

void lexical_put(struct lexical *x, const struct lexical_document *d)
{
    assert(d->number > 0 && d->number < UINT32_MAX);
    uint32_t old = slot_of_number(x, d->number), slot = slot_take(x);
    struct slot_chunk *c = slots_of(x, slot);
    uint64_t length = 0;
    for (unsigned f = 0; f < LEXICAL_FIELDS; f++)
        length += (uint64_t)d->lengths[f] * field_weight[f];
    c->lengths[slot % CHUNK] = length < INT32_MAX ? (uint32_t)length : INT32_MAX;
    c->parts[slot % CHUNK] = d->part;
    c->numbers[slot % CHUNK] = d->number;
    c->revisions[slot % CHUNK] = d->revision;
    c->previous[slot % CHUNK] = old;
    c->born[slot % CHUNK] = atomic_load_explicit(&x->epochs.now, memory_order_relaxed) + 1;
    c->forward[slot % CHUNK] = bag_put(x, d, slot);
    slot_publish(x, slot);
    number_set(x, d->number, slot);
    statistics_add(x, d->part, 1, c->lengths[slot % CHUNK]);
    if (old != NONE)
        slot_die(x, old);
    epoch_next(x);
    reap(x);
    memory_reclaim(x);
}

/* --- what there is --- */

static void count(struct statistics *s, int documents, int64_t length)
{
    uint64_t n = atomic_load_explicit(&s->documents, memory_order_relaxed);
    uint64_t sum = atomic_load_explicit(&s->length_sum, memory_order_relaxed);
    n += (uint64_t)(int64_t)documents;
    sum += (uint64_t)length;
    atomic_store_explicit(&s->documents, n, memory_order_relaxed);
    atomic_store_explicit(&s->length_sum, sum, memory_order_relaxed);
    atomic_store_explicit(&s->mean_length, n && sum ? (double)sum / (double)n : 1,
                          memory_order_relaxed);
}

void statistics_add(struct lexical *x, uint32_t part, int documents, int64_t length)
{
    count(&x->all, documents, length);
    if (!part)
        return;
    if (part >= atomic_load_explicit(&x->parts_end, memory_order_relaxed)) {
        chunks_grow(x, &x->parts, part + 1, sizeof(struct part_chunk));
        atomic_store_explicit(&x->parts_end, part + 1, memory_order_release);
    }
    count(&((struct part_chunk *)chunk_of(&x->parts, part))->of[part % CHUNK], documents, length);
}

const struct statistics *statistics_of(const struct lexical *x, uint32_t part)
{
    if (!part)
        return &x->all;
    if (part >= atomic_load_explicit(&x->parts_end, memory_order_acquire))
        return NULL;
    return &((const struct part_chunk *)chunk_of(&x->parts, part))->of[part % CHUNK];
}

struct saturation saturation_of(const struct lexical *x, uint32_t part)
{
    const struct statistics *s = statistics_of(x, part);
    double mean = s ? atomic_load_explicit(&s->mean_length, memory_order_relaxed) : 0;
    if (mean <= 0) /* there is none yet */
        mean = 1;
    return (struct saturation){2 * BM25_K1 * (1 - BM25_B), 2 * BM25_K1 * BM25_B / mean};
}

size_t lexical_documents(struct lexical *x, uint32_t part)
{
    struct epoch_reader *r = epoch_enter(&x->epochs, NULL);
    const struct statistics *s = statistics_of(x, part);
    size_t n = s ? atomic_load_explicit(&s->documents, memory_order_relaxed) : 0;
    epoch_leave(r);
    return n;
}

uint32_t lexical_part(struct lexical *x, uint32_t number)
{
    uint32_t slot = slot_of_number(x, number);
    return slot == NONE ? 0 : slots_of(x, slot)->parts[slot % CHUNK];
}

size_t lexical_terms(struct lexical *x)
{
    return atomic_load_explicit(&x->term_count, memory_order_relaxed);
}

size_t lexical_bytes(struct lexical *x)
{
    return atomic_load_explicit(&x->bytes, memory_order_relaxed);
}

double lexical_idf(struct lexical *x, uint32_t part, uint32_t df)
{
    double n = (double)lexical_documents(x, part), have = df < n ? df : n;
    return log(1 + (n - have + .5) / (have + .5));
}

uint32_t lexical_frequency(struct lexical *x, uint32_t part, struct str text)
{
    struct epoch_reader *r = epoch_enter(&x->epochs, NULL);
    const struct term *t = term_find(x, part, text);
    uint32_t df = t ? atomic_load_explicit(&t->df, memory_order_relaxed) : 0;
    epoch_leave(r);
    return df;
}

uint64_t lexical_revision(struct lexical *x, uint32_t number)
{
    uint64_t version;
    struct epoch_reader *r = epoch_enter(&x->epochs, &version);
    uint32_t slot = slot_at(x, number, version);
    uint64_t revision = slot == NONE ? 0 : slots_of(x, slot)->revisions[slot % CHUNK];
    epoch_leave(r);
    return revision;
}

void lexical_all(struct lexical *x, uint32_t part, struct docset *out)
{
    uint64_t version;
    struct epoch_reader *r = epoch_enter(&x->epochs, &version);
    uint32_t end = atomic_load_explicit(&x->slots_end, memory_order_acquire);
    for (uint32_t s = 0; s < end; s++) {
        const struct slot_chunk *c = slots_of(x, s);
        if (slot_visible(c, s % CHUNK, version) && (!part || c->parts[s % CHUNK] == part))
            docset_add(out, c->numbers[s % CHUNK]);
    }
    epoch_leave(r);
}
