/* Rows in and out; documents by number. The scan is vectors_search.c. */
#include "index/vectors_impl.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/rng.h"
#include "index/scalar.h"
#include "math/dot.h"
#include "math/half.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct vectors *vectors_new(uint32_t dims)
{
    assert(dims >= 1 && dims <= 4096);
    struct vectors *v = xaligned(sizeof *v);
    memset(v, 0, sizeof *v);
    v->dims = dims;
    v->chunk_shift = 0;
    while ((2u << v->chunk_shift) <= CHUNK_ROWS_MAX &&
           (2u << v->chunk_shift) * dims <= CHUNK_CODE_BYTES)
        v->chunk_shift++;
    v->chunks = xcalloc((ROWS_MAX >> v->chunk_shift) + 1, sizeof *v->chunks);
    v->leaves = xcalloc(DOCUMENT_NUMBER_MAX / LEAF_NUMBERS + 1, sizeof *v->leaves);
    v->scratch = xmalloc(dims * sizeof *v->scratch);
    return v;
}

static void chunk_free(struct chunk *c)
{
    free(c->codes);
    free(c->halves);
    free(c->scale);
    free(c->rest);
    free(c->length);
    free(c->number);
    free(c->passage);
    free(c->next);
    free(c->revision);
    free(c->born);
    free(c->died);
    free(c);
}

void vectors_free(struct vectors *v)
{
    if (!v)
        return;
    for (uint32_t i = 0; v->chunks[i]; i++)
        chunk_free(v->chunks[i]);
    for (uint32_t i = 0; i < v->leaves_end; i++)
        free(atomic_load(&v->leaves[i]));
    free(v->chunks);
    free(v->leaves);
    free(v->retired);
    free(v->scratch);
    free(v);
}

uint32_t vectors_dims(const struct vectors *v)
{
    return v->dims;
}

/* --- readers --- */

struct reader *vectors_enter(struct vectors *v, uint64_t *seq)
{
    uint64_t now = atomic_load(&v->seq), empty = 0;
    unsigned at =
        (unsigned)((uintptr_t)seq >> 6) % READERS; /* stacks differ: threads seldom meet */
    for (unsigned tries = 0;; tries++, empty = 0) {
        if (atomic_compare_exchange_strong(&v->readers[at].seq, &empty, now + 1))
            break;
        at = (at + 1) % READERS;
        if (tries % READERS == READERS - 1)
            clock_sleep_ns(50000);
    }
    /* A writer that has moved on may have looked before the slot was taken: say the later seq. */
    for (uint64_t later; (later = atomic_load(&v->seq)) != now; now = later)
        atomic_store(&v->readers[at].seq, later + 1);
    *seq = now;
    return &v->readers[at];
}

void vectors_leave(struct reader *r)
{
    atomic_store(&r->seq, 0);
}

static uint64_t oldest_reader(struct vectors *v)
{
    uint64_t oldest = atomic_load(&v->seq);
    for (unsigned i = 0; i < READERS; i++) {
        uint64_t seq = atomic_load(&v->readers[i].seq);
        if (seq && seq - 1 < oldest)
            oldest = seq - 1;
    }
    return oldest;
}

uint32_t vectors_head(const struct vectors *v, uint32_t number)
{
    if (number > DOCUMENT_NUMBER_MAX)
        return ROW_NONE;
    struct leaf *leaf = atomic_load(&v->leaves[number / LEAF_NUMBERS]);
    return leaf ? atomic_load(&leaf->head[number % LEAF_NUMBERS]) - 1 : ROW_NONE;
}

/* --- the writer --- */

