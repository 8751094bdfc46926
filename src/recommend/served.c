#include "recommend/served.h"
#include <assert.h>
#include <math.h>
#include <string.h>

#define SERVED_VERSION 1
#define SLOT_BYTES_MIN 6 /* number, mask, score */
#define VARINT_BYTES_MAX 5

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "floats are little endian");

static bool propensity_sound(float p)
{
    return p > 0 && p <= 1;
}

/* ---- writing ---- */

static void put_varint(struct strbuf *out, uint32_t v)
{
    for (; v >= 0x80; v >>= 7)
        strbuf_add_char(out, (char)(v | 0x80));
    strbuf_add_char(out, (char)v);
}

static void put_slot(struct strbuf *out, const struct served_slot *s, size_t features)
{
    uint32_t mask = s->propensity < 1;

    assert(s->number && isfinite(s->score) && propensity_sound(s->propensity));
    for (size_t f = 0; f < features; f++)
        if (!isnan(s->features[f]))
            mask |= UINT32_C(2) << f;
    put_varint(out, s->number);
    put_varint(out, mask);
    strbuf_add(out, &s->score, sizeof s->score);
    if (mask & 1)
        strbuf_add(out, &s->propensity, sizeof s->propensity);
    for (size_t f = 0; f < features; f++)
        if (mask & UINT32_C(2) << f)
            strbuf_add(out, &s->features[f], sizeof s->features[f]);
}

void served_pack(const struct served_slot *slots, size_t count, size_t first, size_t features,
                 struct strbuf *out)
{
    assert(count <= SERVED_SLOTS_MAX && first <= SERVED_FIRST_MAX &&
           features <= SERVED_FEATURES_MAX);
    strbuf_add_char(out, SERVED_VERSION);
    put_varint(out, (uint32_t)first);
    put_varint(out, (uint32_t)count);
    put_varint(out, (uint32_t)features);
    for (size_t i = 0; i < count; i++)
        put_slot(out, &slots[i], features);
}

/* ---- reading ---- */

struct cursor {
    const uint8_t *p, *end;
    bool failed; /* stays; everything read afterwards is 0 */
};

static uint32_t get_varint(struct cursor *c, uint32_t max)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < VARINT_BYTES_MAX && c->p < c->end; i++) {
        uint8_t byte = *c->p++;
        v |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte & 0x80)
            continue;
        if (v > max || (byte == 0 && i > 0)) /* one way to write each */
            break;
        return (uint32_t)v;
    }
    c->failed = true;
    c->p = c->end;
    return 0;
}

static float get_float(struct cursor *c)
{
    float v = 0;

    if ((size_t)(c->end - c->p) < sizeof v) {
        c->failed = true;
        c->p = c->end;
        return 0;
    }
    memcpy(&v, c->p, sizeof v);
    c->p += sizeof v;
    return v;
}

static bool get_slot(struct cursor *c, size_t written, size_t wanted, float *features,
                     struct served_slot *s)
{
    s->number = get_varint(c, UINT32_MAX);
    uint32_t mask = get_varint(c, (UINT32_C(2) << written) - 1);
    s->score = get_float(c);
    s->propensity = mask & 1 ? get_float(c) : 1;
    s->features = features;
    for (size_t f = 0; f < wanted; f++)
        features[f] = NAN;
    for (size_t f = 0; f < written; f++) {
        if (!(mask & UINT32_C(2) << f))
            continue;
        float v = get_float(c);
        if (isnan(v))
            c->failed = true;
        if (f < wanted)
            features[f] = v;
    }
    return !c->failed && s->number && isfinite(s->score) && propensity_sound(s->propensity) &&
           (s->propensity < 1) == (mask & 1);
}

enum err served_unpack(struct str payload, size_t features, struct arena *a,
                       struct served_list *out, struct err_info *e)
{
    struct cursor c = {(const uint8_t *)payload.s, (const uint8_t *)payload.s + payload.n, false};

    assert(features <= SERVED_FEATURES_MAX);
    uint32_t version = payload.n ? *c.p++ : 0;
    size_t first = get_varint(&c, SERVED_FIRST_MAX), count = get_varint(&c, SERVED_SLOTS_MAX);
    size_t written = get_varint(&c, SERVED_FEATURES_MAX);
    if (version != SERVED_VERSION || c.failed || count > (size_t)(c.end - c.p) / SLOT_BYTES_MIN)
        return err_set(e, ERR_CORRUPT, NULL, "an answer of the log has a broken head");
    struct served_slot *slots = arena_array(a, count + 1, sizeof *slots);
    float *all = arena_array(a, count * features + 1, sizeof *all);
    for (size_t i = 0; i < count; i++)
        if (!get_slot(&c, written, features, all + i * features, &slots[i]))
            return err_set(e, ERR_CORRUPT, NULL, "slot %zu of an answer of the log is broken", i);
    if (c.p != c.end)
        return err_set(e, ERR_CORRUPT, NULL, "an answer of the log has bytes behind its slots");
    *out = (struct served_list){slots, count, first};
    return ERR_OK;
}
