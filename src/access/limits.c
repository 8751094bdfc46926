#include "access/limits.h"
#include "base/hash.h"
#include "base/rng.h"
#include "base/thread.h"
#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SHARDS 64u
#define WAYS 8u
#define SETS (LIMITS_SUBJECTS / SHARDS / WAYS)
#define SECOND_NS 1e9
enum { HOLD_MS = 1000, HOLD_SPREAD_MS = 250 };

struct bucket {
    uint64_t subject; /* 0: free */
    int64_t full_ns;  /* when it will be full again */
};
struct shard {
    struct lock lock;
    struct bucket buckets[SETS][WAYS];
};
struct limits {
    uint64_t seed; /* nobody outside can choose names that meet */
    struct shard shards[SHARDS];
};

struct limits *limits_new(void)
{
    struct limits *l = calloc(1, sizeof *l);
    if (l)
        rng_bytes(&l->seed, sizeof l->seed);
    for (unsigned i = 0; l && i < SHARDS; i++)
        lock_init(&l->shards[i].lock, LOCK_CACHE);
    return l;
}

void limits_free(struct limits *l)
{
    for (unsigned i = 0; l && i < SHARDS; i++)
        lock_release(&l->shards[i].lock);
    free(l);
}

uint64_t limits_subject(const struct limits *l, const char *policy, const void *name, size_t n)
{
    uint64_t h = checksum64(name, n, checksum64(policy, strlen(policy), l->seed));
    return h ? h : 1;
}

/* Its own, one that is free or full again, or the one that newcomers share: a set's last, which is
 * nobody's. */
static struct bucket *bucket_of(struct shard *s, uint64_t subject, int64_t now_ns)
{
    struct bucket *set = s->buckets[subject / SHARDS % SETS], *empty = NULL;
    for (unsigned i = 0; i < WAYS - 1; i++) {
        if (set[i].subject == subject)
            return &set[i];
        if (!empty && set[i].full_ns <= now_ns)
            empty = &set[i];
    }
    if (!empty)
        return &set[WAYS - 1];
    *empty = (struct bucket){.subject = subject};
    return empty;
}

static double unit_ns(const struct limit *limit)
{
    return limit->window_s * SECOND_NS / limit->quota;
}

static void state_of(struct limit_state *state, const struct limit *limit, int64_t full_ns,
                     double lacks_ns, bool never, int64_t now_ns)
{
    double wait_ns = full_ns > now_ns ? (double)(full_ns - now_ns) : 0;
    *state = (struct limit_state){
        .left = fmax(0, floor(limit->burst - wait_ns / unit_ns(limit) + 1e-9)),
        .full_s = (unsigned)ceil(wait_ns / SECOND_NS),
        .retry_s = lacks_ns <= 0 || never ? 0 : (unsigned)fmax(1, ceil(lacks_ns / SECOND_NS)),
    };
}

bool limits_take(struct limits *l, uint64_t subject, const struct limit *limit, double units,
                 int64_t now_ns, struct limit_state *state)
{
    if (limit->quota <= 0) {
        if (state)
            *state = (struct limit_state){.left = LIMIT_UNITS_MAX};
        return true;
    }
    struct shard *s = &l->shards[subject % SHARDS];
    double cost = units * unit_ns(limit), room = limit->burst * unit_ns(limit);
    lock_take(&s->lock);
    struct bucket *b = bucket_of(s, subject, now_ns);
    int64_t from = b->full_ns > now_ns ? b->full_ns : now_ns;
    double lacks = (double)(from - now_ns) + cost - room;
    bool admitted = lacks <= 1; /* a nanosecond: of rounding */
    if (admitted)
        b->full_ns = from + (int64_t)ceil(cost);
    if (state)
        state_of(state, limit, b->full_ns, lacks, units > limit->burst, now_ns);
    lock_drop(&s->lock);
    return admitted;
}

