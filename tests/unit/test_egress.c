/* Where requests may lead: each kind of address in each of its forms, entries, and which hosts data decides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "spec/egress.h"
#include "spec/plan.h"

#include <stdio.h>
#include <stdlib.h>

static Arena arena;

static int set_up(UNUSED void **state) {
    arena_init(&arena, 0);
    return 0;
}

static int tear_down(UNUSED void **state) {
    arena_deinit(&arena);
    return 0;
}

/* Blanks separate the entries of a list. */
static Str *words(const char *text, size_t *ret_n) {
    Str *list = ARENA_ARRAY(&arena, Str, strlen(text) + 1);
    *ret_n = 0;
    for (const char *at = text, *end; *at; at = *end ? end + 1 : end) {
        end = strchrnul(at, ' ');
        list[(*ret_n)++] = (Str){ at, (size_t)(end - at) };
    }
    return list;
}

typedef struct Case {
    const char *address;
    unsigned port;
    const char *host;
    bool of_data;
    const char *allow, *deny;
    bool allowed;
} Case;

static void check(const Case *c) {
    Egress policy = { 0 };
    policy.allow = words(c->allow ? c->allow : "", &policy.n_allow);
    policy.deny = words(c->deny ? c->deny : "", &policy.n_deny);
    EgressTarget t = { .port = (uint16_t)(c->port ? c->port : 443),
                       .host = str_from(c->host ? c->host : ""),
                       .of_data = c->of_data };
    if (!egress_address(str_from(c->address), t.address))
        fail_msg("%s is no address", c->address);
    if (egress_decide(&policy, &t).allowed != c->allowed)
        fail_msg("%s:%u of %s, allow [%s] deny [%s]: expected %s", c->address, t.port,
                 c->host ? c->host : "-", c->allow ? c->allow : "", c->deny ? c->deny : "",
                 c->allowed ? "yes" : "no");
}

/* ---- addresses --------------------------------------------------------------------------------------------------------- */

static const char *const not_public[] = {
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.0",
    "10.255.255.255",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.0.1",
    "192.168.255.255",
    "169.254.169.254",
    "169.254.0.1",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "168.63.129.16",
    "192.0.0.1",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    /* IPv6 of its own */
    "::",
    "::1",
    "fc00::1",
    "fd00:ec2::254",
    "fdff:ffff::1",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "ff0e::1",
    "2001:db8::1",
    "3fff::1",
    "5f00::1",
    "100::1",
    "4000::1",
    "::2",
    /* IPv4 within it: mapped, compatible, NAT64, NAT64 of one's own, 6to4, Teredo */
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:7f00:1",
    "::127.0.0.1",
    "::10.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.1.2.3",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::8.8.8.8",
    "2002:7f00:1::",
    "2002:a00:1::1",
    "2002:a9fe:a9fe::",
    "2002:c0a8:101::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
};
static const char *const public_ones[] = {
    "8.8.8.8",         "1.1.1.1",          "9.255.255.255",   "11.0.0.0",
    "126.255.255.255", "128.0.0.1",        "172.15.255.255",  "172.32.0.0",
    "192.167.255.255", "192.169.0.0",      "169.253.0.1",     "100.63.255.255",
    "100.128.0.0",     "168.63.129.15",    "198.17.0.1",      "198.20.0.1",
    "223.255.255.255", "2606:4700::1111",  "2a00:1450::1",    "2001:4860:4860::8888",
    "::ffff:8.8.8.8",  "64:ff9b::8.8.8.8", "2002:808:808::1", "3ffe::1",
};

static void a_host_of_data_leads_to_public_addresses_only(UNUSED void **state) {
    for (size_t i = 0; i < ARRAY_LEN(not_public); i++) {
        check(&(Case){ not_public[i], .of_data = true, .allowed = false });
        check(&(Case){ not_public[i], .of_data = false, .allowed = true });
    }
    for (size_t i = 0; i < ARRAY_LEN(public_ones); i++)
        check(&(Case){ public_ones[i], .of_data = true, .allowed = true });
}

