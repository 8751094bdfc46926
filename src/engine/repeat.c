#include "engine/repeat.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "engine/internal.h"
#include <assert.h>
#include <string.h>

#define FORGET_EVERY_NS 60000000000LL
#define FORGET_STEP 1024
#define HOUR_US 3600000000LL

_Static_assert(REPEAT_DIGEST == KEPT_DIGEST && REPEAT_BODY_MAX <= STORE_KEPT_BODY_MAX, "kept");

/* One that is being worked on: in the engine's list, which is as long as there are workers at most.
 */
struct repeat {
    struct engine *engine;
    struct repeat *next; /* repeats_lock */
    struct kept_record record;
    struct store_ticket ticket;
};

static int64_t oldest_us(const struct engine *x)
{
    return clock_wall_us() - (int64_t)x->options.repeat_hours * HOUR_US;
}

/* ---- those that are being worked on ---- */

/* The one that runs under this key; NULL: none did, and now *r does. */
static const struct repeat *list_enter(struct engine *x, struct repeat *r,
                                       enum repeat_verdict *verdict)
{
    const struct repeat *at;
    lock_take(&x->repeats_lock);
    for (at = x->repeats; at; at = at->next)
        if (memcmp(at->record.key, r->record.key, sizeof r->record.key) == 0)
            break;
    if (at) {
        bool same = memcmp(at->record.request, r->record.request, REPEAT_DIGEST) == 0;
        *verdict = same ? REPEAT_RUNNING : REPEAT_OTHER;
    } else {
        r->next = x->repeats;
        x->repeats = r;
    }
    lock_drop(&x->repeats_lock);
    return at;
}

static void list_leave(struct repeat *r)
{
    struct engine *x = r->engine;
    lock_take(&x->repeats_lock);
    struct repeat **at = &x->repeats;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    lock_drop(&x->repeats_lock);
}

/* ---- begin ---- */

/* The name may come to mean another collection: then it is another request. */
static enum err record_make(struct engine *x, const struct repeat_question *q, struct arena *a,
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
    return 0;
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

enum err repeat_begin(struct engine *x, const struct repeat_question *q, struct arena *a,
                      struct repeat **out, enum repeat_verdict *verdict,
                      struct repeat_answer *answer, struct err_info *e)
{
    struct repeat *r = arena_zalloc(a, sizeof *r);
    struct kept_record kept;
    struct err_info own = {0};
    r->engine = x;
    record_make(x, q, a, &r->record);
    r->ticket.record = &r->record;
    if (list_enter(x, r, verdict))
        return 0;
    enum err err = store_kept_get(x->store, a, r->record.key, &kept, &own);
    if (err == ERR_NOT_FOUND || (!err && kept.at_us <= oldest_us(x))) {
        store_ticket_set(&r->ticket);
        *verdict = REPEAT_FIRST;
        *out = r;
        return 0;
    }
    list_leave(r);
    if (err)
        return err_set(e, err, own.field, "%s", own.message);
    *verdict = judge(&kept, &r->record);
    *answer = (struct repeat_answer){kept.status, kept.headers, kept.body};
    return 0;
}

/* ---- end ---- */

static void answer_keep(struct repeat *r, const struct repeat_answer *answer, bool keep)
{
    struct err_info e = {0};
    struct kept_record record = r->record;
    struct store_act act = {.kind = r->ticket.written ? ACT_KEPT_ANSWER : ACT_KEPT_ADD,
                            .kept = &record};
    keep &= answer->body.n <= REPEAT_BODY_MAX;
    record.state = keep ? KEPT_ANSWERED : KEPT_DONE;
    record.status = answer->status;
    record.headers = answer->headers;
    record.body = keep ? answer->body : STR("");
    if (store_write(r->engine->store, &act, 1, false, NULL, &e) == 0 && !act.err)
        return;
    log_event(LOG_WARN, "an answer is not kept for its Idempotency-Key",
              LOG_S("reason", act.err ? act.info.message : e.message));
}

void repeat_end(struct repeat *r, const struct repeat_answer *answer, bool keep, bool unwritten)
{
    store_ticket_set(NULL);
    if (r->ticket.written || (keep && unwritten))
        answer_keep(r, answer, keep);
    list_leave(r);
}

/* ---- the engine's part ---- */

void repeats_open(struct engine *x)
{
    lock_init(&x->repeats_lock, LOCK_LEAF);
}

void repeats_close(struct engine *x)
{
    assert(!x->repeats);
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
        more = store_write(x->store, &act, 1, false, NULL, NULL) == 0 && act.id == FORGET_STEP;
    if (!more)
        x->repeats_forget_ns = now_ns + FORGET_EVERY_NS;
    return more;
}
