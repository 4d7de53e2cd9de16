/* The table of macros. Most loop over a range; each row says how many variables it binds and what node it becomes, and
 * check.c does the same with all of them. */
#include "cel/macro.h"

static const Macro macros[] = {
    { "all", N_ALL, 3, 1, false, "x.all(item, condition)" },
    { "all", N_ALL, 4, 2, false, "x.all(item, condition)" },
    { "exists", N_EXISTS, 3, 1, false, "x.exists(item, condition)" },
    { "exists", N_EXISTS, 4, 2, false, "x.exists(item, condition)" },
    { "exists_one", N_EXISTS_ONE, 3, 1, false, "x.exists_one(item, condition)" },
    { "exists_one", N_EXISTS_ONE, 4, 2, false, "x.exists_one(item, condition)" },
    { "existsOne", N_EXISTS_ONE, 3, 1, false, "x.existsOne(item, condition)" },
    { "existsOne", N_EXISTS_ONE, 4, 2, false, "x.existsOne(item, condition)" },
    { "filter", N_FILTER, 3, 1, false, "x.filter(item, condition)" },
    { "map", N_TRANSFORM_LIST, 3, 1, false,
      "x.map(item, result) or x.map(item, condition, result)" },
    { "map", N_TRANSFORM_LIST, 4, 1, true,
      "x.map(item, result) or x.map(item, condition, result)" },
    { "transformList", N_TRANSFORM_LIST, 4, 2, false, "x.transformList(key, value, result)" },
    { "transformList", N_TRANSFORM_LIST, 5, 2, true, "x.transformList(key, value, result)" },
    { "transformMap", N_TRANSFORM_MAP, 4, 2, false, "x.transformMap(key, value, result)" },
    { "transformMap", N_TRANSFORM_MAP, 5, 2, true, "x.transformMap(key, value, result)" },
    { "transformMapEntry", N_TRANSFORM_MAP_ENTRY, 4, 2, false,
      "x.transformMapEntry(key, value, {key: value})" },
    { "transformMapEntry", N_TRANSFORM_MAP_ENTRY, 5, 2, true,
      "x.transformMapEntry(key, value, {key: value})" },
    { "sortBy", N_SORT_BY, 3, 1, false, "x.sortBy(item, key)" },
    { "optMap", N_OPT_MAP, 3, 1, false, "x.optMap(value, result)" },
    { "optFlatMap", N_OPT_FLAT_MAP, 3, 1, false, "x.optFlatMap(value, optional)" },
    /* Not functions: the second argument is only evaluated when it is needed, and may fail when it is not. */
    { "or", N_OPT_OR, 2, 0, false, "x.or(optional)" },
    { "orValue", N_OPT_OR_VALUE, 2, 0, false, "x.orValue(value)" },
};

const Macro macro_bind = { "bind", N_BIND, 4, 1, false, "cel.bind(name, value, result)" };

const Macro *macro_find(const Node *call, bool *ret_wrong_count) {
    const Macro *same_name = NULL;
    for (size_t i = 0; i < ARRAY_LEN(macros); i++) {
        if (!str_is(call->text, macros[i].name))
            continue;
        if (macros[i].n_args == call->n_args)
            return &macros[i];
        same_name = &macros[i];
    }
    *ret_wrong_count = same_name != NULL;
    return same_name;
}
