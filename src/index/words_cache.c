/* The lists in memory: found, loaded, kept up to date, evicted. */
#include "index/words_impl.h"

#include "base/clock.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* --- one list --- */

static size_t list_bytes(const struct term_list *l)
{
    return sizeof *l + l->term.n + 1 + l->cap * (sizeof *l->numbers + sizeof *l->weights);
}

static void list_reserve(struct term_list *l)
{
    if (l->count < l->cap)
        return;
    l->cap = l->cap ? l->cap + l->cap / 2 : 4;
    l->numbers = xrealloc(l->numbers, l->cap * sizeof *l->numbers);
    l->weights = xrealloc(l->weights, l->cap * sizeof *l->weights);
}

void list_append(struct term_list *l, uint32_t number, uint16_t weight)
{
    list_reserve(l);
    l->numbers[l->count] = number;
    l->weights[l->count++] = weight;
    if (weight > l->weight_max)
        l->weight_max = weight;
}

/* The first place >= from whose number is not smaller: galloping, then halving. */
static uint32_t list_place(const struct term_list *l, uint32_t number, uint32_t from)
{
    uint32_t step = 1, low = from, high = from;
    while (high < l->count && l->numbers[high] < number) {
        low = high + 1;
        high = l->count - high > step ? high + step : l->count;
        step *= 2;
    }
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (l->numbers[mid] < number)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

uint16_t list_weight(const struct term_list *l, uint32_t number, uint32_t *from)
{
    *from = list_place(l, number, *from);
    return *from < l->count && l->numbers[*from] == number ? l->weights[*from] : 0;
}

void list_set(struct term_list *l, uint32_t number, uint16_t weight)
{
    if (weight && (!l->count || l->numbers[l->count - 1] < number)) {
        list_append(l, number, weight);
        return;
    }
    uint32_t low = 0, high = l->count;
    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (l->numbers[mid] < number)
            low = mid + 1;
        else
            high = mid;
    }
    bool there = low < l->count && l->numbers[low] == number;
    size_t behind = l->count - low;
    if (weight && !there) {
        list_reserve(l);
        memmove(l->numbers + low + 1, l->numbers + low, behind * sizeof *l->numbers);
        memmove(l->weights + low + 1, l->weights + low, behind * sizeof *l->weights);
        l->numbers[low] = number;
        l->count++;
    } else if (!weight && there) {
        memmove(l->numbers + low, l->numbers + low + 1, (behind - 1) * sizeof *l->numbers);
        memmove(l->weights + low, l->weights + low + 1, (behind - 1) * sizeof *l->weights);
        l->count--;
    }
    if (weight) {
        l->weights[low] = weight;
        l->weight_max = weight > l->weight_max ? weight : l->weight_max;
    }
}

void list_free(struct term_list *l)
{
    free((char *)l->term.s);
    free(l->numbers);
    free(l->weights);
    free(l->changes);
    free(l);
}

/* --- the table; the lock is held --- */

static struct term_list *table_find(const struct words *w, struct str term, uint64_t hash)
{
    struct term_list *l = w->bucket_count ? w->buckets[hash & (w->bucket_count - 1)] : NULL;
    while (l && (l->hash != hash || !str_eq(l->term, term)))
        l = l->next;
    return l;
}

static void table_grow(struct words *w)
{
    size_t count = w->bucket_count ? 2 * w->bucket_count : 256;
    struct term_list **buckets = xcalloc(count, sizeof *buckets);
    for (size_t i = 0; i < w->bucket_count; i++)
        for (struct term_list *l = w->buckets[i], *next; l; l = next) {
            next = l->next;
            l->next = buckets[l->hash & (count - 1)];
            buckets[l->hash & (count - 1)] = l;
        }
    free(w->buckets);
    w->buckets = buckets;
    w->bucket_count = count;
}

static void table_remove(struct words *w, struct term_list *l)
{
    struct term_list **at = &w->buckets[l->hash & (w->bucket_count - 1)];
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    w->list_count--;
    w->list_bytes -= list_bytes(l);
    list_free(l);
}

static bool evictable(const struct term_list *l)
{
    return l->state == LIST_READY && !atomic_load(&l->pins);
}

/* Drops what was not used for longest until a quarter is free; rare, so it may look at every list.
 */
