/* A node: engine, API and listener of one process, started and stopped in the right order. */
#ifndef MAIN_NODE_H
#define MAIN_NODE_H

#include "base/config.h"
#include "base/err.h"

struct node;

/* `address`, `port`: where to listen. Errors say what to do next. The node answers when this
 * returns. */
enum err node_open(const struct config *c, const char *address, uint16_t port, struct node **out,
                   struct err_info *e) MUST_CHECK;
const char *node_url(const struct node *n);
/* Readiness turns red, what is in flight ends within `seconds`, indexes are saved. */
void node_close(struct node *n, unsigned seconds);

#endif
