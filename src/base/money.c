#include "base/money.h"

#include <stdio.h>

#define NANO 1000000000

void money_write(Buf *b, int64_t nano) {
    long long rest = nano % NANO;
    char digits[16];
    int n = snprintf(digits, sizeof digits, "%09lld", rest < 0 ? -rest : rest);
    while (n > 2 && digits[n - 1] == '0')
        n--;
    buf_fmt(b, "%s%lld.%.*s", nano < 0 && nano > -NANO ? "-" : "", (long long)(nano / NANO), n,
            digits);
}
