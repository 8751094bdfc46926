/* Requests that carry an Idempotency-Key, so that sending one again does nothing twice.
 *
 * What the calling thread writes between repeat_begin and repeat_end belongs to the request: the
 * first write makes a row of it in the same transaction (store_ticket_set), its answer follows with
 * a later one (store_write_later), and until then it is given from memory. So after a crash there
 * is no row, and nothing was done; or a row with the answer; or one without, then it was done, at
 * least in part. A request that wrote nothing leaves no row and may be sent again.
 *
 * Rows go after engine_options.repeat_hours, with their collection, and beyond the bounds of
 * store.h. When a reader is forgotten, what rows say that may name readers goes too.
 *
 * Threads: any; begin and end of one request on the same. */
#ifndef ENGINE_REPEAT_H
#define ENGINE_REPEAT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include <stdbool.h>
#include <stdint.h>

struct engine;
struct repeat;

#define REPEAT_DIGEST 32
#define REPEAT_BODY_MAX (128u << 10) /* of an answer that is kept */

struct repeat_question {
    uint8_t key[REPEAT_DIGEST];     /* of who asks where, and the Idempotency-Key */
    uint8_t request[REPEAT_DIGEST]; /* of what is asked */
    uint8_t rights[REPEAT_DIGEST];  /* of what the asker is bound to */
    struct str owner;               /* at most 255 bytes; may be empty */
    struct str collection;          /* empty: of none */
    bool readers;                   /* the answer may name readers */
};
struct repeat_answer {
    int status;         /* 0: not known */
    struct str headers; /* at most 4 KiB; opaque */
    struct str body;
};

enum repeat_verdict {
    REPEAT_FIRST,    /* do it, then repeat_end */
    REPEAT_ANSWERED, /* it was done; the answer is what was answered */
    REPEAT_DONE, /* it was done, at least in part; of the answer only what is not empty is known */
    REPEAT_RUNNING,  /* it is being done */
    REPEAT_OTHER,    /* the key was used for something else */
    REPEAT_NARROWED, /* it was done, by an asker with other rights */
    REPEAT_VERDICTS
};

/* *out only with REPEAT_FIRST; what it needs is in the arena, which must live until repeat_end. */
enum err repeat_begin(struct engine *x, const struct repeat_question *q, struct arena *a,
                      struct repeat **out, enum repeat_verdict *verdict,
                      struct repeat_answer *answer, struct err_info *e) MUST_CHECK;
/* `keep`: the answer is to be given again; else only that it was done. `unwritten`: even if nothing
 * was written to the store; that waits for the disk. So does the answer to a write while 4 MiB of
 * them are on their way there. From the return on who asks again is given it. */
void repeat_end(struct repeat *r, const struct repeat_answer *answer, bool keep, bool unwritten);

#endif
