#include "api/render.h"
#include "api/problem.h"
#include "base/clock.h"
#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

void render_time(struct json_writer *w, const char *key, int64_t us)
{
    char text[CLOCK_TEXT];
    clock_format(us, text);
    json_key_c(w, key, text);
}

static void render_index(struct json_writer *w, const struct collection_info *x)
{
    json_key(w, "index");
    json_object_begin(w);
    json_key_int(w, "passages", x->index.passages);
    json_key_int(w, "linked", x->index.linked);
    json_key_int(w, "tail", x->index.tail);
    json_key_int(w, "unrefined", x->index.unrefined);
    json_key_int(w, "bytes", x->index.bytes);
    json_key_double(w, "recall", round(x->index.recall * 1e4) / 1e4);
    json_key_int(w, "recall_samples", x->index.recall_samples);
    json_key_double(w, "recall_target", x->index.recall_target);
    json_key_int(w, "width", x->index.width);
    json_key_int(w, "width_filtered", x->index.width_filtered);
    json_object_end(w);
}

void render_collection(struct json_writer *w, const struct collection_info *x)
{
    json_object_begin(w);
    json_key_str(w, "name", x->name);
    json_key(w, "settings");
    json_put_raw(w, x->settings.n ? x->settings : STR("{}"));
    json_key_str(w, "model", x->model);
    json_key_str(w, "model_digest", x->model_digest);
    json_key_int(w, "dims", x->dims);
    json_key_int(w, "embedding_version", x->embedding_version);
    json_key_int(w, "documents", x->documents);
    json_key_int(w, "bytes", (int64_t)x->bytes);
    json_key_int(w, "passages", x->passages);
    json_key_int(w, "pending", x->pending);
    render_index(w, x);
    render_time(w, "created", x->created_us);
    render_time(w, "updated", x->updated_us);
    json_key_int(w, "revision", x->revision);
    json_object_end(w);
}

static void render_progress(struct json_writer *w, const struct version_info *v)
{
    json_key(w, "progress");
    json_object_begin(w);
    json_key_int(w, "done", v->documents > v->missing ? v->documents - v->missing : 0);
    json_key_int(w, "total", v->documents);
    json_key_int(w, "failed", v->failed);
    json_key_double(w, "rate", round(v->rate * 10) / 10);
    json_key(w, "eta_seconds");
    if (v->eta_s >= 0)
        json_put_int(w, v->eta_s);
    else
        json_put_null(w);
    if (v->error.n)
        json_key_str(w, "error", v->error);
    json_object_end(w);
}

void render_version(struct json_writer *w, const struct version_info *v)
{
    json_object_begin(w);
    json_key_int(w, "id", v->id);
    json_key_c(w, "state", v->state);
    json_key_str(w, "model", v->model);
    json_key_str(w, "model_digest", v->model_digest);
    json_key_str(w, "precision", v->precision);
    json_key_int(w, "dims", v->dims);
    json_key_int(w, "passages", v->passages);
    json_key_int(w, "missing", v->missing);
    json_key_int(w, "bytes", v->bytes);
    render_progress(w, v);
    if (v->report.n) {
        json_key(w, "comparison");
        json_put_raw(w, v->report);
    }
    render_time(w, "created", v->created_us);
    render_time(w, "updated", v->updated_us);
    json_key_int(w, "revision", v->revision);
    json_object_end(w);
}

/* The members of a stored JSON object, spliced into the one that is being written. */
static void members(struct json_writer *w, struct str object)
{
    object = str_trim(object);
    if (object.n < 2 || object.s[0] != '{')
        return;
    struct str inner = str_trim((struct str){object.s + 1, object.n - 2});
    if (!inner.n)
        return;
    assert(w->comma); /* the id stands before */
    strbuf_add_char(w->out, ',');
    strbuf_add_str(w->out, inner);
}

static void render_vector(struct json_writer *w, const struct document_out *d)
{
    json_key(w, "vector");
    json_array_begin(w);
    for (unsigned i = 0; i < d->vector_dims; i++)
        json_put_float(w, d->vector[i]);
    json_array_end(w);
}

