/* HTML -> its title and its readable text (no scripts, styles or mark-up), by libxml2's forgiving
 * parser. */
#ifndef MAIN_HTML_H
#define MAIN_HTML_H

#include "base/str.h"

/* Adds to both. Bad HTML gives what can be read of it. Blocks end with a line break. Any thread. */
void html_text(struct str html, struct strbuf *title, struct strbuf *text);

#endif
