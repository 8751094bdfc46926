#include "engine/repeat.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "engine/internal.h"
#include <assert.h>
#include <string.h>

#define FORGET_EVERY_NS 60000000000LL
#define HOUR_US 3600000000LL

_Static_assert(REPEAT_DIGEST == KEPT_DIGEST && REPEAT_BODY_MAX <= STORE_KEPT_BODY_MAX, "kept");

#define LATE_BYTES_MAX (4u << 20) /* of answers on their way to the disk */
#define LATE_BYTES 4096           /* what one counts for beside its strings: so there are few */

/* In the engine's list: one that is being worked on, KEPT_BEGUN and in its request's arena, of
 * which there are as many as workers at most; or one whose answer is on its way to the disk, a
 * block of its own that goes when it is there. The store's row is what holds: of the list's answer
 * only what a row KEPT_BEGUN is still to be told. */
struct repeat {
    struct engine *engine;
    struct repeat *next;       /* repeats_lock */
    struct kept_record record; /* constant while it is in the list */
    struct store_ticket ticket;
    size_t bytes; /* of an answer on its way */
};

static int64_t oldest_us(const struct engine *x)
{
    return clock_wall_us() - (int64_t)x->options.repeat_hours * HOUR_US;
}

/* ---- the list ---- */

static void record_copy(struct arena *a, struct kept_record *to, const struct kept_record *from)
{
    *to = *from;
    to->owner = arena_str(a, from->owner);
    to->headers = arena_str(a, from->headers);
    to->body = arena_str(a, from->body);
}

/* False: there is one under this key, of which *found is a copy. */
static bool list_enter(struct engine *x, struct repeat *r, struct arena *a,
                       struct kept_record *found)
{
    const struct repeat *at;
    lock_take(&x->repeats_lock);
    for (at = x->repeats; at; at = at->next)
        if (memcmp(at->record.key, r->record.key, sizeof r->record.key) == 0)
            break;
    if (at) {
        record_copy(a, found, &at->record);
    } else {
        r->next = x->repeats;
        x->repeats = r;
    }
    lock_drop(&x->repeats_lock);
    return !at;
}

/* `by` NULL: nothing stands in its place. */
static void list_replace(struct repeat *r, struct repeat *by)
{
    struct engine *x = r->engine;
    lock_take(&x->repeats_lock);
    struct repeat **at = &x->repeats;
    while (*at != r)
        at = &(*at)->next;
    if (by)
        by->next = r->next;
    *at = by ? by : r->next;
    x->repeats_bytes -= r->bytes;
    lock_drop(&x->repeats_lock);
}

static bool list_room(struct engine *x, size_t bytes)
{
    lock_take(&x->repeats_lock);
    bool room = x->repeats_bytes + bytes <= LATE_BYTES_MAX;
    x->repeats_bytes += room ? bytes : 0;
    lock_drop(&x->repeats_lock);
    return room;
}

/* ---- begin ---- */

/* The name may come to mean another collection: then it is another request. */
static void record_make(struct engine *x, const struct repeat_question *q, struct arena *a,
                        struct kept_record *out)
{
    struct collection *c = NULL;
    struct sha256 h;
    *out = (struct kept_record){.owner = arena_str(a, q->owner),
                                .readers = q->readers,
                                .at_us = clock_wall_us(),
                                .state = KEPT_BEGUN,
                                .headers = STR(""),
                                .body = STR("")};
    if (q->collection.n && !collection_find(x, q->collection, &c, NULL)) {
        out->collection = c->id;
        collection_unref(c);
    }
    sha256_init(&h);
    sha256_add(&h, q->key, sizeof q->key);
    sha256_add(&h, &out->collection, sizeof out->collection);
    sha256_end(&h, out->key);
    memcpy(out->request, q->request, sizeof out->request);
    memcpy(out->rights, q->rights, sizeof out->rights);
}

static enum repeat_verdict judge_running(const struct kept_record *running,
                                         const struct kept_record *now)
{
    bool same = memcmp(running->request, now->request, sizeof now->request) == 0;
    return same ? REPEAT_RUNNING : REPEAT_OTHER;
}

static enum repeat_verdict judge(const struct kept_record *kept, const struct kept_record *now)
{
    static const uint8_t erased[REPEAT_DIGEST];
    if (memcmp(kept->request, erased, sizeof erased) != 0 &&
        memcmp(kept->request, now->request, sizeof now->request) != 0)
        return REPEAT_OTHER;
    if (memcmp(kept->rights, now->rights, sizeof now->rights) != 0)
        return REPEAT_NARROWED;
    return kept->state == KEPT_ANSWERED ? REPEAT_ANSWERED : REPEAT_DONE;
}

/* What is known of one whose answer was on its way when its row was read: the answer, unless the
 * row has gone or was told otherwise meanwhile (its reader was forgotten). */
static enum err late_settle(const struct kept_record *late, enum err err, struct kept_record *kept)
{
    if (err == ERR_NOT_FOUND) {
        *kept = *late;
        kept->state = KEPT_DONE;
        kept->headers = kept->body = STR("");
        return 0;
    }
    if (!err && kept->state == KEPT_BEGUN)
        *kept = *late;
    return err;
}

