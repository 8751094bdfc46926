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
    r->buckets = limits_new();
    lock_init(&r->lock, LOCK_LEAF);
    for (unsigned i = 0; i < RATE_POLICIES; i++)
        r->refused[i] = counter_of(refused, &policy_names[i]);
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

/* A key's own goes before the general one. */
static struct limit limit_for(struct call *c, enum rate_policy policy)
{
    const struct limit none = {0};
    const struct limit *own = policy == RATE_KEY      ? &c->caller.requests
                              : policy == RATE_TOKENS ? &c->caller.tokens
                                                      : &none;
    return own->quota > 0 ? *own : limit_of(&c->api->rate, policy);
}

/* ---- headers ---- */

static void refuse(struct call *c, enum rate_policy policy, const struct limit *limit,
                   const struct limit_state *s)
{
    c->retry_s = s->retry_s;
    counter_add(c->api->rate.refused[policy], 1);
    call_problem(c, 429, "rate_limited",
                 arena_printf(c->arena,
                              "more than %.15g %s in %u s, and %.15g at once, are not for one %s; "
                              "come again in %u s",
                              limit->quota, policy == RATE_TOKENS ? "embedding tokens" : "requests",
                              limit->window_s, limit->burst,
                              policy == RATE_TOKENS ? "key or address" : policy_names[policy],
                              s->retry_s));
}

/* Takes of one policy, and tells in the answer what it leaves. False: refused, answered. */
static bool take(struct call *c, enum rate_policy policy, struct str subject, double units)
{
    struct rate *r = &c->api->rate;
    struct limit limit = limit_for(c, policy);
    struct limit_state s;
    if (limit.quota <= 0 || !subject.n)
        return true;
    bool admitted = limits_take(
        r->buckets, limits_subject(r->buckets, policy_names[policy], subject.s, subject.n), &limit,
        units, clock_mono_ns(), &s);
    http_add_header(c->request, "RateLimit-Policy",
                    arena_printf(c->arena, "\"%s\";q=%.15g;w=%u", policy_names[policy], limit.quota,
                                 limit.window_s));
    http_add_header(
        c->request, "RateLimit",
        arena_printf(c->arena, "\"%s\";r=%.15g;t=%u", policy_names[policy], s.left, s.full_s));
    if (!admitted)
        refuse(c, policy, &limit, &s);
    return admitted;
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
    struct str who = payer(c);
    *t = (struct token_account){.rate = &c->api->rate, .limit = limit_for(c, RATE_TOKENS)};
    t->subject = limits_subject(t->rate->buckets, policy_names[RATE_TOKENS], who.s, who.n);
    meter_set(&t->meter);
}

void tokens_end(struct token_account *t)
{
    meter_set(NULL);
    limits_charge(t->rate->buckets, t->subject, &t->limit, (double)t->meter.tokens,
                  clock_mono_ns());
}
