/* The file of a training set: one section (base/section.h) and nothing behind it. Numbers
 * little-endian, arrays as they lie in memory.
 *
 *     u64 "AKTRAIN1"   u32 items   u32 readers   u32 dims   u32 0   u64 acts   u64 position
 *     u32 numbers[items]   i64 created_us[items]   f16 vectors[items * dims]
 *     u64 keys[readers]   u64 start[readers + 1]
 *     acts: u32 item   f32 weight   i64 time_us   u64 session, each */
#include "recommend/training_set.h"

#include "base/arena.h"
#include "base/file.h"
#include "base/section.h"
#include "math/dot.h"
#include "math/half.h"
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define MAGIC UINT64_C(0x314E494152544B41) /* "AKTRAIN1" */
#define LENGTH_SLACK .05                   /* of a text's vector, which was rounded */

static_assert(sizeof(struct training_act) == 24, "acts lie in the file as in memory");
static_assert(sizeof(size_t) == sizeof(uint64_t), "so do starts");

void training_set_free(struct training_set *s)
{
    if (!s)
        return;
    free(s->numbers);
    free(s->created_us);
    free(s->vectors);
    free(s->keys);
    free(s->start);
    free(s->acts);
    free(s);
}

/* ---- save ---- */

static void set_put(struct section_writer *w, const struct training_set *s)
{
    size_t items = s->items, readers = s->readers, acts = s->start[readers];
    section_put_u64(w, MAGIC);
    section_put_u32(w, s->items);
    section_put_u32(w, s->readers);
    section_put_u32(w, s->dims);
    section_put_u32(w, 0);
    section_put_u64(w, acts);
    section_put_u64(w, s->position);
    section_put(w, s->numbers, items * sizeof *s->numbers);
    section_put(w, s->created_us, items * sizeof *s->created_us);
    section_put(w, s->vectors, items * s->dims * sizeof *s->vectors);
    section_put(w, s->keys, readers * sizeof *s->keys);
    section_put(w, s->start, (readers + 1) * sizeof *s->start);
    section_put(w, s->acts, acts * sizeof *s->acts);
}

static enum err set_write(const struct training_set *s, const char *path, struct err_info *e)
{
    struct file *f;
    enum err err = file_open(path, FILE_CREATE, &f, e);
    if (err)
        return err;
    struct section_writer *w = section_writer_new(f);
    set_put(w, s);
    err = section_writer_end(w, e);
    if (!err)
        err = file_sync(f, e);
    file_close(f);
    return err;
}

/* Beside, synced, renamed: under its name there is a whole file or none. */
enum err training_set_save(const struct training_set *s, const char *path, struct err_info *e)
{
    size_t n = strlen(path);
    char *beside = xmalloc(n + sizeof ".part");
    memcpy(beside, path, n);
    memcpy(beside + n, ".part", sizeof ".part");
    enum err err = set_write(s, beside, e);
    if (!err)
        err = file_rename(beside, path, e);
    if (err)
        (void)!file_remove(beside, NULL);
    free(beside);
    return err;
}

/* ---- load ---- */

/* The counts, none larger than its bound or than the file can hold. */
static uint64_t head_get(struct section_reader *r, struct training_set *s)
{
    if (section_get_u64(r) != MAGIC)
        section_corrupt(r, "not a training set");
    s->items = section_get_u32(r);
    s->readers = section_get_u32(r);
    s->dims = section_get_u32(r);
    if (section_get_u32(r))
        section_corrupt(r, "a training set of a newer akin");
    uint64_t acts = section_get_u64(r);
    s->position = section_get_u64(r);
    if (s->items > TRAINING_ITEMS_MAX || s->readers > TRAINING_READERS_MAX ||
        s->dims > DOT_DIMS_MAX)
        section_corrupt(r, "more documents, readers or dimensions than can be");
    uint64_t left = section_left(r),
             rows = s->items * (12 + UINT64_C(2) * s->dims) + (s->readers + UINT64_C(1)) * 16 - 8;
    if (rows > left || acts > (left - rows) / sizeof *s->acts)
        section_corrupt(r, "a count is larger than the file");
    return section_error(r) ? 0 : acts;
}

static void *array_get(struct section_reader *r, size_t count, size_t size)
{
    void *p = xmalloc(count * size + 1);
    section_get(r, p, count * size);
    return p;
}

