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
    if (!out->text.n)
        return ERR_OK;
    if (!filter_parse(a, within, &out->filter, &info)) {
        if (c->tenant_field[0])
            filter_fixes(out->filter, str_c(c->tenant_field), &out->tenant);
        return ERR_OK;
    }
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

/* `within` and what it is narrowed to, as one filter. */
static struct str narrowed(const struct collection *c, struct arena *a, struct str within,
                           struct str tenant)
{
    struct strbuf b;
    strbuf_init(&b, 0);
    if (within.n)
        strbuf_printf(&b, "(%.*s) AND ", STR_ARG(within));
    filter_print_equals(str_c(c->tenant_field), tenant, &b);
    struct str out = arena_str(a, strbuf_str(&b));
    strbuf_release(&b);
    return out;
}

enum err sight_open_for(struct collection *c, struct arena *a, struct str within, struct str filter,
                        struct sight *out, struct err_info *e)
{
    const struct filter *own = NULL;
    struct str tenant = STR("");
    enum err err = sight_read(c, a, within, out, e);
    if (!err && c->tenant_field[0] && !out->tenant.n && str_trim(filter).n &&
        !filter_parse(a, filter, &own, NULL) && filter_fixes(own, str_c(c->tenant_field), &tenant))
        within = narrowed(c, a, str_trim(within), tenant);
    sight_close(out);
    return err ? err : sight_open(c, a, within, out, e);
}

bool sight_is_tenants(const struct sight *s)
{
    return s && s->tenant.n;
}

struct str document_tenant(const struct collection *c, const json_t *payload)
{
    return c->tenant_field[0]
               ? json_str(json_object_get(json_object_get(payload, "attributes"), c->tenant_field))
               : STR("");
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
