/* JSON in (jansson, strict and bounded) and out (a streaming writer).
 *
 * json_parse refuses bad UTF-8, duplicate keys, NaN, huge integers, NUL characters, more than 64
 * levels, and a text that would take more memory than 32 x its size (at least 1 MiB, at most 64
 * MiB): without a budget 10 MiB of "{}," takes 784 MB. Values are jansson's; json_decref frees
 * them. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include "base/err.h"
#include "base/str.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define JSON_DEPTH_MAX 64

void json_setup(void); /* once, before any other call and any thread */

/* Any value at top level. ERR_SYNTAX with line and column in the message; ERR_TOO_LARGE for
 * depth or budget. Any thread. */
enum err json_parse(struct str text, json_t **out, struct err_info *e) MUST_CHECK;
/* The same with a memory budget of the caller's: for files that are no client's, whose many small
 * numbers or keys take more than 32 x their size (tensor tables, vocabularies). */
enum err json_parse_within(struct str text, size_t bytes_max, json_t **out,
                           struct err_info *e) MUST_CHECK;

/* The same for what akin itself stored: its size is bounded already, and it must be readable
 * however many small values it holds, as it was when it came in a bigger text. */
enum err json_parse_stored(struct str text, json_t **out, struct err_info *e) MUST_CHECK;

struct str json_str(const json_t *v); /* of a string value; the empty string otherwise */
/* A whole number, as JSON Schema has it: 10, 10.0 and 1e1 are the same one. From 2^53 on only what
 * is written as an integer, since others may have been rounded. False: none, and *out is as it was.
 */
bool json_whole(const json_t *v, int64_t *out);

/* The pieces of the writer, for those that format by themselves (log.h, metrics.h).
 * json_escape: the first character of s (not empty) as it stands in a JSON string: at most 6 bytes
 * in out; returns how many, and in *used those it took from s. A bad byte becomes U+FFFD.
 * json_double, json_float: the shortest of %g's texts that reads back the same; NaN and
 * infinities are "null". Length without the NUL. */
#define JSON_NUMBER_TEXT 32
size_t json_escape(struct str s, char out[8], size_t *used);
size_t json_double(double v, char out[JSON_NUMBER_TEXT]);
size_t json_float(float v, char out[JSON_NUMBER_TEXT]);

/* Writer: commas, quotes and escapes are its business. Output is valid UTF-8 if the input is;
 * bad bytes become U+FFFD, NaN and infinities become null. Bound and failure are the strbuf's. */
struct json_writer {
    struct strbuf *out;
    bool comma;
};
void json_writer_init(struct json_writer *w, struct strbuf *out);
void json_object_begin(struct json_writer *w);
void json_object_end(struct json_writer *w);
void json_array_begin(struct json_writer *w);
void json_array_end(struct json_writer *w);
void json_key(struct json_writer *w, const char *key);
void json_put_str(struct json_writer *w, struct str s);
void json_put_c(struct json_writer *w, const char *s); /* NULL gives null */
void json_put_int(struct json_writer *w, int64_t v);
void json_put_double(struct json_writer *w, double v); /* shortest text that reads back the same */
void json_put_float(struct json_writer *w, float v);
void json_put_bool(struct json_writer *w, bool v);
void json_put_null(struct json_writer *w);
void json_put_raw(struct json_writer *w, struct str json); /* already JSON */
void json_put_value(struct json_writer *w,
                    const json_t *v); /* a parsed value, compact, keys in order */
/* A key and its value. */
void json_key_str(struct json_writer *w, const char *key, struct str s);
void json_key_c(struct json_writer *w, const char *key, const char *s);
void json_key_int(struct json_writer *w, const char *key, int64_t v);
void json_key_double(struct json_writer *w, const char *key, double v);
void json_key_bool(struct json_writer *w, const char *key, bool v);

#endif
