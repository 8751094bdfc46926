#include "api/rate.h"
#include "api/server.h"
#include "base/clock.h"
#include "engine/keys.h"
#include <stdio.h>
#include <string.h>

static const char *const policy_names[RATE_POLICIES] = {
    [RATE_KEY] = "key", [RATE_USER] = "user", [RATE_ADDRESS] = "address", [RATE_TOKENS] = "tokens"};

void rate_init(struct rate *r)
{
    struct counter_family *refused =
        counter_family("rate_limited_total", "Requests refused by a rate limit.", "policy");
    struct counter_family *held = counter_family(
        "rate_limit_held_total",
        "Of rate_limited_total: answers held back for about a second, since too many had come "
        "before; http_request_duration_seconds leaves them out.",
        "policy");
    r->buckets = limits_new();
    lock_init(&r->lock, LOCK_LEAF);
    for (unsigned i = 0; i < RATE_POLICIES; i++) {
        r->refused[i] = counter_of(refused, &policy_names[i]);
        if (i != RATE_USER)
            r->held[i] = counter_of(held, &policy_names[i]);
    }
}

void rate_release(struct rate *r)
{
    limits_free(r->buckets);
    lock_release(&r->lock);
}

void api_limit(struct api *a, const struct limit limits[RATE_POLICIES])
{
    lock_take(&a->rate.lock);
    memcpy(a->rate.limits, limits, sizeof a->rate.limits);
    lock_drop(&a->rate.lock);
    engine_key_limits(a->engine, &(struct general_limits){limits[RATE_KEY], limits[RATE_TOKENS]});
}

static struct limit limit_of(struct rate *r, enum rate_policy policy)
{
    lock_take(&r->lock);
    struct limit limit = r->limits[policy];
    lock_drop(&r->lock);
    return limit;
}

static unsigned bucket_add(struct rate *r, enum rate_policy policy, struct str who,
                           const struct limit *limit, struct bucket_ref *out)
{
    if (limit->quota <= 0 || !who.n)
        return 0;
    out->limit = *limit;
    out->subject = limits_subject(r->buckets, policy_names[policy], who.s, who.n);
    return 1;
}

/* Those of `who`, and of the keys that made its key; a key's own limit goes before the general one.
 */
static unsigned buckets_of(struct call *c, enum rate_policy policy, struct str who,
                           struct bucket_ref out[RATE_BUCKETS_MAX])
{
    struct rate *r = &c->api->rate;
    const struct caller *by = &c->caller;
    const struct limit general = limit_of(r, policy), none = {0};
    bool of_key = policy == RATE_KEY || policy == RATE_TOKENS;
    out[0].of_maker = false;
    const struct limit *own = !of_key ? &none : policy == RATE_KEY ? &by->requests : &by->tokens;
    unsigned n = bucket_add(r, policy, who, own->quota > 0 ? own : &general, out);
    for (unsigned i = 0; of_key && i < by->maker_count; i++) {
        const struct maker *m = &by->makers[i];
        own = policy == RATE_KEY ? &m->requests : &m->tokens;
        out[n].of_maker = true;
        n += bucket_add(r, policy, m->key_id, own->quota > 0 ? own : &general, out + n);
    }
    return n;
}

/* Of all of them or of none. *at and *s: the one that refuses for longest, or has least left. */
static bool buckets_take(struct rate *r, const struct bucket_ref *b, unsigned count, double units,
                         unsigned *at, struct limit_state *s)
{
    int64_t now = clock_mono_ns();
    struct limit_state one;
    unsigned taken = 0, all = (1u << count) - 1;
    for (unsigned i = 0; i < count; i++) {
        bool whole = taken == (1u << i) - 1; /* so far */
        bool admitted = limits_take(r->buckets, b[i].subject, &b[i].limit, units, now, &one);
        taken |= (unsigned)admitted << i;
        if (!i || (admitted ? whole && one.left < s->left : whole || one.retry_s > s->retry_s)) {
            *at = i;
            *s = one;
        }
    }
    for (unsigned i = 0; taken != all && i < count; i++)
        if (taken & 1u << i)
            limits_give(r->buckets, b[i].subject, &b[i].limit, units, now);
    return taken == all;
}

