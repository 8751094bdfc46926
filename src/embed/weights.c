#include "embed/weights.h"
#include "base/arena.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/rng.h"
#include "embed/calibration_texts.h"
#include "embed/home_pack.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PACK_CONTENT 4 /* counts up when the same weights are packed otherwise */

/* Of the packed form itself: a small layer is packed, so that nobody has to remember to count
 * PACK_CONTENT up when a kernel wants its weights in another order. Rounding by results is not part
 * of it: its last bits may depend on the SIMD level. */
static uint64_t layout_of(const struct bert_form *f)
{
    enum { IN = 68, OUT = 36 };
    float weights[IN * OUT], bias[OUT];
    for (int i = 0; i < IN * OUT; i++)
        weights[i] = (float)(i * 37 % 255 - 127) / 64;
    for (int i = 0; i < OUT; i++)
        bias[i] = (float)i / 8;
    size_t bytes = linear_packed_bytes(IN, OUT, f->type);
    void *packed = xaligned(bytes);
    uint64_t sum = 0;
    memset(packed, 0, bytes);
    linear_pack(weights, bias, IN, OUT, f->type, NULL, false, packed);
    sum = checksum64(packed, bytes, sum);
    free(packed);
    return sum;
}

static void id_of(const struct weights *w, const struct bert_form *f, struct pack_id *out)
{
    const struct bert_shape *s = &w->config->shape;
    char content[400];
    snprintf(
        content, sizeof content,
        "akin pack %d\nweights %s\nshape %s %u %u %u %u %u %u %u %u %u %.9g\nform %s %016llx\n",
        PACK_CONTENT, w->sha256, s->names->model_type, s->layers, s->hidden, s->heads,
        s->intermediate, s->vocab, s->types, s->positions, s->position_first, s->buckets,
        (double)s->epsilon, form_name(f), (unsigned long long)layout_of(f));
    pack_id_make(content, form_name(f), out);
}

struct mapping {
    const struct bert_shape *shape;
    const struct bert_form *form;
    struct bert **out;
};

static enum err map(void *ctx, struct pack *p, struct err_info *e)
{
    const struct mapping *m = ctx;
    return bert_map(p, m->shape, m->form, m->out, e);
}

static enum err open_pack(const struct weights *w, const struct pack_id *id,
                          const struct bert_form *f, struct bert **out)
{
    return home_pack_open(w->home, id, map, &(struct mapping){&w->config->shape, f, out});
}

static enum err safetensors_of(const struct weights *w, struct safetensors *s, struct err_info *e)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/model.safetensors", w->dir);
    return safetensors_open(path, s, e);
}

struct ids {
    uint32_t *ids, *lengths;
    size_t total, count;
};

static void ids_add(struct ids *x, const struct tokens *t, size_t longest)
{
    if (t->n == 0 || t->n > longest)
        return;
    x->ids = xrealloc(x->ids, (x->total + t->n) * sizeof *x->ids);
    x->lengths = xrealloc(x->lengths, (x->count + 1) * sizeof *x->lengths);
    memcpy(x->ids + x->total, t->ids, t->n * sizeof *x->ids);
    x->lengths[x->count++] = (uint32_t)t->n;
    x->total += t->n;
}

/* Pieces of the vocabulary: alone, where the first token carries nearly all, and thrown together as
 * no language does. */
#define CALIBRATION_WORDS 384u
#define CALIBRATION_MIXES 48u

static void add_vocabulary(const struct weights *w, struct tokens *t, struct ids *x)
{
    struct rng r;
    uint32_t ids[24], vocab = tokenizer_vocab_size(w->tokenizer);
    rng_init(&r, 20221);
    for (unsigned i = 0; i < CALIBRATION_WORDS + CALIBRATION_MIXES; i++) {
        size_t n = i < CALIBRATION_WORDS ? 1 + (i % 4 == 3) : 4 + i % 20;
        for (size_t k = 0; k < n; k++)
            ids[k] = (uint32_t)rng_below(&r, vocab);
        tokenizer_frame(w->tokenizer, ids, n, t);
        ids_add(x, t, w->config->shape.positions);
    }
}

/* Many behind each other: late positions, and tokens among many. */
#define CALIBRATION_JOINED 16u