void render_document(struct json_writer *w, const struct document_out *d)
{
    json_object_begin(w);
    json_key_str(w, d->id_name.n ? d->id_name.s : "id", d->id);
    members(w, d->payload);
    if (d->vector)
        render_vector(w, d);
    if (!(d->hidden & PART_CREATED))
        render_time(w, "created", d->created_us);
    if (!(d->hidden & PART_UPDATED))
        render_time(w, "updated", d->updated_us);
    if (!(d->hidden & PART_REVISION))
        json_key_int(w, "revision", d->revision);
    if (d->pending && !(d->hidden & PART_PENDING))
        json_key_bool(w, "pending", true);
    if (d->duplicate_of.n && !(d->hidden & PART_DUPLICATE_OF))
        json_key_str(w, "duplicate_of", d->duplicate_of);
    if (d->predicted.n && !(d->hidden & PART_PREDICTED)) {
        json_key(w, "predicted");
        json_put_raw(w, d->predicted);
    }
    json_object_end(w);
}

void render_user(struct json_writer *w, const struct user_out *u)
{
    json_object_begin(w);
    json_key_str(w, "id", u->id);
    members(w, u->payload);
    render_time(w, "created", u->created_us);
    render_time(w, "updated", u->updated_us);
    json_key_int(w, "revision", u->revision);
    json_object_end(w);
}

void render_feedback(struct json_writer *w, const struct feedback_out *f)
{
    json_object_begin(w);
    json_key_str(w, "event_id", f->event_id);
    json_key_str(w, "user", f->user);
    json_key_str(w, "document", f->document);
    json_key_str(w, "type", f->type);
    json_key_double(w, "value", f->value);
    render_time(w, "time", f->time_us);
    if (f->session.n)
        json_key_str(w, "session", f->session);
    if (f->recommendation_id.n)
        json_key_str(w, "recommendation_id", f->recommendation_id);
    if (f->position >= 0)
        json_key_int(w, "position", (uint64_t)f->position);
    json_object_end(w);
}

static void render_highlights(struct json_writer *w, const char *key, const struct find_piece *p)
{
    json_key(w, key);
    json_array_begin(w);
    for (size_t i = 0; i < p->highlight_count; i++) {
        json_object_begin(w);
        json_key_int(w, "start", p->highlights[i].start);
        json_key_int(w, "end", p->highlights[i].end);
        json_object_end(w);
    }
    json_array_end(w);
}

static void render_piece(struct json_writer *w, const char *key, const struct find_piece *p)
{
    json_key(w, key);
    if (!p->text.n) {
        json_put_null(w);
        return;
    }
    json_object_begin(w);
    json_key_str(w, "text", p->text);
    json_key_int(w, "start", p->start);
    json_key_int(w, "end", p->end);
    render_highlights(w, "highlights", p);
    json_object_end(w);
}

static void escape_html(struct strbuf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        const char *named = s.s[i] == '&'    ? "&amp;"
                            : s.s[i] == '<'  ? "&lt;"
                            : s.s[i] == '>'  ? "&gt;"
                            : s.s[i] == '"'  ? "&quot;"
                            : s.s[i] == '\'' ? "&#39;"
                                             : NULL;
        if (named)
            strbuf_add_c(out, named);
        else
            strbuf_add_char(out, s.s[i]);
    }
}

static void render_tagged(struct json_writer *w, const char *key, const struct find_piece *p,
                          const struct hit_style *style)
{
    struct strbuf out;
    size_t at = 0;
    strbuf_init(&out, 64u << 20);
    for (size_t i = 0; i < p->highlight_count; i++) {
        struct text_range r = p->highlights[i];
        escape_html(&out, (struct str){p->text.s + at, r.start - at});
        strbuf_add_str(&out, style->pre);
        escape_html(&out, (struct str){p->text.s + r.start, r.end - r.start});
        strbuf_add_str(&out, style->post);
        at = r.end;
    }
    escape_html(&out, (struct str){p->text.s + at, p->text.n - at});
    json_key_str(w, key, (struct str){out.n ? out.buf : "", out.n});
    strbuf_release(&out);
}

static void render_boosts(struct json_writer *w, const struct find_hit *h)
{
    json_key(w, "boosts");
    json_array_begin(w);
    for (size_t i = 0; i < h->boost_count; i++) {
        json_object_begin(w);
        json_key_str(w, "field", h->boosts[i].field);
        json_key_double(w, "value", h->boost_values[i]);
        json_key_double(w, "boost", h->boost_of[i]);
        json_key_double(w, "weight", h->boosts[i].weight);
        json_object_end(w);
    }
    json_array_end(w);
}

