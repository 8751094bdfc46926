/* Records: what `akin add` reads - JSON lines, CSV, a folder of text, Markdown and HTML files, or
 * standard input - as one JSON document after the other, with fields renamed by --map. One thread.
 */
#ifndef MAIN_RECORDS_H
#define MAIN_RECORDS_H

#include "base/err.h"
#include "base/str.h"
#include <stdint.h>

struct records;

/* `path`: a file (.jsonl, .ndjson, .json, .csv, .tsv, .txt, .md, .html), a folder, or "-".
 * `format`: NULL (by the name; "-" is JSON lines), "jsonl", "csv" or "tsv". `map`:
 * "text=body,id=sku" - akin's field = theirs; NULL: none. */
enum err records_open(const char *path, const char *format, const char *map, struct records **out,
                      struct err_info *e) MUST_CHECK;
void records_close(struct records *r);
/* The next document as JSON text into `line` (cleared before). ERR_NOT_FOUND at the end. Other
 * errors name file and line and end the reading. A JSON line that is not an object is passed on as
 * it is: the server reports it by its line. */
enum err records_next(struct records *r, struct strbuf *line, struct err_info *e) MUST_CHECK;
/* Bytes read and in all (0: not known), for progress. */
void records_progress(const struct records *r, uint64_t *done, uint64_t *total);

#endif
