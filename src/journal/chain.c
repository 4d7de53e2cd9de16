#include "journal/store.h"

Hash store_chain(const Hash *before, Str body, const Hash *data_hash) {
    const Str parts[] = { hash_str(before), hash_str(data_hash), body };
    return hash_parts(parts, ARRAY_LEN(parts));
}