static void texts_that_are_no_address(UNUSED void **state) {
    static const char *const wrong[] = { "",           "localhost",  "127.1",
                                         "0x7f.0.0.1", "1.2.3.256",  "1.2.3",
                                         ":::",        "fe80::1%lo", "1.2.3.4 " };
    uint8_t bytes[16];
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        if (egress_address(str_from(wrong[i]), bytes))
            fail_msg("`%s` was taken for an address", wrong[i]);
}

/* ---- entries ----------------------------------------------------------------------------------------------------------- */

static const Case with_entries[] = {
    /* Allowed by address, range, name, and only there. */
    { "10.0.0.5", 443, "x", true, "10.0.0.5", "", true },
    { "10.0.0.6", 443, "x", true, "10.0.0.5", "", false },
    { "10.9.9.9", 443, "x", true, "10.0.0.0/8", "", true },
    { "11.0.0.1", 443, "x", false, "", "10.0.0.0/7", false },
    { "10.0.0.5", 443, "files.internal", true, "files.internal", "", true },
    { "10.0.0.5", 443, "FILES.Internal.", true, "files.internal", "", true },
    { "10.0.0.5", 443, "a.files.internal", true, "files.internal", "", false },
    { "10.0.0.5", 443, "a.files.internal", true, "*.internal", "", true },
    { "10.0.0.5", 443, "internal", true, "*.internal", "", false },
    { "10.0.0.5", 443, "xinternal", true, "*.internal", "", false },
    { "10.0.0.5", 443, "internal.evil.example", true, "*.internal", "", false },
    /* Forms of the same address are the same address. */
    { "::ffff:10.0.0.5", 443, "x", true, "10.0.0.5", "", true },
    { "64:ff9b::10.0.0.5", 443, "x", false, "", "10.0.0.0/8", false },
    { "2002:a00:5::1", 443, "x", false, "", "10.0.0.5", false },
    { "fd00::5", 443, "x", true, "fd00::/8", "", true },
    { "fd00::5", 443, "x", true, "[fd00::/8]", "", true },
    /* Ports. */
    { "127.0.0.1", 8080, "x", true, "127.0.0.1:8080", "", true },
    { "127.0.0.1", 8081, "x", true, "127.0.0.1:8080", "", false },
    { "::1", 8080, "x", true, "[::1]:8080", "", true },
    { "::1", 22, "x", true, "[::1]:8080", "", false },
    { "10.1.1.1", 80, "files.internal", true, "files.internal:80", "", true },
    { "10.1.1.1", 22, "files.internal", true, "files.internal:80", "", false },
    { "10.1.1.1", 80, "x", true, "10.0.0.0/8:80", "", true },
    /* Denied also what a file writes, and public ones. */
    { "8.8.8.8", 443, "x", false, "", "8.8.8.8", false },
    { "8.8.8.8", 443, "x", true, "", "8.8.0.0/16", false },
    { "8.8.8.8", 443, "ads.example", false, "", "*.example", false },
    /* The most specific one counts, and `deny` of two equal ones. */
    { "10.0.0.5", 443, "x", true, "10.0.0.0/8", "10.0.0.5", false },
    { "10.0.0.5", 443, "x", true, "10.0.0.5", "10.0.0.0/8", true },
    { "10.0.0.5", 443, "x", true, "10.0.0.5", "10.0.0.5", false },
    { "10.0.0.5", 443, "x", true, "10.0.0.5:443", "10.0.0.5", true },
    { "8.8.8.8", 443, "api.example", true, "api.example", "0.0.0.0/0 ::/0", true },
    { "8.8.8.8", 443, "other.example", true, "api.example", "0.0.0.0/0 ::/0", false },
    { "2606:4700::1", 443, "other.example", false, "api.example", "0.0.0.0/0 ::/0", false },
    { "169.254.169.254", 80, "files.internal", true, "*.internal", "169.254.169.254", false },
};

static void the_most_specific_entry_decides(UNUSED void **state) {
    for (size_t i = 0; i < ARRAY_LEN(with_entries); i++)
        check(&with_entries[i]);
}

