/* A hit's best passage, where it stands in the text, and what to look at first in it. */
#include "engine/find_impl.h"

#define SNIPPET_BYTES 400 /* of a document without passages */

/* A document that has no passages yet: the surroundings of the first match. */
static void choose_snippet(struct find *f, struct str text, size_t *start, size_t *end)
{
    struct text_range *ranges;
    size_t n = 0, at = 0;
    if (f->r->q.n && search_highlight(text, f->r->q, f->a, &ranges, &n) == 0 && n > 0)
        at = ranges[0].start;
    *start = at > SNIPPET_BYTES / 4 ? utf8_floor(text, at - SNIPPET_BYTES / 4) : 0;
    *end = *start + SNIPPET_BYTES < text.n ? utf8_floor(text, *start + SNIPPET_BYTES) : text.n;
}

/* Found by words alone: the passage that the query's terms cover most often. */
static uint32_t choose_passage(struct find *f, struct str text, const struct document_record *d)
{
    struct text_range *ranges;
    size_t n, best_count = 0;
    uint32_t best = 0;
    if (!f->r->q.n || search_highlight(text, f->r->q, f->a, &ranges, &n))
        return 0;
    for (uint32_t p = 0; p < d->passage_count; p++) {
        size_t inside = 0;
        for (size_t i = 0; i < n; i++)
            inside +=
                ranges[i].start >= d->passages[p].start && ranges[i].end <= d->passages[p].end;
        if (inside > best_count) {
            best_count = inside;
            best = p;
        }
    }
    return best;
}

void find_passage(struct find *f, const struct loaded *l, struct find_hit *h)
{
    const struct document_record *d = &l->document;
    json_t *object = NULL;
    if (json_parse(d->payload, &object, NULL))
        return;
    struct str text = json_str(json_object_get(object, "text"));
    size_t start = 0, end = 0;
    if (d->passage_count == 0) {
        choose_snippet(f, text, &start, &end);
    } else {
        uint32_t p = l->hit->passage;
        if (p >= d->passage_count)
            p = choose_passage(f, text, d);
        start = d->passages[p].start;
        end = d->passages[p].end;
    }
    if (start < end && end <= text.n) {
        h->passage = arena_str(f->a, (struct str){text.s + start, end - start});
        h->passage_start = start;
        h->passage_end = end;
        if (f->r->q.n &&
            search_highlight(h->passage, f->r->q, f->a, &h->highlights, &h->highlight_count))
            h->highlight_count = 0;
    }
    json_decref(object);
}
