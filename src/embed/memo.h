/* What was embedded, and what is being embedded just now: the cache (cache.h) and, in front of it,
 * the rule that texts that are asked for at the same time are computed once (private).
 *
 * A call makes a claim on each of its texts (memo_ask). The first to ask leads: it computes. Who
 * asks meanwhile waits for what the leader serves. A leader that gives up (an error, its deadline,
 * another text of its call) fails nobody else: those who waited ask again, and one of them leads.
 * A query never waits for a bulk text, which may be far back in its queue: it waits for interactive
 * leaders only, and leads beside a bulk one. No deadlock: a call computes what it leads before it
 * waits for others.
 *
 * What bulk computes is not kept here, so an import does not flush out the queries; passages that
 * come again are found in the store's cache. Both lanes look up.
 *
 * One lock, held for a look-up and a copy of a vector at a time. Claims are the caller's memory. */
#ifndef EMBED_MEMO_H
#define EMBED_MEMO_H

#include "embed/embed.h"

enum claim_state {
    CLAIM_NONE,    /* not asked yet, or asked for in vain: the leader gave up */
    CLAIM_LEADS,   /* the caller has to compute it */
    CLAIM_WAITS,   /* somebody computes it */
    CLAIM_SERVED,  /* out and tokens are set; nothing was computed for this claim */
    CLAIM_COMPUTED /* by this claim */
};

/* All claims of a call wake the same thread. */
struct claim {
    uint8_t key[EMBED_KEY];
    enum lane lane;
    unsigned dims, tokens;
    float *out;
    struct cond *wake;
    enum claim_state state; /* under the memo's lock while it leads or waits */
    struct claim *next;     /* in the bucket of leaders, or behind the same leader */
    struct claim *leader, *followers;
};

struct memo;
struct memo *memo_new(size_t cache_bytes);
void memo_free(struct memo *m); /* no claim leads or waits */
/* CLAIM_NONE becomes SERVED (a hit), WAITS or LEADS, which is returned (one that waits may be
 * served at any time). Counts hits and misses. */
enum claim_state memo_ask(struct memo *m, struct claim *c);
/* Of a leader: hands the vector to those who wait, and keeps it if the lane is interactive. Any
 * thread; the caller of the claim must not return meanwhile. */
void memo_serve(struct memo *m, struct claim *c, const float *vector, unsigned tokens);
/* Until none of them waits; some may be CLAIM_NONE then. ERR_TIMEOUT: past deadline_ns (0: none).
 */
enum err memo_wait(struct memo *m, struct claim *claims, size_t count, int64_t deadline_ns);
/* Nothing leads or waits afterwards: they may be freed. */
void memo_leave(struct memo *m, struct claim *claims, size_t count);

#endif
