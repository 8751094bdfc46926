/* In whose name a thread works: the tokens that it has embedded are counted for them. A request's
 * worker sets it, threads that it starts take it over; nobody else knows who asked. */
#ifndef BASE_METER_H
#define BASE_METER_H

#include <stdatomic.h>
#include <stdint.h>

struct meter {
    _Atomic uint64_t tokens;
};
/* Of the calling thread from now on, until it is set anew; NULL: nobody's. It must outlive that. */
void meter_set(struct meter *m);
struct meter *meter_current(void);
void meter_add_tokens(uint64_t tokens);

#endif
