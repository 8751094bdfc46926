/* In a model's file: u64 "AKSESS01"   u32 items   u32 sessions   u64 items of all of them
 *     u8 length of each session   u32 item of each, numbers little-endian. */
#include "recommend/session_model.h"

#include "base/arena.h"
#include "base/section.h"
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC UINT64_C(0x3130535345534B41) /* "AKSESS01" */
#define SAMPLE 2000                        /* newest past sessions that are looked at */
#define PLACES_MAX (SESSION_ITEMS_MAX * (SESSION_ITEMS_MAX + 1) / 2)

struct session_model {
    uint32_t items, count;
    size_t *start; /* count + 1 */
    uint32_t *at;
    size_t *held_start; /* items + 1 */
    uint32_t *held;     /* of each item: sessions that hold it, rising */
};

/* ---- made ---- */

static void held_make(struct session_model *m)
{
    size_t all = m->start[m->count];
    m->held_start = xcalloc((size_t)m->items + 2, sizeof *m->held_start);
    m->held = xmalloc((all + 1) * sizeof *m->held);
    for (size_t k = 0; k < all; k++)
        m->held_start[m->at[k] + 2]++;
    for (uint32_t i = 0; i < m->items; i++)
        m->held_start[i + 2] += m->held_start[i + 1];
    for (uint32_t s = 0; s < m->count; s++) /* held_start[i + 1]: the next free place of i */
        for (size_t k = m->start[s]; k < m->start[s + 1]; k++)
            m->held[m->held_start[m->at[k] + 1]++] = s;
}

struct session_model *session_model_new(uint32_t items, uint32_t count, const size_t *start,
                                        const uint32_t *at)
{
    struct session_model *m = xcalloc(1, sizeof *m);
    assert(count <= SESSION_COUNT_MAX && start[0] == 0);
    m->items = items;
    m->count = count;
    m->start = xmalloc(((size_t)count + 1) * sizeof *m->start);
    m->at = xmalloc((start[count] + 1) * sizeof *m->at);
    memcpy(m->start, start, ((size_t)count + 1) * sizeof *start);
    if (start[count])
        memcpy(m->at, at, start[count] * sizeof *at);
    held_make(m);
    return m;
}

void session_model_free(struct session_model *m)
{
    if (!m)
        return;
    free(m->start);
    free(m->at);
    free(m->held_start);
    free(m->held);
    free(m);
}

uint32_t session_model_count(const struct session_model *m)
{
    return m->count;
}

size_t session_model_bytes(const struct session_model *m)
{
    return sizeof *m + ((size_t)m->count + m->items + 3) * sizeof *m->start +
           2 * m->start[m->count] * sizeof *m->at;
}

/* ---- file ---- */

void session_model_save(const struct session_model *m, struct section_writer *w)
{
    section_put_u64(w, MAGIC);
    section_put_u32(w, m->items);
    section_put_u32(w, m->count);
    section_put_u64(w, m->start[m->count]);
    for (uint32_t s = 0; s < m->count; s++)
        section_put(w, &(uint8_t){(uint8_t)(m->start[s + 1] - m->start[s])}, 1);
    section_put(w, m->at, m->start[m->count] * sizeof *m->at);
}

static void lengths_get(struct section_reader *r, struct session_model *m, uint64_t all)
{
    m->start = xmalloc(((size_t)m->count + 1) * sizeof *m->start);
    m->start[0] = 0;
    for (uint32_t s = 0; s < m->count; s++) {
        uint8_t length;
        section_get(r, &length, 1);
        if (length < 2 || length > SESSION_ITEMS_MAX)
            section_corrupt(r, "a session is too short or too long");
        m->start[s + 1] = m->start[s] + length;
    }
    if (m->start[m->count] != all)
        section_corrupt(r, "the sessions do not add up");
}