static void add_long(const struct weights *w, struct tokens *t, struct ids *x)
{
    struct strbuf b;
    strbuf_init(&b, 0);
    for (size_t i = 0; i + CALIBRATION_JOINED <= calibration_text_count;
         i += CALIBRATION_JOINED, b.n = 0) {
        for (size_t k = 0; k < CALIBRATION_JOINED; k++)
            strbuf_printf(&b, "%s ", calibration_texts[i + k]);
        tokenizer_encode(w->tokenizer, (struct str){b.buf, b.n}, true, t);
        ids_add(x, t, w->config->shape.positions);
    }
    strbuf_release(&b);
}

/* What the products' inputs are like: by a run of the fp32 model over texts of our own. */
static struct bert_calibration *calibrate(const struct weights *w, const struct bert *exact)
{
    struct ids x = {0};
    struct tokens t;
    tokens_init(&t);
    for (size_t i = 0; i < calibration_text_count; i++) {
        tokenizer_encode(w->tokenizer, str_c(calibration_texts[i]), true, &t);
        ids_add(&x, &t, w->config->shape.positions);
    }
    add_long(w, &t, &x);
    add_vocabulary(w, &t, &x);
    struct bert_calibration *c = NULL;
    if (x.count > 0) /* else the model is too short for any of them */
        c = bert_calibration_new(exact, x.ids, x.lengths, x.count);
    tokens_release(&t);
    free(x.ids);
    free(x.lengths);
    return c;
}

enum err weights_make(const struct weights *w, enum precision p, const struct bert *exact,
                      struct bert **out, struct err_info *e)
{
    struct bert_form f = precision_form(p), fp32 = precision_form(PRECISION_FP32);
    struct safetensors s = {0};
    struct bert *own = NULL;
    struct bert_calibration *c = NULL;
    log_event(LOG_INFO, "weights are packed, once for this model; some seconds",
              LOG_S("model", w->dir), LOG_S("precision", precision_name(p)));
    enum err err = safetensors_of(w, &s, e);
    if (!err && p == PRECISION_INT8 && !exact)
        err = bert_load(&s, &w->config->shape, &fp32, NULL, &own, e);
    if (!err && p == PRECISION_INT8)
        c = calibrate(w, exact ? exact : own);
    if (!err)
        err = bert_load(&s, &w->config->shape, &f, c, out, e);
    bert_calibration_free(c);
    bert_free(own);
    safetensors_close(&s);
    return err;
}

static enum err write(void *ctx, const char *path, const uint8_t *key, struct err_info *e)
{
    return bert_write(ctx, path, key, e);
}

/* From now on from the file: what is mapped is read as needed, and shared by processes. */
void weights_keep(const struct weights *w, struct bert **b)
{
    struct err_info e = {0};
    struct bert *mapped = NULL;
    struct bert_form f = *bert_form(*b);
    struct pack_id id;
    id_of(w, &f, &id);
    if (home_pack_write(w->home, &id, write, *b, &e)) {
        log_event(LOG_INFO, "packed weights stay in memory", LOG_S("model", w->dir),
                  LOG_S("reason", e.message));
        return;
    }
    if (open_pack(w, &id, &f, &mapped) == ERR_OK) {
        bert_free(*b);
        *b = mapped;
    }
}

enum err weights_open(const struct weights *w, enum precision p, struct bert **out,
                      struct err_info *e)
{
    struct bert_form f = precision_form(p);
    struct pack_id id;
    id_of(w, &f, &id);
    if (open_pack(w, &id, &f, out) == ERR_OK)
        return ERR_OK;
    enum err err = weights_make(w, p, NULL, out, e);
    if (!err)
        weights_keep(w, out);
    return err;
}

void weights_check(const struct weights *w)
{
    for (enum precision p = PRECISION_FP32; p <= PRECISION_INT8; p++) {
        struct bert_form f = precision_form(p);
        struct pack_id id;
        id_of(w, &f, &id);
        home_pack_check(w->home, &id);
    }
}

/* --- vectors of a few texts --- */

void weights_embed(const struct weights *w, const struct bert *b, const char *const *texts,
                   size_t count, float *out)
{
    const struct bert_shape *s = &w->config->shape;
    struct bert_work *work = bert_work_new(b, s->positions);
    struct tokens t;
    tokens_init(&t);
    for (size_t i = 0; i < count; i++) {
        tokenizer_encode(w->tokenizer, str_c(texts[i]), true, &t);
        uint32_t zero = 0, n = t.n < s->positions ? (uint32_t)t.n : s->positions;
        bert_run(b, work, n ? t.ids : &zero, &(uint32_t){n ? n : 1}, 1, w->config->pooling,
                 out + i * s->hidden);
    }
    tokens_release(&t);
    bert_work_free(work);
}
