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

bool money_parse(Str s, int64_t *ret_nano) {
    ptrdiff_t point = str_find(s, STR("."));
    Str whole = point < 0 ? s : str_slice(s, 0, (size_t)point);
    Str part = point < 0 ? STR("0") : str_slice(s, (size_t)point + 1, s.len);
    int64_t units, nanos;
    if (part.len == 0 || part.len > 9 || part.p[0] == '-' || str_starts(whole, STR("-")) ||
        !str_to_i64(part, &nanos) || !str_to_i64(whole.len ? whole : STR("0"), &units))
        return false;
    for (size_t i = part.len; i < 9; i++)
        nanos *= 10;
    return !__builtin_mul_overflow(units, NANO, ret_nano) &&
           !__builtin_add_overflow(*ret_nano, nanos, ret_nano);
}

bool count_parse(Str s, int64_t *ret_count) {
    int64_t factor = 1;
    char last = s.len ? s.p[s.len - 1] : 0;
    if (last == 'k' || last == 'M') {
        factor = last == 'k' ? 1000 : 1000 * 1000;
        s.len--;
    }
    return str_to_i64(s, ret_count) && !__builtin_mul_overflow(*ret_count, factor, ret_count);
}

void count_write(Buf *b, int64_t count) {
    bool millions = count && count % 1000000 == 0, thousands = count && count % 1000 == 0;
    int64_t unit = millions ? 1000000 : thousands ? 1000 : 1;
    buf_fmt(b, "%lld%s", (long long)(count / unit), millions ? "M" : thousands ? "k" : "");
}