static void table_evict(struct words *w)
{
    uint64_t horizon = w->searches;
    for (uint64_t back = 1 << 20; w->list_bytes > WORDS_CACHE_BYTES / 4 * 3 && back; back /= 4) {
        uint64_t before = horizon > back ? horizon - back : 0;
        for (size_t i = 0; i < w->bucket_count; i++)
            for (struct term_list *l = w->buckets[i], *next; l; l = next) {
                next = l->next;
                if (evictable(l) && atomic_load(&l->used) <= before)
                    table_remove(w, l);
            }
    }
}

static struct term_list *table_add(struct words *w, struct str term, uint64_t hash)
{
    if (w->list_bytes > WORDS_CACHE_BYTES)
        table_evict(w);
    if (w->list_count >= w->bucket_count)
        table_grow(w);
    struct term_list *l = xcalloc(1, sizeof *l);
    l->term = str_dup(term);
    l->hash = hash;
    l->next = w->buckets[hash & (w->bucket_count - 1)];
    w->buckets[hash & (w->bucket_count - 1)] = l;
    w->list_count++;
    w->list_bytes += list_bytes(l);
    return l;
}

/* --- publishing --- */

void words_numbers_grow(struct words *w, uint32_t number)
{
    if (number < w->numbers_size)
        return;
    size_t size = w->numbers_size + w->numbers_size / 2;
    size = size > number ? size : (size_t)number + 1;
    w->lengths = xrealloc(w->lengths, size * sizeof *w->lengths);
    w->revisions = xrealloc(w->revisions, size * sizeof *w->revisions);
    memset(w->lengths + w->numbers_size, 0, (size - w->numbers_size) * sizeof *w->lengths);
    memset(w->revisions + w->numbers_size, 0, (size - w->numbers_size) * sizeof *w->revisions);
    w->numbers_size = size;
}

static void publish_term(struct words *w, struct str term, uint32_t number, uint16_t weight,
                         uint64_t generation)
{
    struct term_list *l = table_find(w, term, str_hash(term));
    if (!l)
        return;
    if (l->state == LIST_LOADING) {
        if (l->change_count == l->change_cap) {
            l->change_cap = l->change_cap ? 2 * l->change_cap : 8;
            l->changes = xrealloc(l->changes, l->change_cap * sizeof *l->changes);
        }
        l->changes[l->change_count++] = (struct list_change){generation, number, weight};
        return;
    }
    w->list_bytes -= list_bytes(l);
    list_set(l, number, weight);
    w->list_bytes += list_bytes(l);
}

void words_publish(struct words *w, const struct words_change *c, uint64_t generation)
{
    rwlock_write(&w->lock);
    for (size_t i = 0; i < c->before.count; i++)
        publish_term(w, c->before.terms[i].term, c->number, 0, generation);
    if (docset_has(&w->all, c->number)) {
        w->length_sum -= w->lengths[c->number];
        docset_remove(&w->all, c->number);
    }
    if (c->put) {
        words_numbers_grow(w, c->number);
        for (size_t i = 0; i < c->after.count; i++)
            publish_term(w, c->after.terms[i].term, c->number, term_weight(&c->after.terms[i]),
                         generation);
        docset_add(&w->all, c->number);
        w->lengths[c->number] = c->length;
        w->revisions[c->number] = c->revision;
        w->length_sum += c->length;
    }
    rwlock_drop(&w->lock);
}

/* --- seats --- */

struct seat *seat_take(struct words *w)
{
    struct seat *found = NULL;
    lock_take(&w->seats_lock);
    while (!found) {
        for (unsigned i = 0; i < SEATS_MAX && !found; i++)
            if (!w->seats[i].busy)
                found = &w->seats[i];
        if (!found)
            cond_wait(&w->seats_free, &w->seats_lock);
    }
    found->busy = true;
    lock_drop(&w->seats_lock);
    if (!found->session)
        found->session = w->analyzer.session_new();
    return found;
}

void seat_give(struct words *w, struct seat *s)
{
    lock_take(&w->seats_lock);
    s->busy = false;
    cond_signal(&w->seats_free);
    lock_drop(&w->seats_lock);
}

/* --- loading --- */

static void wake(struct words *w)
{
    lock_take(&w->seats_lock);
    cond_broadcast(&w->list_loaded);
    lock_drop(&w->seats_lock);
}

/* Until some list was loaded, some batch published, or a moment has passed. */
static void wait_moment(struct words *w)
{
    lock_take(&w->seats_lock);
    (void)cond_wait_until(&w->list_loaded, &w->seats_lock, clock_mono_ns() + 1000000);
    lock_drop(&w->seats_lock);
}

