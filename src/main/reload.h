/* SIGHUP: the settings read again, and those that can change at run time applied. What cannot is
 * named in the log. If anything is wrong with them, nothing changes: the log names the setting, and
 * config_reload_total{outcome="failed"} counts. The thread that takes signals only. */
#ifndef MAIN_RELOAD_H
#define MAIN_RELOAD_H

#include "main/command.h"
#include "main/node.h"

struct reloader;

/* `c`: as the node was opened with; owned by the caller, and kept until reload_free. `load` makes
 * the settings from the same arguments again. */
typedef enum err reload_load(const struct args *a, struct config **out, struct err_info *e);
struct reloader *reload_new(struct node *n, const struct config *c, const struct args *a,
                            reload_load *load);
void reload_free(struct reloader *r);

void reload_run(struct reloader *r);
const struct config *reload_config(const struct reloader *r); /* those in force */

#endif
