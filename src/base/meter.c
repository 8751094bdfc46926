#include "base/meter.h"

static _Thread_local struct meter *current;

void meter_set(struct meter *m)
{
    current = m;
}

struct meter *meter_current(void)
{
    return current;
}

void meter_add_tokens(uint64_t tokens)
{
    if (current)
        atomic_fetch_add_explicit(&current->tokens, tokens, memory_order_relaxed);
}
