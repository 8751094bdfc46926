/* What a caller sees of a collection: the documents that the filter of its key holds for. What it
 * does not see does not exist for it: it is found by no id, counts nowhere, names nothing.
 *
 * Every request makes one sight and asks it in the few places where documents come in: ids become
 * numbers (numbers_of_ids), filters become sets (filter_select), originals get their names
 * (documents_mark_copies). What was selected may change before it is read, so whoever hands out a
 * document's content asks the stored document itself (sight_sees). */
#include "engine/internal.h"

enum err sight_read(struct collection *c, struct arena *a, struct str within, struct sight *out,
                    struct err_info *e)
{
    struct err_info info = {0};
    *out = (struct sight){.collection = c, .text = str_trim(within)};
    docset_init(&out->documents);
    if (!out->text.n || !filter_parse(a, within, &out->filter, &info))
        return ERR_OK;
    return err_set(e, ERR_DENIED, NULL, "the key's filter cannot be read: %s", info.message);
}

enum err sight_open(struct collection *c, struct arena *a, struct str within, struct sight *out,
                    struct err_info *e)
{
    struct err_info info = {0};
    enum err err = sight_read(c, a, within, out, e);
    if (err || !out->filter)
        return err;
    err = attributes_select(c->attributes, out->filter, &out->documents, &info);
    return err ? err_set(e, ERR_DENIED, NULL, "the key's filter: %s", info.message) : ERR_OK;
}

void sight_close(struct sight *s)
{
    docset_release(&s->documents);
}

const struct docset *sight_documents(const struct sight *s)
{
    return s && s->filter ? &s->documents : NULL;
}

bool sight_has(const struct sight *s, uint32_t number)
{
    const struct docset *among = sight_documents(s);
    return !among || docset_has(among, number);
}

bool sight_sees(const struct sight *s, const struct document_record *d)
{
    if (!s || !s->filter)
        return true;
    json_t *document = document_for_filters(d);
    bool sees = document && filter_matches(s->filter, document);
    json_decref(document);
    return sees;
}

enum err sight_admit(const struct sight *s, const struct document_record *d, struct err_info *e)
{
    if (sight_sees(s, d))
        return ERR_OK;
    struct str field = filter_first_field(s->filter);
    return err_set(
        e, ERR_DENIED, "",
        "would be outside of what this key may write: its filter, by %.*s, does not hold "
        "for the document",
        (int)str_utf8_cut(field, 100), field.s);
}

static bool guard(const void *ctx, const struct document_record *stands)
{
    return sight_sees(ctx, stands);
}

void sight_guard(const struct sight *s, struct store_act *act)
{
    if (!s->filter)
        return;
    act->guard = guard;
    act->guard_ctx = s;
}