static void items_get(struct section_reader *r, struct session_model *m, uint64_t all)
{
    uint32_t *last = xcalloc((size_t)m->items + 1, sizeof *last);
    m->at = xmalloc((all + 1) * sizeof *m->at);
    section_get(r, m->at, all * sizeof *m->at);
    for (uint32_t s = 0; s < m->count && !section_error(r); s++)
        for (size_t k = m->start[s]; k < m->start[s + 1] && !section_error(r); k++) {
            if (m->at[k] >= m->items || last[m->at[k]] == s + 1)
                section_corrupt(r, "a session has an item twice, or one that is not there");
            else
                last[m->at[k]] = s + 1;
        }
    free(last);
}

struct session_model *session_model_load(struct section_reader *r, uint32_t items)
{
    struct session_model *m = xcalloc(1, sizeof *m);
    if (section_get_u64(r) != MAGIC)
        section_corrupt(r, "not sessions");
    m->items = section_get_u32(r);
    m->count = section_get_u32(r);
    uint64_t all = section_get_u64(r);
    if (m->items != items || m->count > SESSION_COUNT_MAX ||
        all > (uint64_t)m->count * SESSION_ITEMS_MAX ||
        m->count + all * sizeof *m->at > section_left(r))
        section_corrupt(r, "more sessions than the file can hold");
    if (!section_error(r))
        lengths_get(r, m, all);
    if (!section_error(r))
        items_get(r, m, all);
    if (section_error(r)) {
        session_model_free(m);
        return NULL;
    }
    held_make(m);
    return m;
}

/* ---- asked ---- */

struct near {
    uint32_t session;
    uint32_t places; /* of the shared items, added up: how alike, times the length */
    float weight;    /* how alike / step; of the nearest: so that they add up to 1 */
};
/* Its newest items, none twice, oldest first. */
struct session_asked {
    uint32_t items[SESSION_ITEMS_MAX];
    size_t from[SESSION_ITEMS_MAX]; /* which of the given it was */
    size_t count;
    struct near near[SESSION_NEAR];
    size_t near_count;
};

static bool asked_has(const struct session_asked *a, uint32_t item, size_t *place)
{
    for (size_t i = a->count; i-- > 0;)
        if (a->items[i] == item) {
            *place = i;
            return true;
        }
    return false;
}

static void asked_make(struct session_asked *a, const uint32_t *given, size_t count)
{
    size_t place;
    a->count = 0;
    for (size_t k = count; k-- > 0 && a->count < SESSION_ITEMS_MAX;)
        if (!asked_has(a, given[k], &place)) {
            a->items[a->count] = given[k];
            a->from[a->count++] = k;
        }
    for (size_t i = 0, j = a->count; i + 1 < j--; i++) {
        uint32_t item = a->items[i];
        size_t from = a->from[i];
        a->items[i] = a->items[j], a->from[i] = a->from[j];
        a->items[j] = item, a->from[j] = from;
    }
}

/* How alike, and how far back the newest shared item is. */
static struct near near_make(const struct session_model *m, const struct session_asked *a,
                             uint32_t session)
{
    size_t sum = 0, newest = 0, place;
    for (size_t k = m->start[session]; k < m->start[session + 1]; k++)
        if (asked_has(a, m->at[k], &place)) {
            sum += place + 1;
            newest = place + 1 > newest ? place + 1 : newest;
        }
    return (struct near){session, (uint32_t)sum, (float)sum / (float)(a->count - newest + 1)};
}

/* The newest sessions that share an item, newest first: the heads of the items' lists merged. */
static size_t sample_take(const struct session_model *m, const struct session_asked *a,
                          uint32_t *out)
{
    size_t end[SESSION_ITEMS_MAX], n = 0;
    for (size_t i = 0; i < a->count; i++)
        end[i] = m->held_start[a->items[i] + 1];
    while (n < SAMPLE) {
        int64_t newest = -1;
        for (size_t i = 0; i < a->count; i++)
            if (end[i] > m->held_start[a->items[i]] && m->held[end[i] - 1] > newest)
                newest = m->held[end[i] - 1];
        if (newest < 0)
            break;
        for (size_t i = 0; i < a->count; i++)
            if (end[i] > m->held_start[a->items[i]] && m->held[end[i] - 1] == newest)
                end[i]--;
        out[n++] = (uint32_t)newest;
    }
    return n;
}

