/* The file of a model. Numbers little-endian.
 *
 *   0   8  "AKRECOMM"
 *   8   4  format: 2 with a ranker, else 1
 *   12  4  0
 *   16     one section (base/section.h):
 *            u32 kind, u32 items, u64 position,
 *            u32 parts (1 rows, 2 factors, 4 text, 8 sessions, 16 ranker),
 *            u64 bytes of the report, the report (JSON),
 *            items x u32 numbers, rising; items x float32 readers;
 *            the parts, in that order, as item_model_file.c and the others say
 *
 * and nothing behind it. A format of 2 has these parts and no others, one of 1 no ranker. */
#include "recommend/model.h"

#include "base/arena.h"
#include "base/json.h"
#include "base/section.h"
#include "base/section_file.h"
#include "recommend/factors.h"
#include "recommend/item_model.h"
#include "recommend/rank_trees.h"
#include "recommend/session_model.h"
#include "recommend/text_model.h"
#include "recommend/training_set.h"
#include <math.h>
#include <string.h>

#define FORMAT 1u
#define FORMAT_RANKER 2u
#define REPORT_BYTES_MAX (4u << 20)
#define REPORT_MEMORY_MAX (64u << 20) /* of it parsed: it is all small numbers */
enum { PART_ROWS = 1, PART_FACTORS = 2, PART_TEXT = 4, PART_SESSIONS = 8, PART_RANKER = 16 };
#define PARTS_ALL (PART_ROWS | PART_FACTORS | PART_TEXT | PART_SESSIONS | PART_RANKER)
static const struct section_file file_kind = {
    .magic = {'A', 'K', 'R', 'E', 'C', 'O', 'M', 'M'},
    .formats = FORMAT_RANKER,
    .what = "a recommender of akin",
};

/* ---- saving ---- */

static uint32_t parts_of(const struct recommend_model *m)
{
    return (m->rows ? PART_ROWS : 0u) | (m->factors ? PART_FACTORS : 0u) |
           (m->text ? PART_TEXT : 0u) | (m->sessions ? PART_SESSIONS : 0u) |
           (m->ranker ? PART_RANKER : 0u);
}

static void model_put(const void *ctx, struct section_writer *w)
{
    const struct recommend_model *m = ctx;
    const char *report = m->report ? m->report : "{}";
    section_put_u32(w, m->kind);
    section_put_u32(w, m->items);
    section_put_u64(w, m->position);
    section_put_u32(w, parts_of(m));
    section_put_u64(w, strlen(report));
    section_put(w, report, strlen(report));
    section_put(w, m->numbers, m->items * sizeof *m->numbers);
    section_put(w, m->readers, m->items * sizeof *m->readers);
    if (m->rows)
        item_model_save(m->rows, w);
    if (m->factors)
        factors_save(m->factors, w);
    if (m->text)
        text_model_save(m->text, w);
    if (m->sessions)
        session_model_save(m->sessions, w);
    if (m->ranker)
        rank_trees_save(m->ranker, w);
}

enum err recommend_model_save(const struct recommend_model *m, const char *path, struct err_info *e)
{
    return section_file_save(&file_kind, m->ranker ? FORMAT_RANKER : FORMAT, path, model_put, m, e);
}

/* ---- loading ---- */

static void report_get(struct section_reader *r, struct recommend_model *m)
{
    json_t *parsed = NULL;
    uint64_t n = section_get_count(r, 1);
    if (n > REPORT_BYTES_MAX)
        section_corrupt(r, "the report is too long");
    if (section_error(r))
        return;
    m->report = xcalloc(n + 1, 1);
    section_get(r, m->report, n);
    if (!section_error(r) &&
        (json_parse_within((struct str){m->report, n}, REPORT_MEMORY_MAX, &parsed, NULL) ||
         !json_is_object(parsed)))
        section_corrupt(r, "the report is not a JSON object");
    json_decref(parsed);
}

static void items_get(struct section_reader *r, struct recommend_model *m)
{
    if (section_error(r))
        return;
    m->numbers = xmalloc(((size_t)m->items + 1) * sizeof *m->numbers);
    m->readers = xmalloc(((size_t)m->items + 1) * sizeof *m->readers);
    section_get(r, m->numbers, m->items * sizeof *m->numbers);
    section_get(r, m->readers, m->items * sizeof *m->readers);
    for (uint32_t i = 0; i < m->items && !section_error(r); i++)
        if ((i > 0 && m->numbers[i] <= m->numbers[i - 1]) || !isfinite(m->readers[i]) ||
            m->readers[i] < 0)
            section_corrupt(r, "the list of documents is wrong");
}

static struct recommend_model *model_read_head(struct section_reader *r, uint32_t format,
                                               uint32_t *parts)
{
    struct recommend_model *m = xcalloc(1, sizeof *m);
    uint32_t kind = section_get_u32(r);
    m->items = section_get_u32(r);
    m->position = section_get_u64(r);
    *parts = section_get_u32(r);
    uint32_t wanted = kind == MODEL_IALS ? PART_FACTORS : PART_ROWS;
    if (kind > MODEL_IALS || m->items > TRAINING_ITEMS_MAX || *parts > PARTS_ALL ||
        !(*parts & wanted) ||
        (*parts & PART_RANKER) != (format == FORMAT_RANKER ? PART_RANKER : 0u))
        section_corrupt(r, "its parts are wrong");
    m->kind = section_error(r) ? MODEL_EASE : (enum model_kind)kind;
    report_get(r, m);
    if (m->items > section_left(r) / (sizeof *m->numbers + sizeof *m->readers))
        section_corrupt(r, "a count of documents is larger than the file");
    return m;
}

static void model_get(void *ctx, uint32_t format, struct section_reader *r)
{
    uint32_t parts = 0;
    struct recommend_model **out = ctx, *m = *out = model_read_head(r, format, &parts);
    items_get(r, m);
    if (!section_error(r) && (parts & PART_ROWS))
        m->rows = item_model_load(r, m->items);
    if (!section_error(r) && (parts & PART_FACTORS))
        m->factors = factors_load(r, m->items);
    if (!section_error(r) && (parts & PART_TEXT))
        m->text = text_model_load(r);
    if (!section_error(r) && (parts & PART_SESSIONS))
        m->sessions = session_model_load(r, m->items);
    if (!section_error(r) && (parts & PART_RANKER))
        m->ranker = rank_trees_load(r);
}

enum err recommend_model_load(const char *path, struct recommend_model **out, struct err_info *e)
{
    struct recommend_model *m = NULL;
    enum err err = section_file_load(&file_kind, path, model_get, &m, e);
    if (err) {
        recommend_model_free(m);
        return err;
    }
    recommend_model_measure(m);
    *out = m;
    return 0;
}
