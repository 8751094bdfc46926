/* The terms of one document, each once with its occurrences, on their way into the lists. */
#include "lexical/internal.h"

#include <assert.h>
#include <stdlib.h>

const uint32_t field_weight[LEXICAL_FIELDS] = {4, 2, 3};

struct entry {
    struct term *term;
    uint32_t head, tail, count; /* tokens, chained by `next` */
    uint64_t tf;
};
/* Arrays grow together with the largest document; a very large one's are given back. */
struct bag {
    struct entry *entries;
    uint32_t *next; /* by token */
    uint64_t *occurrences;
    uint8_t *bytes;
    size_t entry_count, cap;
};
#define CAP_MIN 1024u
#define CAP_KEPT 65536u
#define AHEAD 16u

struct bag *bag_new(void)
{
    return xcalloc(1, sizeof(struct bag));
}

static void arrays_free(struct bag *b)
{
    free(b->entries);
    free(b->next);
    free(b->occurrences);
    free(b->bytes);
    *b = (struct bag){0};
}

void bag_free(struct bag *b)
{
    arrays_free(b);
    free(b);
}

static void bag_room(struct bag *b, size_t tokens)
{
    b->entry_count = 0;
    if (tokens <= b->cap)
        return;
    arrays_free(b);
    size_t cap = tokens < CAP_MIN ? CAP_MIN : tokens;
    b->entries = xmalloc(cap * sizeof *b->entries);
    b->next = xmalloc(cap * sizeof *b->next);
    b->occurrences = xmalloc(cap * sizeof *b->occurrences);
    b->bytes = xmalloc((cap + 1) * OCCURRENCE_BYTES_MAX);
    b->cap = cap;
}

struct keyed {
    struct str text;
    uint64_t hash;
    char buf[LEXICAL_TERM_MAX];
};

static void token_add(struct lexical *x, struct bag *b, const struct lexical_token *k, bool part,
                      const struct keyed *by, uint32_t i)
{
    assert(k->field < LEXICAL_FIELDS);
    struct term *t = term_find_hashed(x, by->text, part, by->hash);
    if (!t)
        t = term_add(x, by->text, part, by->hash);
    b->next[i] = NONE;
    struct entry *e = &b->entries[t->mark];
    if (t->mark < b->entry_count && e->term == t) {
        b->next[e->tail] = i;
        e->tail = i;
        e->count++;
        e->tf += field_weight[k->field];
        return;
    }
    t->mark = (uint32_t)b->entry_count;
    b->entries[b->entry_count++] = (struct entry){t, i, i, 1, field_weight[k->field]};
}

/* What they need is asked for ahead: the table, then the terms. `first`: what the first token is
 * called in the chains. */
static void tokens_add(struct lexical *x, struct bag *b, const struct lexical_document *d,
                       uint32_t part, uint32_t first)
{
    struct keyed by[AHEAD];
    for (uint32_t from = 0; from < d->token_count; from += AHEAD) {
        uint32_t n = (uint32_t)(d->token_count - from < AHEAD ? d->token_count - from : AHEAD);
        const struct lexical_token *k = d->tokens + from;
        for (uint32_t i = 0; i < n; i++) {
            by[i].text = part ? part_text(part, k[i].term, by[i].buf) : k[i].term;
            by[i].hash = term_hash(x, by[i].text, part > 0);
            term_fetch_entry(x, by[i].hash);
        }
        for (uint32_t i = 0; i < n; i++)
            term_fetch(x, by[i].hash);
        for (uint32_t i = 0; i < n; i++)
            token_add(x, b, &k[i], part > 0, &by[i], first + from + i);
    }
}

static int occurrence_cmp(const void *a, const void *b)
{
    uint64_t p = *(const uint64_t *)a, q = *(const uint64_t *)b;
    return p < q ? -1 : p > q;
}

static struct posting entry_posting(struct bag *b, const struct lexical_document *d,
                                    const struct entry *e, uint32_t slot)
{
    bool sorted = true;
    size_t n = 0;
    for (uint32_t i = e->head; i != NONE; i = b->next[i], n++) {
        const struct lexical_token *k = &d->tokens[i < d->token_count ? i : i - d->token_count];
        b->occurrences[n] = occurrence(k->field, k->position);
        sorted = sorted && (n == 0 || b->occurrences[n - 1] <= b->occurrences[n]);
    }
    if (!sorted)
        qsort(b->occurrences, n, sizeof *b->occurrences, occurrence_cmp);
    size_t size = positions_write(b->occurrences, n, b->bytes);
    uint32_t tf = e->tf < TF_MAX ? (uint32_t)e->tf : TF_MAX;
    return (struct posting){slot, tf, b->bytes, size};
}

static void entry_add(struct lexical *x, struct bag *b, const struct lexical_document *d,
                      const struct entry *e, uint32_t slot)
{
    struct posting p = entry_posting(b, d, e, slot);
    postings_add(x, e->term, &p);
    term_df_add(x, e->term, 1);
}

/* How many terms, and their ids. */
static uint8_t *forward_new(struct lexical *x, struct bag *b)
{
    uint8_t *p = varint_write(b->bytes, (uint32_t)b->entry_count);
    for (size_t i = 0; i < b->entry_count; i++)
        p = varint_write(p, b->entries[i].term->id);
    size_t n = (size_t)(p - b->bytes);
    uint8_t *forward = memory_new(x, n);
    memcpy(forward, b->bytes, n);
    return forward;
}

uint8_t *bag_put(struct lexical *x, const struct lexical_document *d, uint32_t slot)
{
    struct bag *b = x->bag;
    size_t tokens = d->part ? 2 * d->token_count : d->token_count;
    assert(tokens < NONE);
    bag_room(b, tokens ? tokens : 1);
    tokens_add(x, b, d, 0, 0);
    if (d->part)
        tokens_add(x, b, d, d->part, (uint32_t)d->token_count);
    for (size_t i = 0; i < b->entry_count + AHEAD; i++) {
        if (i < b->entry_count)
            postings_fetch(b->entries[i].term, false);
        if (i >= AHEAD / 2 && i < b->entry_count + AHEAD / 2)
            postings_fetch(b->entries[i - AHEAD / 2].term, true);
        if (i >= AHEAD)
            entry_add(x, b, d, &b->entries[i - AHEAD], slot);
    }
    uint8_t *forward = forward_new(x, b);
    if (b->cap > CAP_KEPT)
        arrays_free(b);
    return forward;
}
