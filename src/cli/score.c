#include "cli/score.h"

#include "cel/map_names.h"
#include "cli/command.h"
#include "cli/say.h"

bool score_of(Arena *a, Str source, Value names, double *ret_score, Str *ret_problem) {
    CelError error;
    Value v;
    if (cel_try(a, source, names, &v, &error) != 0) {
        *ret_problem = arena_str(a, str_from(error.message));
        return false;
    }
    if (value_is(v, V_BOOL))
        *ret_score = v.b;
    else if (value_is(v, V_INT))
        *ret_score = (double)v.i;
    else if (value_is(v, V_DOUBLE))
        *ret_score = v.d;
    else
        *ret_problem = STR("it is neither true, false nor a number");
    return ret_problem->len == 0;
}

bool score_compiles(Arena *a, Str source, const char *const *names, Str *ret_problem) {
    MapBuilder m = map_builder(a);
    CelError error;
    Value v;
    for (; *names; names++)
        map_addz(&m, *names, VALUE_NULL);
    if (cel_try(a, source, map_done(&m, NULL), &v, &error) != CEL_E_SYNTAX)
        return true;
    *ret_problem = arena_str(a, str_from(error.message));
    return false;
}

int score_flag(Arena *a, const char *flag, const char *source, Value names, double *ret_score) {
    Str problem = STR("");
    if (score_of(a, str_from(source), names, ret_score, &problem))
        return 0;
    return say_error(EXIT_USAGE, "--%s: %.*s", "", flag, STR_FMT(problem));
}

int score_flag_compiles(Arena *a, const char *flag, const char *source, const char *const *names) {
    Str problem = STR("");
    if (!source || score_compiles(a, str_from(source), names, &problem))
        return 0;
    return say_error(EXIT_USAGE, "--%s: %.*s", "", flag, STR_FMT(problem));
}