/* Memory that is scanned; small: the first 2 MiB in ordinary pages. */
static void *rows_new(size_t bytes, bool small)
{
    if (bytes < HUGE_PAGE)
        return xaligned(bytes);
    bytes = (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    char *p = aligned_alloc(HUGE_PAGE, bytes);
    assert(p);
    size_t from = small ? HUGE_PAGE : 0;
    if (bytes > from)
        (void)madvise(p + from, bytes - from,
                      MADV_HUGEPAGE); /* a wish: refused, it is only slower */
    return p;
}

static void chunk_add(struct vectors *v, uint32_t at)
{
    size_t rows = (size_t)1 << v->chunk_shift;
    struct chunk *c = xcalloc(1, sizeof *c);
    c->codes = rows_new(rows * v->dims, at == 0);
    c->halves = rows_new(rows * v->dims * sizeof *c->halves, at == 0);
    c->scale = xcalloc(rows, sizeof *c->scale);
    c->rest = xcalloc(rows, sizeof *c->rest);
    c->length = xcalloc(rows, sizeof *c->length);
    c->number = xcalloc(rows, sizeof *c->number);
    c->passage = xcalloc(rows, sizeof *c->passage);
    c->next = xcalloc(rows, sizeof *c->next);
    c->revision = xcalloc(rows, sizeof *c->revision);
    c->born = xcalloc(rows, sizeof *c->born);
    c->died = xcalloc(rows, sizeof *c->died); /* 0: nobody sees a row that was never used */
    v->chunks[at] = c;
}

static void retire(struct vectors *v, uint32_t row, uint64_t died)
{
    if (v->retired_count == v->retired_cap) {
        size_t cap = v->retired_cap ? 2 * v->retired_cap : 64;
        struct retired *ring = xmalloc(cap * sizeof *ring);
        for (size_t i = 0; i < v->retired_count; i++)
            ring[i] = v->retired[(v->retired_first + i) % v->retired_cap];
        free(v->retired);
        v->retired = ring;
        v->retired_first = 0;
        v->retired_cap = cap;
    }
    v->retired[(v->retired_first + v->retired_count++) % v->retired_cap] =
        (struct retired){died, row};
}

/* A row that nobody sees: an ended one, or a new one. `oldest`: no reader inside began earlier. */
static uint32_t row_take(struct vectors *v, uint64_t oldest)
{
    if (v->retired_count && v->retired[v->retired_first].died <= oldest) {
        uint32_t row = v->retired[v->retired_first].row;
        v->retired_first = (v->retired_first + 1) % v->retired_cap;
        v->retired_count--;
        return row;
    }
    uint32_t row = atomic_load(&v->rows_end);
    if (!v->chunks[row >> v->chunk_shift])
        chunk_add(v, row >> v->chunk_shift);
    atomic_store(&v->rows_end, row + 1);
    return row;
}

static float rounded_up(double x)
{
    return nextafterf((float)x, INFINITY);
}

/* Code, scale and the lengths that bound what the code leaves out. */
static void row_quantise(struct vectors *v, struct chunk *c, uint32_t index, const uint16_t *half)
{
    int8_t *code = c->codes + (size_t)index * v->dims;
    float *x = v->scratch;
    half_to_f32(half, x, v->dims);
    float scale = quantise_i8(x, code, v->dims);
    double rest = 0, length = 0;
    for (uint32_t i = 0; i < v->dims; i++) {
        double coded = (double)scale * code[i], left = x[i] - coded;
        rest += left * left;
        length += coded * coded;
    }
    c->scale[index] = scale;
    c->rest[index] = rounded_up(sqrt(rest));
    c->length[index] = rounded_up(sqrt(length));
}

static void row_write(struct vectors *v, uint32_t row, const uint16_t *half, uint64_t born)
{
    struct chunk *c = chunk_of(v, row);
    uint32_t i = index_of(v, row);
    memcpy(c->halves + (size_t)i * v->dims, half, v->dims * sizeof *half);
    row_quantise(v, c, i, half);
    atomic_store_explicit(&c->born[i], born, memory_order_relaxed);
    atomic_store_explicit(&c->died[i], NEVER, memory_order_release);
}

static _Atomic uint32_t *head_slot(struct vectors *v, uint32_t number)
{
    uint32_t at = number / LEAF_NUMBERS;
    if (!atomic_load(&v->leaves[at])) {
        struct leaf *leaf = xcalloc(1, sizeof *leaf);
        atomic_fetch_add(&v->leaf_bytes, sizeof *leaf);
        atomic_store(&v->leaves[at], leaf);
        v->leaves_end = v->leaves_end > at ? v->leaves_end : at + 1;
    }
    return &atomic_load(&v->leaves[at])->head[number % LEAF_NUMBERS];
}

static bool rows_finite(const uint16_t *rows, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((rows[i] & 0x7C00) == 0x7C00)
            return false;
    return true;
}

/* Ends the rows from `row` on with change `seq`. */
static void rows_retire(struct vectors *v, uint32_t row, uint64_t seq)
{
    for (; row != ROW_NONE; row = chunk_of(v, row)->next[index_of(v, row)]) {
        atomic_store_explicit(&chunk_of(v, row)->died[index_of(v, row)], seq, memory_order_relaxed);
        retire(v, row, seq);
        atomic_fetch_sub(&v->rows, 1);
    }
}

enum err vectors_put(struct vectors *v, uint32_t number, uint64_t revision, const uint16_t *rows,
                     uint32_t count, struct err_info *e)
{
    assert(number <= DOCUMENT_NUMBER_MAX);
    if (!count) {
        vectors_delete(v, number);
        return ERR_OK;
    }
    if (count > ROWS_MAX - atomic_load(&v->rows_end))
        return err_set(e, ERR_FULL, NULL, "the vector index holds at most %u rows", ROWS_MAX);
    if (!rows_finite(rows, (size_t)count * v->dims))
        return err_set(e, ERR_INVALID, NULL,
                       "a vector of document %u has an infinite or undefined number", number);
    uint64_t seq = atomic_load(&v->seq) + 1, oldest = oldest_reader(v);
    uint32_t before = vectors_head(v, number), next = ROW_NONE;
    for (uint32_t p = count; p-- > 0;) {
        uint32_t row = row_take(v, oldest), i = index_of(v, row);
        struct chunk *c = chunk_of(v, row);
        c->number[i] = number;
        c->passage[i] = p;
        c->next[i] = next;
        c->revision[i] = revision;
        row_write(v, row, rows + (size_t)p * v->dims, seq);
        next = row;
    }
    rows_retire(v, before, seq);
    atomic_store(head_slot(v, number), next + 1);
    atomic_fetch_add(&v->rows, count);
    if (before == ROW_NONE)
        atomic_fetch_add(&v->documents, 1);
    atomic_store(&v->seq, seq);
    return ERR_OK;
}

void vectors_delete(struct vectors *v, uint32_t number)
{
    uint32_t before = vectors_head(v, number);
    if (before == ROW_NONE)
        return;
    uint64_t seq = atomic_load(&v->seq) + 1;
    rows_retire(v, before, seq);
    atomic_store(head_slot(v, number), 0);
    atomic_fetch_sub(&v->documents, 1);
    atomic_store(&v->seq, seq);
}

/* --- documents --- */

size_t vectors_documents(struct vectors *v)
{
    return atomic_load(&v->documents);
}

size_t vectors_count(struct vectors *v)
{
    return atomic_load(&v->rows);
}

size_t vectors_bytes(struct vectors *v)
{
    return sizeof *v + atomic_load(&v->leaf_bytes) +
           atomic_load(&v->rows_end) * (3 * (size_t)v->dims + 48);
}

bool vectors_document(struct vectors *v, uint32_t number, float *out)
{
    uint64_t seq = 0;
    struct reader *r = vectors_enter(v, &seq);
    uint32_t row = vectors_head(v, number);
    bool found = row != ROW_NONE;
    if (found)
        memset(out, 0, v->dims * sizeof *out);
    for (; row != ROW_NONE; row = chunk_of(v, row)->next[index_of(v, row)]) {
        const uint16_t *half = row_half(v, row);
        for (uint32_t i = 0; i < v->dims; i++)
            out[i] += half_to_float(half[i]);
    }
    vectors_leave(r);
    return found && normalise_f32(out, v->dims) > 0;
}

uint16_t *vectors_rows(struct vectors *v, uint32_t number, uint32_t *count, uint64_t *revision)
{
    uint64_t seq = 0;
    struct reader *r = vectors_enter(v, &seq);
    uint32_t head = vectors_head(v, number), n = 0;
    uint16_t *out = NULL;
    for (uint32_t row = head; row != ROW_NONE; row = chunk_of(v, row)->next[index_of(v, row)])
        n++;
    if (n) {
        out = xmalloc((size_t)n * v->dims * sizeof *out);
        *count = n;
        *revision = chunk_of(v, head)->revision[index_of(v, head)];
        uint16_t *to = out;
        for (uint32_t row = head; row != ROW_NONE; row = chunk_of(v, row)->next[index_of(v, row)]) {
            memcpy(to, row_half(v, row), v->dims * sizeof *to);
            to += v->dims;
        }
    }
    vectors_leave(r);
    return out;
}

float vectors_mean_cosine(struct vectors *v, unsigned pairs, uint64_t seed)
{
    struct rng rng;
    uint64_t seq = 0;
    double sum = 0;
    unsigned found = 0;
    float *x = xmalloc(v->dims * sizeof *x);
    struct reader *r = vectors_enter(v, &seq);
    uint32_t end = atomic_load(&v->rows_end);
    rng_init(&rng, seed);
    for (uint64_t tries = 0; end && found < pairs && tries < 64 * (uint64_t)pairs; tries++) {
        uint32_t a = (uint32_t)rng_below(&rng, end), b = (uint32_t)rng_below(&rng, end);
        const struct chunk *ca = chunk_of(v, a), *cb = chunk_of(v, b);
        if (!row_visible(ca, index_of(v, a), seq) || !row_visible(cb, index_of(v, b), seq) ||
            ca->number[index_of(v, a)] == cb->number[index_of(v, b)])
            continue;
        half_to_f32(row_half(v, a), x, v->dims);
        sum += (double)dot_f16_f32(row_half(v, b), x, v->dims);
        found++;
    }
    vectors_leave(r);
    free(x);
    return found ? (float)(sum / found) : 0;
}