void limits_charge(struct limits *l, uint64_t subject, const struct limit *limit, double units,
                   int64_t now_ns)
{
    if (limit->quota <= 0 || units <= 0)
        return;
    struct shard *s = &l->shards[subject % SHARDS];
    lock_take(&s->lock);
    struct bucket *b = bucket_of(s, subject, now_ns);
    b->full_ns =
        (b->full_ns > now_ns ? b->full_ns : now_ns) + (int64_t)fmin(units * unit_ns(limit), 1e17);
    lock_drop(&s->lock);
}

void limits_give(struct limits *l, uint64_t subject, const struct limit *limit, double units,
                 int64_t now_ns)
{
    if (limit->quota <= 0 || units <= 0)
        return;
    struct shard *s = &l->shards[subject % SHARDS];
    lock_take(&s->lock);
    struct bucket *b = bucket_of(s, subject, now_ns);
    if (b->full_ns > now_ns)
        b->full_ns -= (int64_t)floor(units * unit_ns(limit));
    lock_drop(&s->lock);
}

unsigned limits_hold_ms(struct limits *l, uint64_t subject, int64_t now_ns)
{
    const struct limit at_once = {LIMITS_REFUSALS, LIMITS_REFUSALS, 1};
    uint64_t refusals = limits_subject(l, "refusals", &subject, sizeof subject);
    if (limits_take(l, refusals, &at_once, 1, now_ns, NULL))
        return 0;
    uint32_t chance;
    rng_bytes(&chance, sizeof chance);
    return HOLD_MS - HOLD_SPREAD_MS + chance % (2 * HOLD_SPREAD_MS + 1);
}

/* ---- the text of a limit ---- */

static const char *spaces(const char *p)
{
    while (*p == ' ')
        p++;
    return p;
}

static bool units_parse(const char **p, double *out)
{
    char *end;
    if (!isdigit((unsigned char)**p))
        return false;
    *out = strtod(*p, &end);
    *p = end;
    return *out >= 1 && *out <= LIMIT_UNITS_MAX;
}

static const struct {
    char letter;
    unsigned seconds;
} windows[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}};

static unsigned window_parse(const char **p)
{
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++)
        if (**p == windows[i].letter) {
            ++*p;
            return windows[i].seconds;
        }
    return 0;
}

static double burst_default(const struct limit *l)
{
    return fmax(1, floor(l->quota / l->window_s));
}

bool limit_parse(const char *text, struct limit *out)
{
    const char *p = spaces(text);
    *out = (struct limit){0};
    if (!*p || !strcasecmp(p, "none"))
        return true;
    struct limit l = {0};
    if (!units_parse(&p, &l.quota) || *(p = spaces(p)) != '/')
        return false;
    p = spaces(p + 1);
    if (!(l.window_s = window_parse(&p)))
        return false;
    l.burst = burst_default(&l);
    p = spaces(p);
    if (!strncmp(p, "burst ", 6)) {
        p = spaces(p + 6);
        if (!units_parse(&p, &l.burst))
            return false;
        p = spaces(p);
    }
    if (*p)
        return false;
    *out = l;
    return true;
}

void limit_print(const struct limit *l, char out[LIMIT_TEXT])
{
    size_t i = 0;
    out[0] = '\0';
    if (l->quota <= 0)
        return;
    while (i + 1 < sizeof windows / sizeof *windows && windows[i].seconds != l->window_s)
        i++;
    int n = snprintf(out, LIMIT_TEXT, "%.10g/%c", l->quota, windows[i].letter);
    if (l->burst != burst_default(l))
        snprintf(out + n, LIMIT_TEXT - (size_t)n, " burst %.10g", l->burst);
}

bool limit_within(const struct limit *inner, const struct limit *outer)
{
    if (outer->quota <= 0)
        return true;
    return inner->quota > 0 && inner->burst <= outer->burst &&
           inner->quota * outer->window_s <= outer->quota * inner->window_s;
}
