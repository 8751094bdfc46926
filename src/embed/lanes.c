#include "embed/lanes.h"
#include <math.h>
#include <string.h>

#define SHARE_LEAST 64u      /* tokens; what little waits is not cut into smaller blocks */
#define RATE_UNTIL_KNOWN 1e4 /* tokens a second of one thread */
#define ORDER_WEIGHT 4       /* of a job's own time in its place among interactive ones */

void lanes_init(struct lanes *l, size_t tokens_max, unsigned batch_tokens, unsigned threads)
{
    static const char *const names[LANE_COUNT] = {"interactive", "bulk"};
    struct gauge_family *depth =
        gauge_family("embed_queue_depth", "Texts waiting for a computing thread", "lane");
    *l = (struct lanes){
        .tokens_max = tokens_max, .batch_tokens = batch_tokens, .thread_count = threads};
    for (int lane = 0; lane < LANE_COUNT; lane++)
        l->queues[lane].depth = gauge_of(depth, &names[lane]);
}

bool lanes_have_room(const struct lanes *l, enum lane lane, size_t tokens)
{
    size_t waiting = l->queues[LANE_INTERACTIVE].tokens + l->queues[LANE_BULK].tokens;
    size_t max = lane == LANE_BULK ? l->tokens_max - l->tokens_max / 4 : l->tokens_max;
    return waiting == 0 || (tokens <= max && waiting <= max - tokens);
}

static double rate_of_thread(const struct lanes *l, enum lane lane)
{
    enum lane other = lane == LANE_BULK ? LANE_INTERACTIVE : LANE_BULK;
    double own = l->queues[lane].tokens_per_s;
    return own > 0 ? own : l->queues[other].tokens_per_s;
}

static int64_t order_of(const struct lanes *l, enum lane lane, const struct job *j)
{
    double rate = rate_of_thread(l, lane);
    if (lane == LANE_BULK)
        return j->queued_ns;
    return j->queued_ns + (int64_t)(ORDER_WEIGHT * 1e9 * (double)j->tokens_left /
                                    (rate > 0 ? rate : RATE_UNTIL_KNOWN));
}

void lanes_push(struct lanes *l, enum lane lane, struct job *j)
{
    struct lane_queue *q = &l->queues[lane];
    struct job **at = &q->first;
    j->order_ns = order_of(l, lane, j);
    while (*at && (*at)->order_ns <= j->order_ns)
        at = &(*at)->next;
    j->next = *at;
    *at = j;
    q->tokens += j->tokens_left;
    q->texts += j->count;
    gauge_set(q->depth, (double)q->texts);
}

void lanes_remove(struct lanes *l, enum lane lane, struct job *j)
{
    struct lane_queue *q = &l->queues[lane];
    struct job **at = &q->first;
    while (*at && *at != j)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = j->next;
    q->tokens -= j->tokens_left;
    q->texts -= j->count - j->taken;
    gauge_set(q->depth, (double)q->texts);
}

struct model *lanes_next(const struct lanes *l, enum lane lane)
{
    const struct lane_queue *q = &l->queues[lane];
    const struct job *j = q->first;
    while (lane == LANE_BULK && j && j->model == q->last)
        j = j->next;
    return j ? j->model : q->first ? q->first->model : NULL;
}

static void block_add(struct block *b, struct job *j)
{
    const struct item *item = &j->items[j->taken++];
    memcpy(b->ids + b->tokens, j->ids + item->at, item->length * sizeof *b->ids);
    b->lengths[b->count] = item->length;
    b->jobs[b->count] = j;
    b->items[b->count] = item;
    if (b->count++ == 0 || j->queued_ns < b->queued_ns)
        b->queued_ns = j->queued_ns;
    b->tokens += item->length;
    j->tokens_left -= item->length;
}

static size_t block_max(const struct lanes *l, enum lane lane)
{
    size_t share = l->queues[lane].tokens / l->thread_count;
    size_t max = share < SHARE_LEAST ? SHARE_LEAST : share;
    return max < l->batch_tokens ? max : l->batch_tokens;
}

void lanes_take(struct lanes *l, enum lane lane, struct model *m, struct block *b)
{
    struct lane_queue *q = &l->queues[lane];
    size_t max = block_max(l, lane);
    bool full = false;
    b->count = b->tokens = 0;
    for (struct job **at = &q->first; *at && !full;) {
        struct job *j = *at;
        if (j->model != m) {
            at = &j->next;
            continue;
        }
        while (j->taken < j->count && !full) {
            full = b->count > 0 && b->tokens + j->items[j->taken].length > max;
            if (!full)
                block_add(b, j);
        }
        if (j->taken == j->count)
            *at = j->next;
    }
    q->last = m;
    q->tokens -= b->tokens;
    q->texts -= b->count;
    gauge_set(q->depth, (double)q->texts);
}

void lanes_measured(struct lanes *l, enum lane lane, size_t tokens, double seconds)
{
    const double weight = .1;
    double *known = &l->queues[lane].tokens_per_s;
    double rate = (double)tokens / (seconds > 1e-9 ? seconds : 1e-9);
    *known = *known > 0 ? (1 - weight) * *known + weight * rate : rate;
}

double lanes_rate(const struct lanes *l, enum lane lane)
{
    return rate_of_thread(l, lane) * l->thread_count;
}

unsigned lanes_retry_after_s(const struct lanes *l, enum lane lane)
{
    double rate = lanes_rate(l, lane);
    size_t ahead = l->queues[LANE_INTERACTIVE].tokens;
    if (lane == LANE_BULK)
        ahead += l->queues[LANE_BULK].tokens;
    double wait = rate > 0 ? ceil((double)ahead / rate) : 1;
    return wait < 1 ? 1 : wait > 60 ? 60 : (unsigned)wait;
}