static void render_explain(struct json_writer *w, const struct find_hit *h)
{
    json_key(w, "explain");
    json_object_begin(w);
    json_key_double(w, "cosine", h->cosine);
    json_key_double(w, "bm25", h->bm25);
    json_key_double(w, "bound", h->bound);
    json_key_double(w, "mean_cosine", h->mean_cosine);
    json_key_double(w, "relevance", h->relevance);
    render_boosts(w, h);
    json_object_end(w);
}

static void hit_members(struct json_writer *w, const struct find_hit *h,
                        const struct hit_style *style)
{
    json_key_str(w, "id", h->document.id);
    json_key_double(w, "score", h->score);
    if (isfinite(h->distance_m))
        json_key_double(w, "distance_m", round(h->distance_m * 1e3) / 1e3);
    json_key(w, "scores");
    json_object_begin(w);
    json_key_double(w, "semantic", h->semantic);
    json_key_double(w, "lexical", h->lexical);
    if (isfinite(h->readers))
        json_key_double(w, "readers", h->readers);
    json_object_end(w);
    render_piece(w, "passage", &h->passage);
    render_highlights(w, "title_highlights", &h->title);
    if (style->snippet)
        render_piece(w, "snippet", &h->snippet);
    if (style->tagged) {
        json_key(w, "highlighted");
        json_object_begin(w);
        render_tagged(w, "title", &h->title, style);
        render_tagged(w, "snippet", &h->snippet, style);
        json_object_end(w);
    }
    json_key(w, "document");
    render_document(w, &h->document);
    if (style->explain)
        render_explain(w, h);
}

void render_hit(struct json_writer *w, const struct find_hit *h, const struct hit_style *style)
{
    json_object_begin(w);
    hit_members(w, h, style);
    json_object_end(w);
}

void render_group(struct json_writer *w, const struct find_group *g, const struct find_hit *hits,
                  const struct hit_style *style)
{
    json_object_begin(w);
    hit_members(w, &hits[g->first], style);
    json_key(w, "group");
    json_object_begin(w);
    json_key(w, "value");
    json_put_raw(w, g->value);
    json_key(w, "hits");
    json_array_begin(w);
    for (size_t i = 1; i < g->count; i++)
        render_hit(w, &hits[g->first + i], style);
    json_array_end(w);
    json_object_end(w);
    json_object_end(w);
}

void render_total(struct json_writer *w, const struct find_answer *a)
{
    json_key(w, "total");
    json_object_begin(w);
    json_key_int(w, "value", (int64_t)a->total);
    json_key_c(w, "relation", a->total_exact ? "eq" : "gte");
    json_object_end(w);
}

static void render_values(struct json_writer *w, const struct find_facet *f)
{
    for (size_t i = 0; i < f->count; i++) {
        json_object_begin(w);
        json_key(w, "value");
        json_put_raw(w, f->values[i].value);
        json_key_int(w, "count", f->values[i].count);
        json_object_end(w);
    }
}

static void render_ranges(struct json_writer *w, const struct find_facet *f)
{
    for (size_t i = 0; i < f->range_count; i++) {
        const struct facet_range *r = &f->ranges[i];
        json_object_begin(w);
        json_key_str(w, "name", r->name);
        if (r->from) {
            json_key(w, "from");
            json_put_value(w, r->from);
        }
        if (r->to) {
            json_key(w, "to");
            json_put_value(w, r->to);
        }
        json_key_int(w, "count", f->range_counts[i]);
        json_object_end(w);
    }
}

void render_facet(struct json_writer *w, const struct find_facet *f)
{
    json_array_begin(w);
    render_values(w, f);
    render_ranges(w, f);
    json_array_end(w);
}

void render_facets(struct json_writer *w, const struct find_facet *facets, size_t count)
{
    json_object_begin(w);
    for (size_t i = 0; i < count; i++) {
        json_key(w, facets[i].field.s); /* NUL-terminated: it came from a parsed JSON string */
        render_facet(w, &facets[i]);
    }
    json_object_end(w);
}