enum err repeat_begin(struct engine *x, const struct repeat_question *q, struct arena *a,
                      struct repeat **out, enum repeat_verdict *verdict,
                      struct repeat_answer *answer, struct err_info *e)
{
    struct repeat *r = arena_zalloc(a, sizeof *r);
    struct kept_record kept, late;
    struct err_info own = {0};
    r->engine = x;
    record_make(x, q, a, &r->record);
    r->ticket.record = &r->record;
    bool entered = list_enter(x, r, a, &late);
    enum err err = store_kept_get(x->store, a, r->record.key, &kept, &own);
    bool known = !err && kept.at_us > oldest_us(x);
    if (!entered && late.state == KEPT_BEGUN && (!known || kept.at_us == late.at_us)) {
        *verdict = judge_running(&late, &r->record);
        return 0;
    }
    if (entered && !known && (!err || err == ERR_NOT_FOUND)) {
        store_ticket_set(&r->ticket);
        *verdict = REPEAT_FIRST;
        *out = r;
        return 0;
    }
    if (entered)
        list_replace(r, NULL);
    else if (late.state != KEPT_BEGUN) /* else another asks too what the row says */
        err = late_settle(&late, err, &kept);
    if (err)
        return err_set(e, err, own.field, "%s", own.message);
    *verdict = judge(&kept, &r->record);
    *answer = (struct repeat_answer){kept.status, kept.headers, kept.body};
    return 0;
}

/* ---- end ---- */

static struct kept_record answered(const struct repeat *r, const struct repeat_answer *answer,
                                   bool keep)
{
    struct kept_record record = r->record;
    keep &= answer->body.n <= REPEAT_BODY_MAX;
    record.state = keep ? KEPT_ANSWERED : KEPT_DONE;
    record.status = answer->status;
    record.headers = answer->headers;
    record.body = keep ? answer->body : STR("");
    return record;
}

static void not_kept(const struct err_info *e)
{
    log_event(LOG_WARN, "an answer is not kept for its Idempotency-Key",
              LOG_S("reason", e->message));
}

static void answer_keep(struct repeat *r, const struct kept_record *record)
{
    struct err_info e = {0};
    struct store_act act = {.kind = r->ticket.written ? ACT_KEPT_ANSWER : ACT_KEPT_ADD,
                            .kept = record};
    if (store_write(r->engine->store, &act, 1, false, NULL, &e))
        not_kept(&e);
    else if (act.err)
        not_kept(&act.info);
}

static struct str str_moved(char **to, struct str s)
{
    struct str out = {*to, s.n};
    if (s.n)
        memcpy(*to, s.s, s.n);
    *to += s.n;
    return out;
}

static struct repeat *late_new(const struct repeat *r, const struct kept_record *k, size_t bytes)
{
    struct repeat *late = xcalloc(1, sizeof *late + k->owner.n + k->headers.n + k->body.n);
    char *to = (char *)(late + 1);
    late->engine = r->engine;
    late->record = *k;
    late->record.owner = str_moved(&to, k->owner);
    late->record.headers = str_moved(&to, k->headers);
    late->record.body = str_moved(&to, k->body);
    late->bytes = bytes;
    return late;
}

/* The writer's thread. If the disk did not take it, its row stays without an answer. */
static void late_told(void *ctx, enum err err, const struct err_info *e)
{
    struct repeat *late = ctx;
    if (err)
        not_kept(e);
    list_replace(late, NULL);
    free(late);
}

/* False: too many are on their way; r is in the list as it was. */
static bool answer_keep_late(struct repeat *r, const struct kept_record *record)
{
    struct err_info e = {0};
    size_t bytes = LATE_BYTES + record->owner.n + record->headers.n + record->body.n;
    if (!list_room(r->engine, bytes))
        return false;
    struct repeat *late = late_new(r, record, bytes);
    struct store_act act = {.kind = ACT_KEPT_ANSWER, .kept = &late->record};
    list_replace(r, late);
    enum err err = store_write_later(late->engine->store, &act, late_told, late, &e);
    if (err)
        late_told(late, err, &e);
    return true;
}

void repeat_end(struct repeat *r, const struct repeat_answer *answer, bool keep, bool unwritten)
{
    struct kept_record record = answered(r, answer, keep);
    store_ticket_set(NULL);
    if (r->ticket.written && answer_keep_late(r, &record))
        return;
    if (r->ticket.written || (keep && unwritten))
        answer_keep(r, &record);
    list_replace(r, NULL);
}

/* ---- the engine's part ---- */

void repeats_open(struct engine *x)
{
    lock_init(&x->repeats_lock, LOCK_LEAF);
}

void repeats_close(struct engine *x)
{
    assert(!x->repeats && !x->repeats_bytes);
    lock_release(&x->repeats_lock);
}

bool repeats_forget_step(struct engine *x)
{
    struct store_act act = {.kind = ACT_KEPT_FORGET, .kept_before_us = oldest_us(x)};
    int64_t now_ns = clock_mono_ns();
    bool any, more = false;
    if (now_ns < x->repeats_forget_ns)
        return false;
    if (store_kept_before(x->store, act.kept_before_us, &any, NULL) == 0 && any)
        more = store_write(x->store, &act, 1, false, NULL, NULL) == 0 && act.id == STORE_KEPT_STEP;
    if (!more)
        x->repeats_forget_ns = now_ns + FORGET_EVERY_NS;
    return more;
}