/* The doclist that was read goes into its entry, and behind it what was published later than it.
 * False: the writer has committed what was read but not published it yet. */
static bool load_finish(struct words *w, struct term_list *l, struct term_list *loaded,
                        uint64_t generation)
{
    rwlock_write(&w->lock);
    bool ready = w->generation >= generation;
    if (ready) {
        w->list_bytes -= list_bytes(l);
        l->count = loaded->count;
        l->cap = loaded->cap;
        l->numbers = loaded->numbers;
        l->weights = loaded->weights;
        l->weight_max = loaded->weight_max;
        for (size_t i = 0; i < l->change_count; i++)
            if (l->changes[i].generation > generation)
                list_set(l, l->changes[i].number, l->changes[i].weight);
        free(l->changes);
        l->changes = NULL;
        l->change_count = l->change_cap = 0;
        l->state = LIST_READY;
        w->list_bytes += list_bytes(l);
    }
    rwlock_drop(&w->lock);
    return ready;
}

static enum err load(struct words *w, struct seat *s, struct term_list *l, struct err_info *e)
{
    struct term_list loaded = {.count = 0};
    uint64_t generation = 0;
    enum err err = ERR_OK;
    for (int tries = 0; tries < 200; tries++) { /* SQLite's rare moments of exclusion */
        loaded.count = loaded.weight_max = 0;
        err = s->db.db ? ERR_OK : words_db_open(&s->db, w->path, true, e);
        if (!err)
            err = words_db_load(&s->db, l->term, &loaded, &generation, e);
        if (err != ERR_BUSY)
            break;
        if (e)
            err_clear(e);
        clock_sleep_ns(1000000);
    }
    if (err) {
        free(loaded.numbers);
        free(loaded.weights);
        rwlock_write(&w->lock);
        table_remove(w, l);
        rwlock_drop(&w->lock);
    } else {
        while (!load_finish(w, l, &loaded, generation))
            wait_moment(w);
    }
    wake(w);
    return err;
}

static void pin(const struct words *w, struct term_list **at, struct term_list *l)
{
    atomic_fetch_add(&l->pins, 1);
    atomic_store_explicit(&l->used, w->searches, memory_order_relaxed);
    *at = l;
}

/* Pins what is ready. Returns an entry that this search is to load now, or NULL; *waiting: others
 * load some. */
static struct term_list *pin_ready(struct words *w, const struct term_bag *terms,
                                   struct term_list **lists, bool *waiting)
{
    struct term_list *missing = NULL;
    size_t left = 0;
    *waiting = false;
    rwlock_read(&w->lock);
    for (size_t i = 0; i < terms->count; i++) {
        if (lists[i])
            continue;
        struct term_list *l = table_find(w, terms->terms[i].term, str_hash(terms->terms[i].term));
        if (l && l->state == LIST_READY)
            pin(w, &lists[i], l);
        else
            left++;
    }
    rwlock_drop(&w->lock);
    if (!left)
        return NULL;
    rwlock_write(&w->lock);
    for (size_t i = 0; i < terms->count && !missing; i++) {
        uint64_t hash = str_hash(terms->terms[i].term);
        struct term_list *l = lists[i] ? NULL : table_find(w, terms->terms[i].term, hash);
        if (lists[i])
            continue;
        if (!l)
            missing = table_add(w, terms->terms[i].term, hash);
        else if (l->state == LIST_READY)
            pin(w, &lists[i], l);
        else
            *waiting = true; /* another search loads it */
    }
    w->searches++;
    rwlock_drop(&w->lock);
    return missing;
}

enum err words_pin(struct words *w, struct seat *s, const struct term_bag *terms,
                   struct term_list **lists, struct err_info *e)
{
    bool waiting = true;
    enum err err = ERR_OK;
    memset(lists, 0, terms->count * sizeof *lists);
    for (;;) {
        struct term_list *missing = pin_ready(w, terms, lists, &waiting);
        if (missing)
            err = load(w, s, missing, e);
        else if (waiting)
            wait_moment(w);
        if (err) {
            words_unpin(lists, terms->count);
            return err;
        }
        if (!missing && !waiting)
            return ERR_OK;
    }
}

void words_unpin(struct term_list **lists, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (lists[i])
            atomic_fetch_sub(&lists[i]->pins, 1);
}