void render_stats(struct json_writer *w, const struct facet_stats *s)
{
    json_object_begin(w);
    json_key_int(w, "count", s->count);
    json_key(w, "min");
    json_put_raw(w, s->count ? s->least : STR("null"));
    json_key(w, "max");
    json_put_raw(w, s->count ? s->greatest : STR("null"));
    json_key_double(w, "avg", s->count ? s->mean : (double)NAN);
    json_object_end(w);
}

void render_facet_stats(struct json_writer *w, const struct find_facet *facets, size_t count)
{
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        if (!facets[i].stated)
            continue;
        if (!any) {
            json_key(w, "facet_stats");
            json_object_begin(w);
        }
        any = true;
        json_key(w, facets[i].field.s);
        render_stats(w, &facets[i].stats);
    }
    if (any)
        json_object_end(w);
}

/* What is not finite has no number in JSON. */
static void put_finite(struct json_writer *w, const char *key, double x)
{
    json_key_double(w, key, isfinite(x) ? x : 0);
}

static void render_adjustments(struct json_writer *w, const struct recommend_row *r)
{
    put_finite(w, "relevance", r->relevance);
    json_key(w, "adjustments");
    json_object_begin(w);
    put_finite(w, "ranker", r->ranked);
    put_finite(w, "boost", r->boost);
    put_finite(w, "freshness", r->freshness);
    put_finite(w, "fatigue", r->fatigue);
    put_finite(w, "alike", r->alike);
    json_object_end(w);
}

void render_recommended(struct json_writer *w, const struct recommend_row *r, bool explain,
                        bool explored)
{
    json_object_begin(w);
    json_key_str(w, "id", r->document.id);
    put_finite(w, "score", r->score);
    json_key_c(w, "source", r->source);
    json_key_int(w, "position", r->position);
    if (explored)
        put_finite(w, "propensity", r->propensity);
    if (explain)
        render_adjustments(w, r);
    json_key(w, "explanation");
    json_array_begin(w);
    for (size_t i = 0; i < r->explanation_count; i++) {
        json_object_begin(w);
        json_key_str(w, "document", r->explanation[i].document);
        put_finite(w, "part", r->explanation[i].part);
        put_finite(w, "share", r->explanation[i].share);
        json_object_end(w);
    }
    json_array_end(w);
    if (explain)
        put_finite(w, "others", r->others);
    json_key(w, "document");
    render_document(w, &r->document);
    json_object_end(w);
}

void render_change(struct json_writer *w, const struct change_out *x)
{
    json_object_begin(w);
    json_key_str(w, "position", x->position);
    json_key_c(w, "type", x->type);
    render_time(w, "at", x->at_us);
    json_key(w, "data");
    json_put_raw(w, x->data.n ? x->data : STR("{}"));
    json_object_end(w);
}

void row_pointer(const char *field, const struct row_place *place, char out[ROW_POINTER])
{
    char index[32];
    size_t n = (size_t)snprintf(index, sizeof index, "/%zu", place->index);
    if (!strncmp(field, index, n) && (field[n] == '/' || !field[n]))
        field += n;
    snprintf(out, ROW_POINTER, "%s%s", place->pointer, field);
}

static void render_failure(struct json_writer *w, const struct put_result *r,
                           const struct row_place *place)
{
    char pointer[ROW_POINTER];
    struct fault fault = {.detail = r->info.message};
    json_key(w, "error");
    row_pointer(r->info.field, place, pointer);
    fault.pointer = pointer;
    problem_row(w, r->err, r->info.message, &fault, r->info.field[0] != '\0');
}

void render_row(struct json_writer *w, const struct put_result *r, const struct row_place *place)
{
    json_object_begin(w);
    if (place->line && r->err)
        json_key_int(w, "line", (int64_t)place->line);
    if (r->id.n)
        json_key_str(w, place->id_key, r->id);
    json_key_c(w, "status", r->err ? "failed" : r->status);
    if (!r->err && r->revision)
        json_key_int(w, "revision", r->revision);
    if (!r->err && r->pending)
        json_key_bool(w, "pending", true);
    if (!r->err && r->warning)
        json_key_c(w, "warning", r->warning);
    if (r->err)
        render_failure(w, r, place);
    json_object_end(w);
}