static void entries_that_mean_nothing_are_refused(UNUSED void **state) {
    static const char *const right[] = { "10.0.0.0/8",   "10.0.0.5", "10.0.0.5:80",
                                         "::1",          "[::1]:80", "fd00::/8",
                                         "[fd00::/8]:1", "db1",      "files.internal:80",
                                         "*.x.example",  "a-b.c_d",  "7up.example" };
    static const char *const wrong[] = {
        "",          "10.0.0.0/33", "10.0.0",      "10.0.0.300",  "10.0.0.5:0",  "10.0.0.5:65536",
        "10.0.0.5:", "fd00::/129",  "[fd00::1",    "[::1]x",      "[::1]:",      "*",
        "*.",        "a.*.b",       "Files.Local", "https://a.b", "a b",         "a/b",
        "0x7f.1",    "127.1",       ".a",          "-a",          "a\xC3\xA4.b", "user@host",
    };
    for (size_t i = 0; i < ARRAY_LEN(right); i++)
        if (!egress_is_entry(str_from(right[i])))
            fail_msg("`%s` was refused", right[i]);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++)
        if (egress_is_entry(str_from(wrong[i])))
            fail_msg("`%s` was taken", wrong[i]);
}

/* ---- whose host it is -------------------------------------------------------------------------------------------------- */

static const struct {
    const char *url;
    bool of_data;
} urls[] = {
    { "http://127.0.0.1:11434/v1", false },
    { "https://api.example/${{ input.q }}", false },
    { "https://api.example?q=${{ input.q }}", false },
    { "https://api.example#${{ input.q }}", false },
    { "${{ vars.base }}", false },
    { "${{ vars.base }}/orders/${{ input.q }}", false },
    { "http://${{ vars.host }}:80/${{ input.q }}", false },
    { "${{ secrets.BASE }}", false },
    { "${{ secrets.BASE }}?q=${{ input.q }}", false },
    { "${{ vars.base }}//${{ input.q }}/x", true },
    { "${{ input.q }}", true },
    { "${{ input.q }}/x", true },
    { "http://${{ input.q }}/", true },
    { "http://${{ input.q }}.example/", true },
    { "http://example${{ input.q }}/", true },  /* `.evil.example`, `@evil.example` */
    { "http://example:${{ input.q }}/", true }, /* `1@evil.example` */
    { "http://user:${{ input.q }}@example/", true },
    { "http:${{ input.q }}", true },
    { "http:///${{ input.q }}/", true }, /* curl takes three slashes for two */
    { "${{ vars.base }}${{ input.q }}", true },
    { "${{ secrets.BASE }}${{ input.q }}", true },
    { "${{ vars.base + input.q }}", true },
    { "${{ input.q == 'a' ? vars.base : vars.base }}", true },
};

static void a_url_says_whose_host_it_is(UNUSED void **state) {
    Str names[] = { STR("f.yaml"), STR("baton.yaml") };
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        Str text = arena_fmt(&arena,
                             "baton: 1\ninput: { q: string }\nsteps:\n  - http: { url: \"%s\" }\n",
                             urls[i].url);
        Str texts[] = { text,
                        STR("baton: 1\nvars: { base: \"http://a.example\", host: b.example }\n") };
        Plan *plan = NULL;
        Diags diags = { .arena = &arena };
        if (plan_compile(closure_make(&arena, names[0], names, texts, 2), &plan, &diags)) {
            /* With a secret in it such a URL is refused. */
            assert_true(urls[i].of_data && strstr(urls[i].url, "secrets"));
            assert_true(str_is(diags.items[0].code, "secret"));
            continue;
        }
        if (plan->nodes[1]->callee->host_of_data != urls[i].of_data)
            fail_msg("%s: expected %s", urls[i].url, urls[i].of_data ? "of data" : "written");
        plan_free(plan);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_host_of_data_leads_to_public_addresses_only),
        cmocka_unit_test(texts_that_are_no_address),
        cmocka_unit_test(the_most_specific_entry_decides),
        cmocka_unit_test(entries_that_mean_nothing_are_refused),
        cmocka_unit_test(a_url_says_whose_host_it_is),
    };
    if (getenv("ONLY"))
        cmocka_set_test_filter(getenv("ONLY"));
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
