#include "base/arena.h"
#include "base/log.h"
#include "events/internal.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool subscription_wants(const struct subscription *s, const char *type)
{
    return !s->ended && (strcmp(s->type, "*") == 0 || strcmp(s->type, type) == 0);
}

uint64_t subscription_position(const struct subscription *s)
{
    lock_assert_held(&s->events->lock);
    for (const struct job *j = s->first; j; j = j->next)
        if (j->change)
            return j->change - 1; /* oldest first */
    return s->cursor;
}

void subscription_free(struct subscription *s)
{
    free(s);
}

static void position_store(struct events *x, const char *consumer, uint64_t change)
{
    struct err_info info = {0};
    struct store_act act = {
        .kind = ACT_CONSUMER_SET, .consumer = str_c(consumer), .consumer_change = change};
    enum err err = store_write(x->store, &act, 1, false, NULL, &info);
    if (err || act.err)
        log_event(LOG_WARN,
                  "the position of an event consumer could not be stored; events may come again",
                  LOG_S("consumer", consumer),
                  LOG_S("reason", err ? info.message : act.info.message));
}

void positions_store(struct events *x)
{
    for (;;) {
        char consumer[sizeof((struct subscription *)0)->consumer] = "";
        uint64_t position = 0;
        lock_take(&x->lock);
        for (struct subscription *s = x->subscriptions; s && !consumer[0]; s = s->next) {
            position = subscription_position(s);
            if (!s->consumer[0] || position == s->stored)
                continue;
            s->stored = position;
            memcpy(consumer, s->consumer, sizeof consumer);
        }
        lock_drop(&x->lock);
        if (!consumer[0])
            return;
        position_store(x, consumer, position);
    }
}

enum err event_subscribe(struct events *x, const struct subscription_options *o,
                         event_handler *handler, void *ctx, struct subscription **out,
                         struct err_info *e)
{
    struct position now;
    struct subscription *s = xcalloc(1, sizeof *s);
    *s = (struct subscription){
        .events = x, .with_embedding = o->with_embedding, .handler = handler, .ctx = ctx};
    enum err err = 0;
    if (!o->type || strlen(o->type) >= sizeof s->type ||
        (o->consumer && strlen(o->consumer) >= sizeof s->consumer))
        err =
            err_set(e, ERR_INVALID, "type",
                    "an event type and a consumer's name have 1 to %zu bytes", sizeof s->type - 1);
    store_position(x->store, &now);
    s->cursor = now.change;
    if (!err && o->consumer && *o->consumer) {
        snprintf(s->consumer, sizeof s->consumer, "%s", o->consumer);
        err = store_consumer_get(x->store, str_c(o->consumer), &s->cursor, e);
        s->stored = s->cursor;
    }
    if (err) {
        free(s);
        return err;
    }
    snprintf(s->type, sizeof s->type, "%s", o->type);
    lock_take(&x->lock);
    s->next = x->subscriptions;
    x->subscriptions = s;
    cond_broadcast(&x->changed);
    lock_drop(&x->lock);
    *out = s;
    return 0;
}

void event_unsubscribe(struct subscription *s)
{
    struct events *x = s->events;
    lock_take(&x->lock);
    uint64_t position = subscription_position(s);
    s->ended = true;
    jobs_drop(s);
    while (s->running > 0 || s->reading > 0)
        cond_wait(&x->changed, &x->lock);
    jobs_drop(s);
    struct subscription **at = &x->subscriptions;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    lock_drop(&x->lock);
    if (s->consumer[0] && position != s->stored)
        position_store(x, s->consumer, position);
    subscription_free(s);
}

uint64_t events_needed(struct events *x)
{
    uint64_t needed = UINT64_MAX;
    lock_take(&x->lock);
    for (struct subscription *s = x->subscriptions; s; s = s->next)
        if (s->consumer[0] && s->stored < needed)
            needed = s->stored;
    lock_drop(&x->lock);
    return needed;
}
