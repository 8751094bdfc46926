/* Tokens of a model that is elsewhere and whose tokenizer is not known: an estimate that rather
 * says too many. Byte-pair vocabularies take about four letters a token of English and one to two
 * tokens a character of most other scripts' rarer words; so here a token is four letters (two of a
 * run of capitals), or one digit, or one character of anything else. Blanks are none. */
#include "text/tokenizer_impl.h"
#include "text/text.h"

enum { LETTERS = 4, CAPITALS = 2 };

static bool is_lower(unsigned char c)
{
    return c >= 'a' && c <= 'z';
}

static bool is_upper(unsigned char c)
{
    return c >= 'A' && c <= 'Z';
}

static bool is_blank(unsigned char c)
{
    return c <= ' ' || c == 0x7f;
}

/* The end of the piece of letters that starts at `at`: never beyond a capital after a small one. */
static size_t letters_end(struct str text, size_t at)
{
    size_t end = at, capitals = 0;
    while (end < text.n && end - at < LETTERS) {
        unsigned char c = (unsigned char)text.s[end];
        if (!is_lower(c) && !is_upper(c))
            break;
        if (is_upper(c) && end > at &&
            (is_lower((unsigned char)text.s[end - 1]) || ++capitals >= CAPITALS))
            break;
        end++;
    }
    return end;
}

void estimate_encode(struct encoder *x, struct str text)
{
    bool inside = false; /* a word: of letters and digits */
    for (size_t at = 0; at < text.n;) {
        unsigned char c = (unsigned char)text.s[at];
        size_t from = at;
        bool letter = is_lower(c) || is_upper(c), digit = c >= '0' && c <= '9';
        if (letter)
            at = letters_end(text, at);
        else if (c < 0x80)
            at++;
        else
            (void)utf8_next(text, &at);
        if (!is_blank(c))
            encoder_token(x, 0, (uint32_t)from, (uint32_t)at, !inside || !(letter || digit));
        inside = letter || digit;
    }
}

struct tokenizer *tokenizer_estimate(void)
{
    struct tokenizer *t = tokenizer_new();
    t->model = MODEL_ESTIMATE;
    t->bert = true; /* a word is cut for itself */
    t->id_end = 1;
    t->before[t->before_n++] = 0; /* most have one at either end */
    t->after[t->after_n++] = 0;
    return t;
}
