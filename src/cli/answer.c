#include "cli/answer.h"

#include "base/limits.h"
#include "trace/words.h"

#define CLEAN_CHARS 400

Str answer_text(Value v, const char *key) {
    Value t = value_getz(v, key);
    return value_is(t, V_STRING) ? value_as_str(t) : STR("");
}

long long answer_count(Value v, const char *key) {
    Value n = value_getz(v, key);
    return value_is(n, V_INT) ? (long long)n.i : 0;
}

bool answer_yes(Value v, const char *key) {
    Value yes = value_getz(v, key);
    return value_is(yes, V_BOOL) && yes.b;
}

Str answer_clean(Arena *a, Str s) {
    Buf b = BUF_INIT(16 * KIB);
    words_clean(&b, s, CLEAN_CHARS);
    Str text = arena_str(a, buf_str(&b));
    buf_deinit(&b);
    return text;
}
