/* Money is int64 nano-units of the project's currency. */
#ifndef BATON_BASE_MONEY_H
#define BATON_BASE_MONEY_H

#include "base/buf.h"

/* At least two decimals, at most nine: "0.25", "1.000000001". */
void money_write(Buf *b, int64_t nano);
/* "2.50", ".5", "3": not negative, at most nine decimals. */
bool money_parse(Str s, int64_t *ret_nano);
/* 12, 400k, 2M. */
bool count_parse(Str s, int64_t *ret_count);
/* The same way round, exactly: 400k where it is that, else 400001. */
void count_write(Buf *b, int64_t count);

#endif
