#include "embed/model_tokenizer.h"
#include "base/log.h"
#include "embed/home_pack.h"
#include <stdio.h>
#include <string.h>

static enum err find(struct home *h, struct model_tokenizer *w, struct err_info *e)
{
    static const char config[] = "tokenizer_config.json";
    bool json = home_has(h, "tokenizer.json");
    *w = (struct model_tokenizer){0};
    if (!json && !home_has(h, "vocab.txt"))
        return err_set(e, ERR_NOT_FOUND, "tokenizer.json",
                       "tokenizer.json and vocab.txt are missing in the model directory %s",
                       h->dir);
    snprintf(w->file, sizeof w->file, "%s", json ? "tokenizer.json" : "vocab.txt");
    enum err err = home_digest(h, w->file, false, w->sha256, e);
    if (!err && !json && home_has(h, config))
        err = home_digest(h, config, false, w->config, e);
    return err;
}

static void id_of(const struct model_tokenizer *w, struct pack_id *out)
{
    char content[300];
    snprintf(content, sizeof content, "akin tokenizer pack %u\n%s %s\ntokenizer_config.json %s\n",
             TOKENIZER_PARTS_FORMAT, w->file, w->sha256, w->config);
    pack_id_make(content, "tokenizer", out);
}

struct mapped {
    struct tokenizer *tokenizer;
    struct pack *pack;
};

static enum err map(void *ctx, struct pack *p, struct err_info *e)
{
    struct mapped *m = ctx;
    struct str parts[TOKENIZER_PARTS];
    enum err err = ERR_OK;
    for (unsigned i = 0; i < TOKENIZER_PARTS && !err; i++)
        err = pack_find(p, tokenizer_part_name(i), &parts[i], e);
    if (!err)
        err = tokenizer_map(parts, &m->tokenizer, e);
    if (!err)
        m->pack = p;
    return err;
}

static enum err write(void *ctx, const char *path, const uint8_t *key, struct err_info *e)
{
    struct tokenizer_part parts[TOKENIZER_PARTS];
    struct pack_section sections[TOKENIZER_PARTS];
    tokenizer_parts(ctx, parts);
    for (unsigned i = 0; i < TOKENIZER_PARTS; i++) {
        snprintf(sections[i].name, sizeof sections[i].name, "%s", parts[i].name);
        sections[i].p = parts[i].bytes.s;
        sections[i].bytes = parts[i].bytes.n;
    }
    return pack_write(path, key, sections, TOKENIZER_PARTS, e);
}

/* Is what was read the file that the digest was taken of? */
static bool unchanged(const struct home *h, const struct model_tokenizer *w)
{
    const char *now = home_digest_known(h, w->file);
    const char *config = w->config[0] ? home_digest_known(h, "tokenizer_config.json") : "";
    return now && strcmp(now, w->sha256) == 0 && config && strcmp(config, w->config) == 0;
}

/* From now on from the file, as the weights are. */
static void keep(struct home *h, const struct pack_id *id, struct mapped *m)
{
    struct err_info e = {0};
    struct mapped again = {0};
    if (home_pack_write(h, id, write, m->tokenizer, &e)) {
        log_event(LOG_INFO, "the packed tokenizer stays in memory", LOG_S("model", h->dir),
                  LOG_S("reason", e.message));
        return;
    }
    if (home_pack_open(h, id, map, &again) == ERR_OK) {
        tokenizer_free(m->tokenizer);
        *m = again;
    }
}

enum err model_tokenizer_open(struct home *h, struct model_tokenizer *w, struct tokenizer **out,
                              struct pack **pack, struct err_info *e)
{
    struct pack_id id;
    struct mapped m = {0};
    enum err err = find(h, w, e);
    if (err)
        return err;
    id_of(w, &id);
    if (home_pack_open(h, &id, map, &m)) {
        err = tokenizer_open(h->dir, &m.tokenizer, e);
        if (!err && unchanged(h, w))
            keep(h, &id, &m);
    }
    *out = m.tokenizer;
    *pack = m.pack;
    return err;
}

void model_tokenizer_check(struct home *h)
{
    struct model_tokenizer w;
    struct pack_id id;
    if (find(h, &w, NULL))
        return;
    id_of(&w, &id);
    home_pack_check(h, &id);
}
