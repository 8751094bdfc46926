#include "embed/remote_pace.h"
#include <curl/curl.h>
#include <string.h>

#define MS 1000000LL

int64_t pace_wait_ns(const struct pace *p, int64_t now_ns)
{
    int64_t until = p->paused_until_ns;
    if (p->state == BREAKER_OPEN && p->open_until_ns > until)
        until = p->open_until_ns;
    if (p->state == BREAKER_HALF_OPEN && now_ns + BREAKER_OPEN_MS * MS > until)
        until = now_ns + BREAKER_OPEN_MS * MS;
    return until > now_ns ? until - now_ns : 0;
}

bool pace_enter(struct pace *p, int64_t now_ns, int64_t *wait_ns)
{
    *wait_ns = pace_wait_ns(p, now_ns);
    if (*wait_ns > 0)
        return false;
    if (p->state == BREAKER_OPEN)
        p->state = BREAKER_HALF_OPEN;
    return true;
}

void pace_success(struct pace *p)
{
    p->state = BREAKER_CLOSED;
    p->failures = p->trips = 0;
}

static void breaker_open(struct pace *p, int64_t now_ns, double unit)
{
    int64_t ms = (int64_t)BREAKER_OPEN_MS << (p->trips < 6 ? p->trips : 6);
    if (ms > BREAKER_OPEN_MS_MAX)
        ms = BREAKER_OPEN_MS_MAX;
    p->state = BREAKER_OPEN;
    p->trips++;
    /* At least half of it: several servers do not come back all at once. */
    p->open_until_ns = now_ns + ms * MS / 2 + (int64_t)((double)(ms * MS / 2) * unit);
}

void pace_failure(struct pace *p, int64_t now_ns, double unit)
{
    p->failures++;
    if (p->state == BREAKER_HALF_OPEN ||
        (p->state == BREAKER_CLOSED && p->failures >= BREAKER_FAILURES))
        breaker_open(p, now_ns, unit);
}

void pace_pause(struct pace *p, int64_t now_ns, int64_t pause_ns)
{
    if (now_ns + pause_ns > p->paused_until_ns)
        p->paused_until_ns = now_ns + pause_ns;
}

void pace_cancel(struct pace *p, int64_t now_ns)
{
    if (p->state != BREAKER_HALF_OPEN)
        return;
    p->state = BREAKER_OPEN;
    p->open_until_ns = now_ns;
}

int64_t backoff_ns(unsigned attempt, double unit)
{
    int64_t ms = (int64_t)BACKOFF_MS << (attempt < 8 ? attempt : 8);
    return (int64_t)((double)((ms < BACKOFF_MS_MAX ? ms : BACKOFF_MS_MAX) * MS) * unit);
}

int64_t retry_after_parse(struct str value, int64_t wall_us)
{
    char text[64];
    int64_t seconds;
    value = str_trim(value);
    if (value.n == 0 || value.n >= sizeof text)
        return -1;
    if (str_to_i64(value, 0, INT64_MAX, &seconds) == ERR_OK)
        return (seconds < RETRY_AFTER_MAX_S ? seconds : RETRY_AFTER_MAX_S) * 1000 * MS;
    if (!memchr(value.s, ' ', value.n)) /* "-5", "1e3", "soon": no date */
        return -1;
    memcpy(text, value.s, value.n);
    text[value.n] = 0;
    time_t at = curl_getdate(text, NULL);
    if (at < 0)
        return -1;
    int64_t us = (int64_t)at * 1000000 - wall_us;
    if (us > RETRY_AFTER_MAX_S * 1000000LL)
        us = RETRY_AFTER_MAX_S * 1000000LL;
    return us > 0 ? us * 1000 : 0;
}