/* ---- headers ---- */

/* By who asks, whichever bucket refuses: a key does not wait for what another one asked of their
 * maker's. Not by reader: whose connection is it? */
static void hold(struct call *c, enum rate_policy policy, struct str who)
{
    struct rate *r = &c->api->rate;
    if (policy == RATE_USER)
        return;
    uint64_t subject = limits_subject(r->buckets, policy_names[policy], who.s, who.n);
    unsigned ms = limits_hold_ms(r->buckets, subject, clock_mono_ns());
    if (!ms)
        return;
    c->held = true;
    counter_add(r->held[policy], 1);
    http_hold(c->request, ms);
}

static void refuse(struct call *c, enum rate_policy policy, const struct limit *limit,
                   bool of_maker, const struct limit_state *s)
{
    c->retry_s = s->retry_s;
    counter_add(c->api->rate.refused[policy], 1);
    call_problem(c, 429, "rate_limited",
                 arena_printf(c->arena,
                              "more than %.15g %s in %u s, and %.15g at once, are not for one %s"
                              "%s; come again in %u s",
                              limit->quota, policy == RATE_TOKENS ? "embedding tokens" : "requests",
                              limit->window_s, limit->burst,
                              policy == RATE_TOKENS ? "key or address" : policy_names[policy],
                              of_maker ? " with all that it made, of which this key is" : "",
                              s->retry_s));
}

/* Takes of one policy, and tells in the answer what it leaves. False: refused, answered. */
static bool take(struct call *c, enum rate_policy policy, struct str who, double units)
{
    struct bucket_ref buckets[RATE_BUCKETS_MAX];
    struct limit_state s = {0};
    unsigned at = 0, n = buckets_of(c, policy, who, buckets);
    if (!n)
        return true;
    bool admitted = buckets_take(&c->api->rate, buckets, n, units, &at, &s);
    const struct limit *limit = &buckets[at].limit;
    http_add_header(c->request, "RateLimit-Policy",
                    arena_printf(c->arena, "\"%s\";q=%.15g;w=%u", policy_names[policy],
                                 limit->quota, limit->window_s));
    http_add_header(
        c->request, "RateLimit",
        arena_printf(c->arena, "\"%s\";r=%.15g;t=%u", policy_names[policy], s.left, s.full_s));
    if (admitted)
        return true;
    hold(c, policy, who);
    refuse(c, policy, limit, buckets[at].of_maker, &s);
    return false;
}

/* ---- requests ---- */

static struct str payer(const struct call *c)
{
    return c->caller.key_id.n ? c->caller.key_id : http_peer(c->request);
}

uint64_t rate_subject(struct call *c)
{
    struct str who = payer(c);
    return limits_subject(c->api->rate.buckets, "turn", who.s, who.n);
}

bool refused_by_address_rate(struct call *c)
{
    return !(c->route->scopes & SCOPE_OPEN) && !take(c, RATE_ADDRESS, http_peer(c->request), 1);
}

bool refused_by_key_rate(struct call *c)
{
    return !(c->route->scopes & SCOPE_OPEN) &&
           !(take(c, RATE_KEY, c->caller.key_id, 1) && take(c, RATE_TOKENS, payer(c), 0));
}

bool refused_by_reader_rate(struct call *c)
{
    struct str user = input_id(c->arena, c->input, "user");
    if (!user.n && !strcmp(c->route->tag, "readers"))
        user = route_value(&c->match, "id");
    return !take(c, RATE_USER, user, 1);
}

/* ---- embedding tokens ---- */

void tokens_begin(struct token_account *t, struct call *c)
{
    *t = (struct token_account){.rate = &c->api->rate};
    t->count = buckets_of(c, RATE_TOKENS, payer(c), t->buckets);
    meter_set(&t->meter);
}

void tokens_end(struct token_account *t)
{
    meter_set(NULL);
    int64_t now = clock_mono_ns();
    for (unsigned i = 0; i < t->count; i++)
        limits_charge(t->rate->buckets, t->buckets[i].subject, &t->buckets[i].limit,
                      (double)t->meter.tokens, now);
}