static void arrays_get(struct section_reader *r, struct training_set *s, size_t acts)
{
    size_t items = s->items, readers = s->readers;
    s->numbers = array_get(r, items, sizeof *s->numbers);
    s->created_us = array_get(r, items, sizeof *s->created_us);
    s->vectors = array_get(r, items * s->dims, sizeof *s->vectors);
    s->keys = array_get(r, readers, sizeof *s->keys);
    s->start = array_get(r, readers + 1, sizeof *s->start);
    s->acts = array_get(r, acts, sizeof *s->acts);
}

/* ---- what a training may rely on; NULL, or what is wrong ---- */

static bool vector_right(const uint16_t *v, size_t dims, float *room)
{
    double sum = 0;
    half_to_f32(v, room, dims);
    for (size_t d = 0; d < dims; d++)
        sum += (double)room[d] * (double)room[d];
    return sum == 0 || fabs(sqrt(sum) - 1) <= LENGTH_SLACK; /* false of NaN */
}

static const char *items_wrong(const struct training_set *s)
{
    float *room = xmalloc((s->dims + 1) * sizeof *room);
    const char *wrong = NULL;
    for (uint32_t i = 0; i < s->items && !wrong; i++) {
        if (i > 0 && s->numbers[i] <= s->numbers[i - 1])
            wrong = "document numbers do not rise";
        else if (!vector_right(s->vectors + (size_t)i * s->dims, s->dims, room))
            wrong = "a text's vector is not of length 1";
    }
    free(room);
    return wrong;
}

static const char *starts_wrong(const struct training_set *s, size_t acts)
{
    if (s->start[0] != 0 || s->start[s->readers] != acts)
        return "the readers' acts do not add up";
    for (uint32_t r = 0; r < s->readers; r++) {
        if (r > 0 && s->keys[r] <= s->keys[r - 1])
            return "the readers' keys do not rise";
        if (s->start[r + 1] < s->start[r])
            return "the readers' acts overlap";
    }
    return NULL;
}

static bool act_after(const struct training_act *a, const struct training_act *b)
{
    return a->time_us > b->time_us || (a->time_us == b->time_us && a->item > b->item);
}

/* `last[item]`: the reader before that had it, + 1. */
static const char *act_wrong(const struct training_set *s, uint32_t r, size_t k, uint32_t *last)
{
    const struct training_act *a = &s->acts[k];
    if (a->item >= s->items)
        return "an act is with a document that is not there";
    if (!isfinite(a->weight) || a->weight == 0)
        return "the weight of an act is 0 or no number";
    if (k > s->start[r] && !act_after(a, a - 1))
        return "a reader's acts are out of order";
    if (last[a->item] == r + 1)
        return "a reader has two acts with one document";
    last[a->item] = r + 1;
    return NULL;
}

static const char *acts_wrong(const struct training_set *s)
{
    uint32_t *last = xcalloc((size_t)s->items + 1, sizeof *last);
    const char *wrong = NULL;
    for (uint32_t r = 0; r < s->readers && !wrong; r++)
        for (size_t k = s->start[r]; k < s->start[r + 1] && !wrong; k++)
            wrong = act_wrong(s, r, k, last);
    free(last);
    return wrong;
}

static const char *set_wrong(const struct training_set *s, size_t acts)
{
    const char *wrong = items_wrong(s);
    if (!wrong)
        wrong = starts_wrong(s, acts);
    return wrong ? wrong : acts_wrong(s);
}

static enum err set_get(struct file *f, struct training_set *s, struct err_info *e)
{
    struct section_reader *r = section_reader_new(f, 0);
    uint64_t acts = head_get(r, s), end, bytes;
    if (!section_error(r)) {
        arrays_get(r, s, acts);
        const char *wrong = section_error(r) ? NULL : set_wrong(s, acts);
        if (wrong)
            section_corrupt(r, wrong);
    }
    enum err err = section_reader_end(r, &end, e);
    if (!err)
        err = file_size(f, &bytes, e);
    if (!err && bytes != end)
        err = err_set(e, ERR_CORRUPT, NULL, "%s: bytes behind the training set", file_path(f));
    return err;
}

enum err training_set_load(const char *path, struct training_set **out, struct err_info *e)
{
    struct file *f;
    enum err err = file_open(path, FILE_READ_ONLY, &f, e);
    if (err)
        return err;
    struct training_set *s = xcalloc(1, sizeof *s);
    err = set_get(f, s, e);
    file_close(f);
    if (err)
        training_set_free(s);
    else
        *out = s;
    return err;
}
