/* What the engine answers, as JSON. Pure; each writes one value. */
#ifndef API_RENDER_H
#define API_RENDER_H

#include "base/json.h"
#include "engine/engine.h"

void render_time(struct json_writer *w, const char *key, int64_t us);
void render_collection(struct json_writer *w, const struct collection_info *x);
void render_version(struct json_writer *w, const struct version_info *v);
void render_document(struct json_writer *w, const struct document_out *d);
void render_user(struct json_writer *w, const struct user_out *u);
void render_feedback(struct json_writer *w, const struct feedback_out *f);
/* `facets`, `total` and what stands around the hits is the caller's. */
/* How hits are shown. */
struct hit_style {
    bool explain;
    bool snippet;         /* asked for */
    bool tagged;          /* title and snippet once more, as HTML with the query's words marked */
    struct str pre, post; /* around them */
};
void render_hit(struct json_writer *w, const struct find_hit *h, const struct hit_style *style);
/* The best hit of a group, with the others in it. */
void render_group(struct json_writer *w, const struct find_group *g, const struct find_hit *hits,
                  const struct hit_style *style);
/* Values or ranges: an array. */
void render_facet(struct json_writer *w, const struct find_facet *f);
void render_stats(struct json_writer *w, const struct facet_stats *s);
/* The member `total`. */
void render_total(struct json_writer *w, const struct find_answer *a);
void render_facets(struct json_writer *w, const struct find_facet *facets, size_t count);
/* The member `facet_stats`, if one asked for it. */
void render_facet_stats(struct json_writer *w, const struct find_facet *facets, size_t count);
void render_recommended(struct json_writer *w, const struct recommend_row *r, bool explain,
                        bool explored);
void render_change(struct json_writer *w, const struct change_out *x);

/* A result row. `id_key`: "id" or "event_id". `pointer`: where the row stands in the body, "" for a
 * single one; `index`: its place in the array that the engine was given, which its field may begin
 * with. `line`: 0 or that of an import. */
struct row_place {
    const char *id_key, *pointer;
    size_t index;
    uint64_t line;
};
void render_row(struct json_writer *w, const struct put_result *r, const struct row_place *place);
/* The engine's "/3/text" as the body's pointer; `out` holds ROW_POINTER. */
#define ROW_POINTER 256
void row_pointer(const char *field, const struct row_place *place, char out[ROW_POINTER]);

#endif
