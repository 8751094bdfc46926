/* The state of near-duplicates: rows, who is a copy of whom, and judging documents again. */
#include "base/arena.h"
#include "index/duplicates_impl.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Of SKETCH_BYTES. Below the first the texts are not looked at (shingles in common: a third or
 * less, but for one chance in a hundred); from the second on, copies of the same original follow
 * each other unread. */
enum { AGREEMENT_MIN = 19, AGREEMENT_SURE = 40, READS_MAX = 4 };

struct duplicates *duplicates_new(void)
{
    struct duplicates *d = xcalloc(1, sizeof *d);
    rwlock_init(&d->lock, LOCK_INDEX);
    docset_init(&d->copies);
    d->slot_free = SLOT_NONE;
    bands_init(d);
    return d;
}

void duplicates_free(struct duplicates *d)
{
    if (!d)
        return;
    docset_release(&d->copies);
    rwlock_release(&d->lock);
    free(d->rows);
    free(d->sketches);
    free(d->chain);
    for (size_t i = 0; i < d->leaf_count; i++)
        free(d->leaves[i]);
    free(d->leaves);
    free(d->heads);
    free(d);
}

/* ---- slots ---- */

uint32_t duplicates_slot(const struct duplicates *d, uint32_t number)
{
    size_t leaf = number / LEAF_SLOTS;
    return leaf < d->leaf_count && d->leaves[leaf] ? d->leaves[leaf][number % LEAF_SLOTS]
                                                   : SLOT_NONE;
}

static void slots_grow(struct duplicates *d)
{
    uint32_t cap = d->slot_cap + d->slot_cap / 4 + 64;
    d->rows = xrealloc(d->rows, cap * sizeof *d->rows);
    d->sketches = xrealloc(d->sketches, cap * sizeof *d->sketches);
    d->chain = xrealloc(d->chain, (size_t)cap * BANDS * sizeof *d->chain);
    d->slot_cap = cap;
}

static uint32_t slot_take(struct duplicates *d)
{
    uint32_t slot = d->slot_free;
    if (slot != SLOT_NONE) {
        d->slot_free = d->rows[slot].next;
        return slot;
    }
    if (d->slot_count == SLOTS_MAX)
        return SLOT_NONE;
    if (d->slot_count == d->slot_cap)
        slots_grow(d);
    return d->slot_count++;
}

static void number_set(struct duplicates *d, uint32_t number, uint32_t slot)
{
    size_t leaf = number / LEAF_SLOTS, bytes = LEAF_SLOTS * sizeof **d->leaves;
    if (leaf >= d->leaf_count) {
        size_t count = d->leaf_count + d->leaf_count / 2;
        count = count > leaf ? count : leaf + 1;
        d->leaves = xrealloc(d->leaves, count * sizeof *d->leaves);
        memset(d->leaves + d->leaf_count, 0, (count - d->leaf_count) * sizeof *d->leaves);
        d->leaf_count = count;
    }
    if (!d->leaves[leaf]) {
        d->leaves[leaf] = memset(xmalloc(bytes), 0xff, bytes);
        d->leaves_used++;
    }
    d->leaves[leaf][number % LEAF_SLOTS] = slot;
}

uint32_t duplicates_slot_add(struct duplicates *d, uint32_t number, uint64_t group, uint32_t text,
                             const uint8_t sketch[SKETCH_BYTES])
{
    uint32_t slot = slot_take(d);
    if (slot == SLOT_NONE)
        return slot;
    d->rows[slot] = (struct duplicate_row){group, number, text, SLOT_NONE, SLOT_NONE, SLOT_NONE};
    memcpy(d->sketches[slot], sketch, SKETCH_BYTES);
    for (unsigned band = 0; band < BANDS; band++)
        d->chain[(size_t)slot * BANDS + band] = NODE_LOOSE;
    number_set(d, number, slot);
    return slot;
}

/* ---- copies ---- */

void duplicates_attach(struct duplicates *d, uint32_t copy, uint32_t original)
{
    struct duplicate_row *c = &d->rows[copy], *o = &d->rows[original];
    assert(c->original == SLOT_NONE && o->original == SLOT_NONE && o->number < c->number);
    c->original = original;
    c->next = o->next;
    c->prev = SLOT_NONE;
    if (o->next != SLOT_NONE)
        d->rows[o->next].prev = copy;
    o->next = copy;
    docset_add(&d->copies, c->number);
}

static void copy_detach(struct duplicates *d, uint32_t copy)
{
    struct duplicate_row *c = &d->rows[copy];
    if (c->next != SLOT_NONE)
        d->rows[c->next].prev = c->prev;
    if (c->prev != SLOT_NONE)
        d->rows[c->prev].next = c->next;
    else
        d->rows[c->original].next = c->next;
    c->original = c->next = c->prev = SLOT_NONE;
    docset_remove(&d->copies, c->number);
}

/* ---- judging ---- */

/* Slots that are loose and have to be judged, by number; what is added is younger than all that was
 * taken. */
struct queue {
    const struct duplicates *d;
    uint32_t *numbers;
    size_t count, cap, at;
    bool unsorted;
};

