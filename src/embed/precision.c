#include "embed/model.h"
#include "math/simd.h"
#include <string.h>

static const char *const precision_names[] = {"auto", "fp32", "bf16", "int8"};

enum err precision_parse(struct str s, enum precision *out, struct err_info *e)
{
    for (int i = 0; i < 4; i++) {
        if (str_eq_c(s, precision_names[i])) {
            *out = (enum precision)i;
            return ERR_OK;
        }
    }
    return err_set(e, ERR_INVALID, "precision", "\"%.*s\" is none of auto, fp32, bf16, int8",
                   (int)(s.n < 40 ? s.n : 40), s.s);
}

const char *precision_name(enum precision p)
{
    return precision_names[p];
}

const char *precision_scheme(enum precision p)
{
    static const char *const schemes[] = {"", "fp32", "bf16", "int8-3"};
    return schemes[p];
}

struct bert_form precision_form(enum precision p)
{
    switch (p) {
    case PRECISION_BF16:
        return simd_bf16()
                   ? (struct bert_form){.type = LINEAR_BF16, .words_half = true}
                   : (struct bert_form){.type = LINEAR_F32, .words_half = true, .round_bf16 = true};
    case PRECISION_INT8:
        return (struct bert_form){.type = LINEAR_INT8, .words_half = true};
    default:
        return (struct bert_form){.type = LINEAR_F32};
    }
}

const char *form_name(const struct bert_form *f)
{
    if (f->type == LINEAR_BF16)
        return "bf16";
    if (f->type == LINEAR_INT8)
        return "int8";
    return f->round_bf16 ? "bf16-f32" : "f32";
}
