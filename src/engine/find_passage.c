/* What of a hit a reader looks at first: its best passage, a snippet of that, and the words of the
 * query in them and in the title. */
#include "engine/find_impl.h"

#define UNCUT_CHARS 400           /* of the passage of a document that is not cut into passages */
#define SEARCHED_BYTES (1u << 20) /* of a text, for the passage that has most of the query */

static enum language language_of(const json_t *payload)
{
    enum language l = language_of_tag(document_lang(payload));
    return l == LANGUAGE_UNKNOWN ? LANGUAGE_en : l; /* stems that are too many do no harm here */
}

static bool is_looked_for(const void *ctx, struct str term)
{
    return words_query_has(ctx, term);
}

/* Of the query's words as the index understands them; of search by meaning alone, as they stand. */
static struct highlighter *highlighter_of(struct find *f, enum language language)
{
    if (!f->words)
        return highlighter_new(f->r->q, language, NULL, f->a);
    struct highlight_more *more = arena_alloc(f->a, sizeof *more);
    *more = (struct highlight_more){is_looked_for, f->words};
    return highlighter_new(words_query_text(f->words), language, more, f->a);
}

static struct highlights *scan(struct find *f, enum language language, struct str text, bool cut)
{
    if (!f->highlighters[language])
        f->highlighters[language] = highlighter_of(f, language);
    return highlight_scan(f->highlighters[language], text, cut, f->a);
}

/* Found by words alone: the passage that has most of the query. */
static uint32_t choose_passage(struct find *f, enum language language, struct str text,
                               const struct document_record *d)
{
    struct text_range *parts = arena_array(f->a, d->passage_count, sizeof *parts);
    for (uint32_t p = 0; p < d->passage_count; p++)
        parts[p] = (struct text_range){d->passages[p].start, d->passages[p].end};
    text.n = utf8_floor(text, SEARCHED_BYTES);
    return (uint32_t)highlight_best(scan(f, language, text, false), parts, d->passage_count);
}

/* Where the passage is. */
static struct text_range choose(struct find *f, enum language language, struct str text,
                                const struct loaded *l)
{
    const struct document_record *d = &l->document;
    uint32_t p = l->hit->passage;
    if (d->passage_count == 0) {
        text.n = utf8_floor(text, SEARCHED_BYTES);
        return highlight_piece(scan(f, language, text, true), 0, text.n, UNCUT_CHARS);
    }
    if (d->passage_count == 1)
        p = 0;
    if (p >= d->passage_count)
        p = choose_passage(f, language, text, d);
    return (struct text_range){d->passages[p].start, d->passages[p].end};
}

/* The piece [at.start, at.end) of the text that `s` is of, which begins `before` bytes into the
 * document's. */
static void piece_make(struct find *f, const struct highlights *s, struct str text,
                       struct text_range at, size_t before, struct find_piece *out)
{
    out->text = arena_str(f->a, (struct str){text.s + at.start, at.end - at.start});
    out->start = before + at.start;
    out->end = before + at.end;
    highlight_ranges(s, at.start, at.end, f->a, &out->highlights, &out->highlight_count);
}

void find_passage(struct find *f, const struct loaded *l, const json_t *payload, struct find_hit *h)
{
    enum language language = language_of(payload);
    struct str text = json_str(json_object_get(payload, "text"));
    struct str title = json_str(json_object_get(payload, "title"));
    struct text_range at = choose(f, language, text, l);
    if (title.n)
        piece_make(f, scan(f, language, title, false), title,
                   (struct text_range){0, (uint32_t)title.n}, 0, &h->title);
    if (at.start >= at.end || at.end > text.n)
        return;
    struct str passage = {text.s + at.start, at.end - at.start};
    struct highlights *s = scan(f, language, passage, f->r->snippet_chars > 0);
    piece_make(f, s, passage, (struct text_range){0, (uint32_t)passage.n}, at.start, &h->passage);
    if (f->r->snippet_chars)
        piece_make(f, s, passage, highlight_piece(s, 0, passage.n, f->r->snippet_chars), at.start,
                   &h->snippet);
}
