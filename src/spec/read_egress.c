/* egress: { allow: [10.0.0.0/8, "*.internal"], deny: [169.254.169.254] } of the project, and which hosts no file has written. */
#include "spec/read.h"

#define ENTRIES_MAX 100

static void read_entries(Reader *r, const Yaml *y, Str **ret_entries, size_t *ret_n) {
    size_t n = 0;
    Str *entries = NULL;
    if (!y || !read_texts(r, y, "an entry of `egress`", &entries, &n))
        return;
    if (n > ENTRIES_MAX) {
        error_at(r, y, "limit", NULL, "too many entries: at most %d", ENTRIES_MAX);
        return;
    }
    for (size_t i = 0; i < n; i++)
        if (!egress_is_entry(entries[i]))
            error_at(r, y->kind == YAML_LIST ? y->items[i] : y, "value",
                     "like `10.0.0.0/8`, `files.internal`, `\"*.internal\"`, `10.0.0.5:8080`, "
                     "`\"[fd00::1]:443\"`; names in small letters",
                     "`%.*s` is neither an address, a range of them nor the name of a host",
                     (int)MIN(entries[i].len, 60), entries[i].p);
    *ret_entries = entries;
    *ret_n = n;
}

void read_egress(Reader *r, const Yaml *y) {
    Egress *e = &r->plan->egress;
    if (y->kind != YAML_MAP) /* said by its form */
        return;
    read_entries(r, yaml_get(y, "allow"), &e->allow, &e->n_allow);
    read_entries(r, yaml_get(y, "deny"), &e->deny, &e->n_deny);
}

/* ---- whose host it is ------------------------------------------------------------------------------------------------- */

static void see_data(void *ctx, uint64_t slot, Pos pos) {
    (void)pos;
    *(bool *)ctx |= slot_kind(slot) != SLOT_VAR && slot_kind(slot) != SLOT_SECRET;
}

static bool is_of_data(const Template *t) {
    bool data = false;
    template_slots(t, see_data, &data);
    return data;
}

/* Does a text that follows what is known to hold the beginning of a host end it? `///` before a host counts as `//`. */
static bool ends_host(Str text, bool *begun) {
    ptrdiff_t slashes = str_find(text, STR("//"));
    size_t at = 0;
    if (slashes >= 0) {
        at = (size_t)slashes;
        while (at < text.len && text.p[at] == '/')
            at++;
        *begun = at < text.len;
    }
    for (; *begun && at < text.len; at++)
        if (strchr("/?#", text.p[at]))
            return true;
    return false;
}

bool url_host_of_data(const Template *url) {
    bool begun = false;
    if (url->kind != TEMPLATE_JOIN)
        return is_of_data(url);
    for (size_t i = 0; i < url->n; i++) {
        const Template *part = url->parts[i];
        if (part->kind != TEMPLATE_CONST) {
            if (is_of_data(part))
                return true;
            begun = true;
        } else if (ends_host(value_as_str(part->constant), &begun)) {
            return false;
        }
    }
    return false;
}