/* The most alike of `n`, of equal ones the newer, which come first: by counting, since how alike
 * they are is a sum of places. */
static size_t most_alike(struct near *all, size_t n)
{
    uint16_t times[PLACES_MAX + 1] = {0};
    size_t taken = 0, least = PLACES_MAX, more = 0;
    for (size_t k = 0; k < n; k++)
        times[all[k].places]++;
    while (least > 1 && more + times[least] < SESSION_NEAR)
        more += times[least--];
    for (size_t k = 0, of_least = SESSION_NEAR - more; k < n; k++)
        if (all[k].places > least || (all[k].places == least && of_least > 0)) {
            of_least -= all[k].places == least;
            all[taken++] = all[k];
        }
    return taken;
}

static void nearest(const struct session_model *m, struct session_asked *a)
{
    uint32_t sample[SAMPLE];
    struct near all[SAMPLE];
    size_t n = sample_take(m, a, sample);
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        all[k] = near_make(m, a, sample[k]);
    a->near_count = most_alike(all, n);
    for (size_t k = 0; k < a->near_count; k++)
        sum += (double)all[k].weight;
    for (size_t k = 0; k < a->near_count; k++) {
        a->near[k] = all[k];
        a->near[k].weight = (float)((double)all[k].weight / sum);
    }
}

void session_model_score(const struct session_model *m, const uint32_t *given, size_t count,
                         float *scores)
{
    struct session_asked a;
    asked_make(&a, given, count);
    nearest(m, &a);
    memset(scores, 0, m->items * sizeof *scores);
    for (size_t k = 0; k < a.near_count; k++)
        for (size_t i = m->start[a.near[k].session]; i < m->start[a.near[k].session + 1]; i++)
            scores[m->at[i]] += a.near[k].weight;
    for (size_t i = 0; i < a.count; i++)
        scores[a.items[i]] = 0;
}

/* ---- why ---- */

const struct session_asked *session_model_ask(const struct session_model *m, const uint32_t *given,
                                              size_t count, struct arena *arena)
{
    struct session_asked *a = arena_alloc(arena, sizeof *a);
    asked_make(a, given, count);
    nearest(m, a);
    return a;
}

static bool session_has(const struct session_model *m, uint32_t session, uint32_t item)
{
    for (size_t k = m->start[session]; k < m->start[session + 1]; k++)
        if (m->at[k] == item)
            return true;
    return false;
}

/* Added up as session_model_score does it. */
float session_model_item(const struct session_model *m, const struct session_asked *a,
                         uint32_t item)
{
    size_t place;
    float score = 0;
    if (asked_has(a, item, &place))
        return 0;
    for (size_t k = 0; k < a->near_count; k++)
        if (session_has(m, a->near[k].session, item))
            score += a->near[k].weight;
    return score;
}

/* What a session adds to the score, by the share that each item has of how alike it is. */
void session_model_parts(const struct session_model *m, const struct session_asked *a, size_t count,
                         uint32_t item, double *parts)
{
    size_t place;
    for (size_t k = 0; k < count; k++)
        parts[k] = 0;
    if (asked_has(a, item, &place))
        return;
    for (size_t k = 0; k < a->near_count; k++) {
        uint32_t s = a->near[k].session;
        if (!session_has(m, s, item))
            continue;
        for (size_t i = m->start[s]; i < m->start[s + 1]; i++)
            if (asked_has(a, m->at[i], &place))
                parts[a->from[place]] +=
                    (double)a->near[k].weight * (double)(place + 1) / (double)a->near[k].places;
    }
}
