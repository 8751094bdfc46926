/* A node: engine, API and listener of one process, started and stopped in the right order. */
#ifndef MAIN_NODE_H
#define MAIN_NODE_H

#include "base/config.h"
#include "base/err.h"

struct node;

/* As the settings of server.* say. Errors say what to do next. The node answers when this returns.
 */
enum err node_open(const struct config *c, struct node **out, struct err_info *e) MUST_CHECK;
/* For a command of this process alone: plain HTTP on a free port of 127.0.0.1. */
enum err node_open_private(const struct config *c, struct node **out,
                           struct err_info *e) MUST_CHECK;
/* Apply what can change at run time, of any later configuration. An error changes nothing, and
 * names the setting. The thread that opened it. */
enum err node_configure(struct node *n, const struct config *c, struct err_info *e) MUST_CHECK;
/* Certificate and key, if their files have changed and are in order; if not, the old ones stay and
 * the log says why. The thread that opened it. */
void node_certificate_check(struct node *n);
const char *node_url(const struct node *n);
/* Readiness turns red, what is in flight ends within `seconds`, indexes are saved. */
void node_close(struct node *n, unsigned seconds);

#endif
