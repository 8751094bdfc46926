/* Who computes the blocks (private).
 *
 *   interactive   The callers themselves: whoever has work in the lane leads (compute_until), at
 *                 most `thread_count` of them at a time, and computes blocks, in which there may
 *                 be texts of others, until its own are taken. A lone query is computed by the
 *                 thread that brought it, and nothing is handed over. Nobody waits for company:
 *                 blocks form of what came while all cores were busy.
 *   bulk          Threads of their own, in the background if the options say so. When they find
 *                 interactive work that no leader has taken, they help.
 *
 * Working memory (struct computer) is kept for the next block of the same model, a bounded number
 * of them, the last used first. */
#ifndef EMBED_COMPUTE_H
#define EMBED_COMPUTE_H

#include "base/thread.h"
#include "embed/lanes.h"

struct computer {
    struct computer *next;
    struct model *model;
    struct model_run *run;
    struct block block;
    float *out;
    int64_t used_ns;
};
struct compute_metrics {
    struct histogram *queue, *compute;
    struct counter_family *texts;
    struct counter *tokens;
};
struct compute {
    struct lock lock; /* of all that follows; no kernel runs under it */
    struct cond work; /* for the background threads */
    struct lanes lanes;
    unsigned thread_count, batch_tokens;
    unsigned active; /* interactive blocks being computed */
    bool closing, background;
    struct computer *idle; /* the last used first */
    struct memo *memo;     /* NULL: none */
    struct thread **threads;
    struct compute_metrics metrics;
};

/* `memo` is borrowed. */
void compute_start(struct compute *c, const struct embedder_options *o, struct memo *memo);
void compute_stop(struct compute *c); /* what is queued is done first */
/* Queues the job and returns when it is done, or past the deadline (0: none) when nothing of it is
 * queued or being computed: ERR_TIMEOUT. ERR_BUSY; or what the model said. */
enum err compute_job(struct compute *c, enum lane lane, struct job *j, int64_t deadline_ns,
                     struct err_info *e) MUST_CHECK;

#endif
