#include "base/config_impl.h"
#include "base/json.h"
#include <string.h>

static const char MASK[] = "********";

static bool is_plain(const char *s)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789_./+@-";
    static const char *const words[] = {"true", "false", "yes", "no", "on", "off", "null", "~"};
    double unused;
    if (!*s || s[strspn(s, letters)] || *s == '-' || *s == '@')
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcasecmp(s, words[i]) == 0)
            return false;
    return str_to_f64(str_c(s), &unused) != ERR_OK; /* a text that looks like a number */
}

/* JSON's strings are YAML's too. */
static void yaml_text(struct strbuf *out, const char *s)
{
    struct json_writer w;
    json_writer_init(&w, out);
    if (is_plain(s))
        strbuf_add_c(out, s);
    else
        json_put_c(&w, s);
}

static void yaml_value(struct strbuf *out, const struct setting *s, const struct value *v)
{
    if (s->secret) {
        strbuf_printf(out, "\"%s\"", v->text[0] ? MASK : "");
    } else if (s->type == SETTING_LIST) {
        for (unsigned i = 0; i < v->item_count; i++) {
            strbuf_add_c(out, i ? ", " : "[");
            yaml_text(out, v->items[i]);
        }
        strbuf_add_c(out, v->item_count ? "]" : "[]");
    } else if (s->type == SETTING_BOOL) {
        strbuf_add_c(out, v->i ? "true" : "false");
    } else if (s->type == SETTING_STRING || s->type == SETTING_ENUM) {
        yaml_text(out, v->text);
    } else {
        strbuf_add_c(out, v->text);
    }
}

static struct str section_of(const char *key)
{
    const char *dot = strrchr(key, '.');
    return (struct str){key, dot ? (size_t)(dot - key) : 0};
}

/* Was the section of setting i printed with an earlier one? */
static bool section_done(const struct config *c, unsigned i)
{
    for (unsigned j = 0; j < i; j++)
        if (str_eq(section_of(c->table[j].key), section_of(c->table[i].key)))
            return true;
    return false;
}

static void print_section(const struct config *c, unsigned first, struct strbuf *out)
{
    struct str section = section_of(c->table[first].key);
    if (section.n)
        strbuf_printf(out, "%.*s:\n", STR_ARG(section));
    for (unsigned i = first; i < c->count; i++) {
        const char *key = c->table[i].key;
        if (!str_eq(section_of(key), section))
            continue;
        strbuf_printf(out, "%s%s: ", section.n ? "  " : "", key + section.n + (section.n > 0));
        yaml_value(out, &c->table[i], &c->values[i]);
        strbuf_printf(out, "  # %s\n", c->values[i].origin);
    }
}

static void json_value(struct json_writer *w, const struct setting *s, const struct value *v)
{
    if (s->secret) {
        json_put_c(w, v->text[0] ? MASK : "");
        return;
    }
    switch (s->type) {
    case SETTING_STRING:
    case SETTING_ENUM:
        json_put_c(w, v->text);
        break;
    case SETTING_INT:
        json_put_int(w, v->i);
        break;
    case SETTING_FLOAT:
        json_put_double(w, v->f);
        break;
    case SETTING_BOOL:
        json_put_bool(w, v->i);
        break;
    case SETTING_LIST:
        json_array_begin(w);
        for (unsigned i = 0; i < v->item_count; i++)
            json_put_c(w, v->items[i]);
        json_array_end(w);
        break;
    }
}

static void print_json(const struct config *c, struct strbuf *out)
{
    struct json_writer w;
    json_writer_init(&w, out);
    json_object_begin(&w);
    for (unsigned i = 0; i < c->count; i++) {
        json_key(&w, c->table[i].key);
        json_object_begin(&w);
        json_key(&w, "value");
        json_value(&w, &c->table[i], &c->values[i]);
        json_key_c(&w, "origin", c->values[i].origin);
        json_object_end(&w);
    }
    json_object_end(&w);
    strbuf_add_char(out, '\n');
}

void config_print(const struct config *c, bool json, struct strbuf *out)
{
    if (json) {
        print_json(c, out);
        return;
    }
    for (unsigned i = 0; i < c->count; i++)
        if (!section_done(c, i))
            print_section(c, i, out);
}
