/* The validator: holds path, query and body to the route's schemas and says everything that is
 * wrong at once: where (a JSON pointer or a parameter's name), what, and what would be right. Pure
 * functions; one arena a request. */
#ifndef API_VALIDATE_H
#define API_VALIDATE_H

#include "api/faults.h"
#include "api/routes.h"
#include "base/arena.h"
#include "base/json.h"
#include "base/str.h"
#include "http/http.h"

/* ---- validate.c: values ---- */
/* `pointer`: of `v` in its body, "" at the top. */
void validate_value(const struct schema *s, const json_t *v, const char *pointer, struct faults *f);
const struct field *schema_field(const struct field *fields, const char *name); /* or NULL */
/* Length, characters, format or choices of a string that `s` takes. */
bool schema_string_fits(const struct schema *s, struct str v);

/* ---- parameters.c: path and query ---- */
/* Whether a parameter's value is JSON text: an object, or what may be one. A value of those that
 * begins with none of { [ \" is taken for a plain string. */
bool parameter_is_json(const struct schema *s);
void validate_path(const struct route_match *m, struct faults *f);
/* The query as a JSON object of the right types, as a body of the same fields would be (json_decref
 * it). */
json_t *validate_query(const struct route *r, const struct http_param *params, unsigned count,
                       struct faults *f);

/* ---- request_check.c: whole requests ---- */
/* MEDIA_* of a Content-Type; 0: none of ours. */
unsigned media_parse(struct str content_type);
/* "application/json, application/x-ndjson" */
void media_names(unsigned media, char *out, size_t size);

/* Router and validator over a whole request: what api.c does before the engine is asked, in one
 * piece for tests and fuzzing. 0: fit to be run. ERR_SYNTAX: unreadable body; ERR_INVALID: `faults`
 * say why; ERR_NOT_FOUND and ERR_UNSUPPORTED as route_find, and a Content-Type that is not taken.
 */
struct checked {
    struct route_match match;
    struct faults faults;
    json_t *query, *body; /* NULL or json_decref'd by checked_release */
};
enum err request_check(struct arena *a, struct str method, struct str path,
                       const struct http_param *params, unsigned count, struct str content_type,
                       struct str body, struct checked *out, struct err_info *e) MUST_CHECK;
void checked_release(struct checked *c);

/* The parts that request_check is made of. The body's JSON, judged; missing is ERR_SYNTAX. */
enum err body_check(const struct route *r, struct str body, json_t **out, struct faults *f,
                    struct err_info *e) MUST_CHECK;

#endif
