#include "store/store.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

void position_format(const struct position *p, char out[POSITION_TEXT])
{
    snprintf(out, POSITION_TEXT, "%s-%" PRIu64, p->lineage, p->change);
}

static bool digits_are(struct str s, const char *set)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.s[i] == 0 || !strchr(set, s.s[i]))
            return false;
    return true;
}

enum err position_parse(struct str s, struct position *out)
{
    struct str lineage = {s.s, LINEAGE_DIGITS};
    int64_t change;

    if (s.n < LINEAGE_DIGITS + 2 || s.n >= POSITION_TEXT || s.s[LINEAGE_DIGITS] != '-')
        return ERR_INVALID;
    struct str number = {s.s + LINEAGE_DIGITS + 1, s.n - LINEAGE_DIGITS - 1};
    if (!digits_are(lineage, "0123456789abcdef") || !digits_are(number, "0123456789") ||
        (number.n > 1 && number.s[0] == '0') || str_to_i64(number, 0, INT64_MAX, &change))
        return ERR_INVALID;
    memcpy(out->lineage, lineage.s, LINEAGE_DIGITS);
    out->lineage[LINEAGE_DIGITS] = 0;
    out->change = (uint64_t)change;
    return ERR_OK;
}
