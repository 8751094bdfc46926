/* The page's files, in the binary: page_files.c is made from src/api/page/ by tools/embed_files.py.
 */
#ifndef API_PAGE_H
#define API_PAGE_H

#include <stddef.h>

struct page_file {
    const char *path; /* of the route; NULL ends the list */
    const char *media, *etag;
    const unsigned char *bytes;
    size_t size;
};
extern const struct page_file page_files[];
const struct page_file *page_find(const char *path); /* of a route: asserts that there is one */

#endif