static void queue_add(struct queue *q, uint32_t number)
{
    if (q->count == q->cap) {
        q->cap = q->cap ? 2 * q->cap : 16;
        q->numbers = xrealloc(q->numbers, q->cap * sizeof *q->numbers);
    }
    q->unsorted |= q->count > q->at && q->numbers[q->count - 1] > number;
    q->numbers[q->count++] = number;
}

static int compare_numbers(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static bool queue_take(struct queue *q, uint32_t *number)
{
    if (q->at == q->count)
        return false;
    if (q->unsorted)
        qsort(q->numbers + q->at, q->count - q->at, sizeof *q->numbers, compare_numbers);
    q->unsorted = false;
    *number = q->numbers[q->at++];
    return true;
}

/* Makes an original loose, and its copies too, which have to be judged. */
static void original_loosen(struct duplicates *d, uint32_t slot, struct queue *q)
{
    bands_unlink(d, slot);
    while (d->rows[slot].next != SLOT_NONE) {
        uint32_t copy = d->rows[slot].next;
        copy_detach(d, copy);
        queue_add(q, d->rows[copy].number);
    }
}

/* The document that is being judged; its text is read when it is first needed. */
struct judged {
    struct duplicates *d;
    uint32_t slot;
    const struct shingles *given; /* NULL: not at hand */
    struct shingles own;
    bool tried;
    duplicates_read_fn *read;
    void *ctx;
};

static const struct shingles *judged_text(struct judged *j)
{
    const uint64_t *words;
    size_t count;
    if (j->given)
        return j->given;
    if (!j->tried && j->read(j->ctx, j->d->rows[j->slot].number, &words, &count))
        shingles_init(&j->own, words, count);
    j->tried = true;
    return j->own.words ? &j->own : NULL;
}

static bool texts_near(struct judged *j, uint32_t other)
{
    const uint64_t *words;
    size_t count;
    struct shingles theirs;
    const struct shingles *text = judged_text(j);
    if (!text || !j->read(j->ctx, j->d->rows[other].number, &words, &count))
        return false; /* changed or gone: that is judged when its change comes */
    shingles_init(&theirs, words, count);
    bool near = shingles_near(text, &theirs);
    shingles_release(&theirs);
    return near;
}

static bool texts_same(const struct duplicates *d, uint32_t x, uint32_t y)
{
    return d->rows[x].text == d->rows[y].text &&
           memcmp(d->sketches[x], d->sketches[y], SKETCH_BYTES) == 0;
}

/* Of the candidates those that are near, in their order, into themselves: the same texts, and of
 * the others the READS_MAX that agree most, if their texts say so. */
static size_t candidates_judge(struct judged *j, uint32_t *slots, size_t count)
{
    unsigned doubtful[SKETCH_BYTES + 1] = {0}, least = SKETCH_BYTES + 1, reads = 0;
    const struct duplicates *d = j->d;
    const uint8_t *sketch = d->sketches[j->slot];
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        doubtful[sketch_agreement(d->sketches[slots[i]], sketch)]++;
    while (least > AGREEMENT_MIN && reads < READS_MAX)
        reads += doubtful[--least];
    reads = 0;
    for (size_t i = 0; i < count; i++) {
        bool near = texts_same(d, slots[i], j->slot);
        if (!near && sketch_agreement(d->sketches[slots[i]], sketch) >= least &&
            reads++ < 2 * READS_MAX)
            near = texts_near(j, slots[i]);
        if (near)
            slots[kept++] = slots[i];
    }
    return kept;
}

/* Splits off the candidates of one side: older (or younger) than the judged one. */
static size_t candidates_side(const struct judged *j, const uint32_t *from, size_t count,
                              bool older, uint32_t *out)
{
    size_t n = 0;
    uint32_t number = j->d->rows[j->slot].number;
    for (size_t i = 0; i < count; i++)
        if ((j->d->rows[from[i]].number < number) == older)
            out[n++] = from[i];
    return n;
}

/* The one that agrees most, of those the oldest. */
static uint32_t nearest(const struct judged *j, const uint32_t *slots, size_t count)
{
    const struct duplicates *d = j->d;
    uint32_t best = SLOT_NONE;
    unsigned most = 0;
    for (size_t i = 0; i < count; i++) {
        unsigned agreement = sketch_agreement(d->sketches[slots[i]], d->sketches[j->slot]) + 1;
        agreement += texts_same(d, slots[i], j->slot);
        if (agreement > most ||
            (agreement == most && d->rows[slots[i]].number < d->rows[best].number)) {
            best = slots[i];
            most = agreement;
        }
    }
    return best;
}

/* A loose document becomes a copy, or an original; then younger originals near to it are loose. */
static void judge(struct judged *j, struct queue *q)
{
    struct duplicates *d = j->d;
    uint32_t *all = xmalloc(2 * CANDIDATES_MAX * sizeof *all), *side = all + CANDIDATES_MAX;
    size_t count =
        bands_candidates(d, d->rows[j->slot].group, d->sketches[j->slot], AGREEMENT_MIN, all);
    size_t older = candidates_judge(j, side, candidates_side(j, all, count, true, side));
    size_t younger = 0;
    if (older == 0)
        younger = candidates_judge(j, all, candidates_side(j, all, count, false, all));
    rwlock_write(&d->lock);
    if (older > 0)
        duplicates_attach(d, j->slot, nearest(j, side, older));
    else
        bands_link(d, j->slot);
    for (size_t i = 0; i < younger; i++) {
        original_loosen(d, all[i], q);
        queue_add(q, d->rows[all[i]].number);
    }
    rwlock_drop(&d->lock);
    free(all);
}

/* Copies of an original that went nearly always follow its oldest copy: without this, deleting very
 * many copies, the oldest first, would judge each of them anew each time. */
static bool heir_takes(struct duplicates *d, uint32_t heir, uint32_t slot)
{
    if (heir == SLOT_NONE || d->rows[heir].original != SLOT_NONE ||
        sketch_agreement(d->sketches[heir], d->sketches[slot]) < AGREEMENT_SURE)
        return false;
    rwlock_write(&d->lock);
    duplicates_attach(d, slot, heir);
    rwlock_drop(&d->lock);
    return true;
}

/* `text`: of the first. */
static void queue_run(struct queue *q, struct duplicates *d, const struct shingles *text,
                      duplicates_read_fn *read, void *ctx)
{
    uint32_t number, heir = SLOT_NONE;
    while (queue_take(q, &number)) {
        struct judged j = {.d = d, .given = text, .read = read, .ctx = ctx};
        j.slot = duplicates_slot(d, number);
        if (!heir_takes(d, heir, j.slot))
            judge(&j, q);
        if (heir == SLOT_NONE)
            heir = d->rows[j.slot].original == SLOT_NONE ? j.slot : d->rows[j.slot].original;
        shingles_release(&j.own);
        text = NULL;
    }
    free(q->numbers);
}

/* ---- documents ---- */

static void slot_remove(struct duplicates *d, uint32_t slot, struct queue *q)
{
    struct duplicate_row *r = &d->rows[slot];
    if (r->original != SLOT_NONE)
        copy_detach(d, slot);
    else
        original_loosen(d, slot, q);
    number_set(d, r->number, SLOT_NONE);
    *r = (struct duplicate_row){.original = SLOT_NONE, .next = d->slot_free, .prev = SLOT_NONE};
    d->slot_free = slot;
}

void duplicates_delete(struct duplicates *d, uint32_t number, duplicates_read_fn *read, void *ctx)
{
    struct queue q = {.d = d};
    uint32_t slot = duplicates_slot(d, number);
    if (slot == SLOT_NONE)
        return;
    rwlock_write(&d->lock);
    slot_remove(d, slot, &q);
    rwlock_drop(&d->lock);
    queue_run(&q, d, NULL, read, ctx);
}

void duplicates_put(struct duplicates *d, uint32_t number, uint64_t group, const uint64_t *words,
                    size_t count, duplicates_read_fn *read, void *ctx)
{
    struct shingles text;
    uint8_t sketch[SKETCH_BYTES];
    uint32_t slot = duplicates_slot(d, number);
    assert(number > 0);
    if (count == 0) {
        duplicates_delete(d, number, read, ctx);
        return;
    }
    shingles_init(&text, words, count);
    shingles_sketch(&text, sketch);
    if (slot != SLOT_NONE && d->rows[slot].group == group && d->rows[slot].text == text.digest &&
        memcmp(d->sketches[slot], sketch, SKETCH_BYTES) == 0) {
        shingles_release(&text);
        return;
    }
    duplicates_delete(d, number, read, ctx);
    struct queue q = {.d = d};
    rwlock_write(&d->lock);
    slot = duplicates_slot_add(d, number, group, text.digest, sketch);
    rwlock_drop(&d->lock);
    if (slot != SLOT_NONE)
        queue_add(&q, number);
    queue_run(&q, d, &text, read, ctx);
    shingles_release(&text);
}

uint32_t duplicates_original(struct duplicates *d, uint32_t number)
{
    rwlock_read(&d->lock);
    uint32_t slot = duplicates_slot(d, number),
             original = slot == SLOT_NONE ? SLOT_NONE : d->rows[slot].original,
             found = original == SLOT_NONE ? 0 : d->rows[original].number;
    rwlock_drop(&d->lock);
    return found;
}

void duplicates_copies(struct duplicates *d, struct docset *out)
{
    rwlock_read(&d->lock);
    docset_copy(out, &d->copies);
    rwlock_drop(&d->lock);
}

size_t duplicates_bytes(struct duplicates *d)
{
    size_t slot = sizeof *d->rows + sizeof *d->sketches + BANDS * sizeof *d->chain;
    rwlock_read(&d->lock);
    size_t n = sizeof *d + d->slot_cap * slot + d->leaf_count * sizeof *d->leaves +
               d->leaves_used * LEAF_SLOTS * sizeof **d->leaves + d->bucket_cap * sizeof *d->heads +
               d->copies.word_count * sizeof *d->copies.words;
    rwlock_drop(&d->lock);
    return n;
}
