/* Which precision `auto` is: each is tried on built-in texts, the fastest first, against fp32. */
#include "base/arena.h"
#include "base/hash.h"
#include "base/log.h"
#include "embed/trial_texts.h"
#include "embed/weights.h"
#include "math/dot.h"
#include "math/simd.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct candidate {
    enum precision precision;
    float mean, least; /* that its vectors must reach */
};
static const struct candidate candidates[] = {
    {PRECISION_INT8, .999f, .997f},
    {PRECISION_BF16, .9999f, .999f},
};
enum { CANDIDATES = sizeof candidates / sizeof *candidates };

/* --- remembered --- */

/* What was found with other texts is found anew. */
static void key_of(const struct weights *w, char out[128])
{
    uint64_t texts = 0;
    for (size_t i = 0; i < trial_text_count(); i++)
        texts = checksum64(trial_texts()[i], strlen(trial_texts()[i]), texts);
    snprintf(out, 128, "%.16s-%s-%s-%s%s-%08x", w->sha256, pooling_name(w->config->pooling),
             precision_scheme(PRECISION_INT8), simd_name(simd_level()), simd_bf16() ? "-bf16" : "",
             (unsigned)texts);
}

bool weights_auto_known(const struct weights *w, enum precision *p, struct fidelity *f)
{
    char key[128];
    key_of(w, key);
    const json_t *v = home_recall(w->home, "auto", key);
    struct str name = json_str(json_object_get(v, "precision"));
    if (!v || precision_parse(name, p, NULL) || *p == PRECISION_AUTO)
        return false;
    f->mean = (float)json_number_value(json_object_get(v, "mean"));
    f->least = (float)json_number_value(json_object_get(v, "least"));
    return true;
}

static void remember(const struct weights *w, enum precision p, const struct fidelity *f)
{
    char key[128];
    key_of(w, key);
    home_remember(w->home, "auto", key,
                  json_pack("{s:s,s:f,s:f,s:i}", "precision", precision_name(p), "mean",
                            (double)f->mean, "least", (double)f->least, "texts",
                            (int)trial_text_count()));
    log_event(LOG_INFO, "precision chosen", LOG_S("model", w->dir),
              LOG_S("precision", precision_name(p)), LOG_F("cosine_mean", (double)f->mean),
              LOG_F("cosine_least", (double)f->least));
}

void weights_fidelity(const struct weights *w, enum precision p, struct fidelity *f)
{
    enum precision chosen;
    struct fidelity known;
    *f = (struct fidelity){0};
    if (p == PRECISION_FP32)
        *f = (struct fidelity){1, 1};
    else if (weights_auto_known(w, &chosen, &known) && chosen == p)
        *f = known;
}

/* --- tried --- */

struct trial {
    const struct weights *w;
    const char *const *texts;
    size_t count;
    float *exact, *near; /* count x hidden each */
};

static void compare(const struct trial *t, struct fidelity *f)
{
    size_t hidden = t->w->config->shape.hidden;
    double sum = 0;
    f->least = 1;
    for (size_t i = 0; i < t->count; i++) {
        float cosine = dot_f32(t->exact + i * hidden, t->near + i * hidden, hidden);
        sum += (double)cosine;
        if (!(cosine >= f->least))
            f->least = cosine;
    }
    f->mean = (float)(sum / (double)t->count);
}

static bool usable(enum precision p)
{
    return p == PRECISION_INT8 || simd_bf16();
}

static enum err try(const struct trial *t, const struct bert *exact, enum precision *p,
                    struct fidelity *f, struct bert **out, struct err_info *e)
{
    for (unsigned i = 0; i < CANDIDATES; i++) {
        const struct candidate *c = &candidates[i];
        struct bert *b = NULL;
        struct err_info fault = {0};
        if (!usable(c->precision))
            continue;
        enum err err = weights_make(t->w, c->precision, exact, &b, &fault);
        if (err == ERR_UNSUPPORTED)
            continue; /* its numbers are not for this precision */
        if (err)
            return err_set(e, err, fault.field, "%s", fault.message);
        weights_embed(t->w, b, t->texts, t->count, t->near);
        compare(t, f);
        if (f->mean >= c->mean && f->least >= c->least) {
            *p = c->precision;
            *out = b;
            return ERR_OK;
        }
        log_event(LOG_INFO, "precision not near enough to fp32", LOG_S("model", t->w->dir),
                  LOG_S("precision", precision_name(c->precision)),
                  LOG_F("cosine_mean", (double)f->mean), LOG_F("cosine_least", (double)f->least));
        bert_free(b);
    }
    return ERR_NOT_FOUND;
}

enum err weights_auto(const struct weights *w, enum precision *p, struct fidelity *f,
                      struct bert **out, struct err_info *e)
{
    struct bert *exact = NULL;
    *out = NULL;
    if (weights_auto_known(w, p, f))
        return ERR_OK;
    enum err err = weights_make(w, PRECISION_FP32, NULL, &exact, e);
    if (err)
        return err;
    size_t count = trial_text_count(), n = count * w->config->shape.hidden;
    struct trial t = {.w = w, .texts = trial_texts(), .count = count};
    t.exact = xcalloc(n, sizeof *t.exact);
    t.near = xcalloc(n, sizeof *t.near);
    weights_embed(w, exact, t.texts, count, t.exact);
    err = try(&t, exact, p, f, out, e);
    if (err == ERR_NOT_FOUND) {
        *p = PRECISION_FP32;
        *f = (struct fidelity){1, 1};
        *out = exact;
        exact = NULL;
        err = ERR_OK;
    }
    bert_free(exact); /* before its successor is there twice, in memory and mapped */
    if (!err) {
        remember(w, *p, f);
        weights_keep(w, out);
    }
    free(t.exact);
    free(t.near);
    return err;
}
