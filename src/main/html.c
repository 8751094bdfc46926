#include "main/html.h"
#include <libxml/HTMLparser.h>
#include <stdbool.h>
#include <string.h>

static bool one_of(const char *name, const char *const *list)
{
    for (; *list; list++)
        if (strcmp(name, *list) == 0)
            return true;
    return false;
}

static const char *const hidden[] = {"script", "style", "noscript", "template", "head", NULL};
static const char *const blocks[] = {
    "p",  "div", "br", "li", "tr", "h1", "h2",  "h3",      "h4",      "h5",         "h6",
    "td", "th",  "ul", "ol", "dt", "dd", "pre", "section", "article", "blockquote", NULL};

/* The next node in document order; *up tells that a subtree was left. */
static const xmlNode *following(const xmlNode *n, bool descend)
{
    if (descend && n->children)
        return n->children;
    while (n && !n->next)
        n = n->parent;
    return n ? n->next : NULL;
}

static const xmlNode *find_title(const xmlNode *n)
{
    for (; n; n = following(n, true))
        if (n->type == XML_ELEMENT_NODE && strcmp((const char *)n->name, "title") == 0)
            return n;
    return NULL;
}

void html_text(struct str html, struct strbuf *title, struct strbuf *text)
{
    int flags = HTML_PARSE_RECOVER | HTML_PARSE_NOERROR | HTML_PARSE_NOWARNING | HTML_PARSE_NONET;
    htmlDocPtr doc = htmlReadMemory(html.s, (int)html.n, NULL, "utf-8", flags);
    const xmlNode *root = doc ? xmlDocGetRootElement(doc) : NULL;
    const xmlNode *heading = find_title(root);
    if (heading && heading->children && heading->children->content)
        strbuf_add_str(title, str_trim(str_c((const char *)heading->children->content)));
    for (const xmlNode *n = root; n;) {
        bool element = n->type == XML_ELEMENT_NODE;
        bool skip = element && one_of((const char *)n->name, hidden);
        if (element && one_of((const char *)n->name, blocks) && text->n &&
            text->buf[text->n - 1] != '\n')
            strbuf_add_char(text, '\n');
        if (n->type == XML_TEXT_NODE && n->content)
            strbuf_add_c(text, (const char *)n->content);
        n = following(n, !skip);
    }
    if (doc)
        xmlFreeDoc(doc);
}
