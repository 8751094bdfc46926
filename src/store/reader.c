/* The pool of read connections. A reader is inside one transaction, so several statements see one
 * snapshot; its steps are stopped by the clock (conn.c), which also bounds the wait for a
 * connection. */
#include "base/clock.h"
#include "store/inside.h"
#include <assert.h>
#include <string.h>

static void readers_gauge(struct store *s, int busy)
{
    gauge_add(s->metrics.busy, busy);
    gauge_add(s->metrics.idle, -busy);
}

enum err readers_open(struct store *s, struct err_info *e)
{
    struct readers *r = &s->readers;

    cond_init(&r->returned);
    r->all = xcalloc(s->options.readers, sizeof *r->all);
    r->count = s->options.readers;
    for (unsigned i = 0; i < r->count; i++) {
        enum err err = conn_open(&r->all[i], s->path, true, e);
        if (err)
            return err;
        r->all[i].next = r->idle;
        r->idle = &r->all[i];
        gauge_add(s->metrics.idle, 1);
    }
    return ERR_OK;
}

void readers_close(struct store *s)
{
    struct readers *r = &s->readers;

    if (!r->all)
        return;
    for (unsigned i = 0; i < r->count; i++) {
        if (r->all[i].db)
            gauge_add(s->metrics.idle, -1);
        conn_close(&r->all[i]);
    }
    free(r->all);
    cond_release(&r->returned);
}

static struct conn *reader_take(struct store *s, int64_t deadline_ns)
{
    struct readers *r = &s->readers;
    struct conn *c;
    bool in_time = true;

    lock_take(&s->lock);
    while (!r->idle && in_time)
        in_time = cond_wait_until(&r->returned, &s->lock, deadline_ns);
    c = r->idle;
    if (c)
        r->idle = c->next;
    lock_drop(&s->lock);
    return c;
}

static void reader_give(struct store *s, struct conn *c)
{
    lock_take(&s->lock);
    c->next = s->readers.idle;
    s->readers.idle = c;
    cond_signal(&s->readers.returned);
    lock_drop(&s->lock);
    readers_gauge(s, -1);
}

enum err read_begin(struct store *s, enum db_op op, struct conn **out, struct err_info *e)
{
    int64_t asked_ns = clock_mono_ns();
    int64_t deadline_ns = asked_ns + (int64_t)s->options.read_timeout_ms * 1000000;
    struct conn *c = reader_take(s, deadline_ns);
    enum err err;

    if (!c)
        return err_set(e, ERR_TIMEOUT, NULL, "no connection to the store became free in %u ms",
                       s->options.read_timeout_ms);
    readers_gauge(s, 1);
    c->started_ns = clock_mono_ns();
    c->deadline_ns = deadline_ns;
    c->op = op;
    histogram_add(s->metrics.wait, (double)(c->started_ns - asked_ns) / 1e9);
    err = conn_exec(c, STMT_BEGIN_READ, e);
    if (err) {
        db_op_end(s, op, c->started_ns, err);
        conn_rollback(c);
        reader_give(s, c);
        return err;
    }
    *out = c;
    return ERR_OK;
}

void read_end(struct store *s, struct conn *c, enum err err)
{
    enum db_op op = (enum db_op)c->op;
    int64_t started_ns = c->started_ns;

    conn_rollback(c);
    reader_give(s, c);
    db_op_end(s, op, started_ns, err);
}

void *list_add(struct list *l, struct arena *a)
{
    if (l->count == l->cap) {
        size_t cap = l->cap ? l->cap * 2 : 16;
        void *items = arena_array(a, cap, l->size);
        if (l->count)
            memcpy(items, l->items, l->count * l->size);
        l->items = items;
        l->cap = cap;
    }
    return (char *)l->items + l->size * l->count++;
}
