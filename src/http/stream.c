/* A reply in pieces: whoever makes it writes into the ring of the request and waits while it is
 * full; MHD takes from it as the peer reads, and the connection is suspended while it is empty. So
 * a slow peer costs a ring, and nobody polls.
 *
 * Threads: the writer's, and the loop in `stream_read`, both under request->lock. The watch cuts
 * off a peer that takes nothing: until_ns runs from what was taken last, and not while the ring is
 * empty, which is the writer's doing. */
#include "http/internal.h"
#include "base/clock.h"
#include <assert.h>
#include <string.h>

enum { BLOCK = 32 << 10, PACKED = 32 << 10 };

bool http_streams(const struct http_request *r)
{
    return !r->old;
}

static void clock_set(struct http_request *r, int64_t until_ns)
{
    r->reply.until_ns = until_ns;
    atomic_store(&r->wake_ns, until_ns);
}

static ssize_t stream_take(struct http_request *r, char *out, size_t size)
{
    struct reply *p = &r->reply;
    if (atomic_load(&r->server->aborting) || (p->ended && !p->whole))
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (!r->ring_count && p->ended)
        return MHD_CONTENT_READER_END_OF_STREAM;
    if (!r->ring_count) {
        clock_set(r, NEVER);
        request_suspend(r);
        return 0;
    }
    size_t n = request_ring_take(r, out, size);
    p->bytes += n;
    clock_set(r, clock_mono_ns() + (int64_t)r->server->limits.idle_ms * 1000000);
    cond_signal(&r->more);
    return (ssize_t)n;
}

/* MHD, on the loop. */
static ssize_t stream_read(void *cls, uint64_t at, char *out, size_t size)
{
    struct http_request *r = cls;
    (void)at;
    lock_take(&r->lock);
    ssize_t n = stream_take(r, out, size);
    lock_drop(&r->lock);
    return n;
}

struct MHD_Response *stream_response(struct http_request *r)
{
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, stream_read, r, NULL);
}

void http_reply_begin(struct http_request *r, int status, const char *content_type)
{
    struct reply *p = &r->reply;
    assert(http_streams(r) && r->want != HTTP_BODY_STREAM && !r->hold_ms);
    r->ring = xmalloc(RING_BYTES);
    if (!r->server->limits.plain_answers && r->accepts != CODING_IDENTITY)
        r->packer = packer_new(r->accepts);
    lock_take(&r->lock);
    assert(!p->set && (r->gone || r->phase == PHASE_READY));
    p->streamed = p->set = true;
    p->status = status;
    p->content_type = arena_strdup(r->arena, content_type);
    p->vary = !r->server->limits.plain_answers;
    p->coding = r->packer ? r->accepts : CODING_IDENTITY;
    r->claimed = true;
    request_resume(r);
    lock_drop(&r->lock);
    atomic_fetch_sub(&r->server->in_flight, 1);
}

static enum err ring_room(struct http_request *r, struct err_info *e)
{
    while (!r->gone && r->ring_count == RING_BYTES && !atomic_load(&r->server->stopping))
        cond_wait(&r->more, &r->lock);
    if (r->gone)
        return err_set(e, ERR_CANCELLED, NULL, "the peer has left, or took nothing for too long");
    if (atomic_load(&r->server->stopping))
        return err_set(e, ERR_CANCELLED, NULL, "the server is stopping");
    return ERR_OK;
}

static enum err ring_write(struct http_request *r, const char *data, size_t n, struct err_info *e)
{
    enum err err = ERR_OK;
    lock_take(&r->lock);
    while (n && !(err = ring_room(r, e))) {
        size_t added = request_ring_add(r, data, n);
        data += added;
        n -= added;
        request_resume(r);
    }
    lock_drop(&r->lock);
    return err;
}

static enum err packed_write(struct http_request *r, struct str in, bool end, struct err_info *e)
{
    char out[PACKED];
    size_t made;
    enum err err = ERR_OK;
    while (!err && (in.n || (end && !packer_ended(r->packer)))) {
        err = packer_step(r->packer, &in, end, out, sizeof out, &made, e);
        if (!err && made)
            err = ring_write(r, out, made, e);
    }
    return err;
}

enum err http_reply_write(struct http_request *r, const void *data, size_t n, struct err_info *e)
{
    assert(r->reply.streamed);
    if (r->packer)
        return packed_write(r, (struct str){data, n}, false, e);
    return ring_write(r, data, n, e);
}

void http_reply_end(struct http_request *r, bool whole)
{
    bool head = str_eq_c(r->method, "HEAD");
    if (whole && r->packer && !head)
        whole = !packed_write(r, STR(""), true, NULL);
    lock_take(&r->lock);
    r->reply.ended = true;
    r->reply.whole = whole;
    request_resume(r);
    lock_drop(&r->lock);
    request_unref(r);
}
