#include "exec/http_egress.h"

#include "base/mutant.h"
#include "exec/libcurl.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

/* As libcurl itself reads the URL: who reads it in another way may see another host. NULL: not known. To be given to
 * libcurl.free(). */
static char *host_of(HttpCall *call) {
    char *text = NULL, *host = NULL;
    CURLU *url = libcurl.url();
    if (url && libcurl.easy_getinfo(call->easy, CURLINFO_EFFECTIVE_URL, &text) == CURLE_OK &&
        libcurl.url_set(url, CURLUPART_URL, text, CURLU_GUESS_SCHEME) == CURLUE_OK)
        libcurl.url_get(url, CURLUPART_HOST, &host, 0);
    libcurl.url_cleanup(url);
    return host;
}

static void say_denied(HttpCall *call, const EgressVerdict *v, const char *address) {
    if (v->entry.len)
        snprintf(call->denial, sizeof(call->denial),
                 "%s may not be reached: `egress` of baton.yaml denies %.*s", address,
                 (int)MIN(v->entry.len, (size_t)80), v->entry.p);
    else
        snprintf(
            call->denial, sizeof(call->denial),
            "%s may not be reached (%s): a host that data names leads to public addresses only; "
            "`egress: { allow: [\"%s\"] }` in baton.yaml lets it pass",
            address, v->range, address);
}

static bool may_reach(HttpCall *call, EgressTarget *target, const char *address) {
    bool names = call->egress && (call->egress->n_allow || call->egress->n_deny);
    char *host = names ? host_of(call) : NULL;
    target->host = str_from(host ? host : "");
    target->of_data = call->host_of_data;
    EgressVerdict v = egress_decide(call->egress, target);
    if (!v.allowed && !call->denial[0])
        say_denied(call, &v, address);
    if (host)
        libcurl.free(host);
    return v.allowed;
}

/* False for what is neither IPv4 nor IPv6. */
static bool read_sockaddr(const struct sockaddr *sa, EgressTarget *t, char text[INET6_ADDRSTRLEN]) {
    if (sa->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sa, sizeof(in));
        t->port = ntohs(in.sin_port);
        inet_ntop(AF_INET, &in.sin_addr, text, INET6_ADDRSTRLEN);
    } else if (sa->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, sa, sizeof(in6));
        t->port = ntohs(in6.sin6_port);
        inet_ntop(AF_INET6, &in6.sin6_addr, text, INET6_ADDRSTRLEN);
    } else {
        return false;
    }
    return egress_address(str_from(text), t->address);
}

static curl_socket_t open_socket(void *ctx, UNUSED curlsocktype purpose, struct curl_sockaddr *to) {
    HttpCall *call = ctx;
    EgressTarget target = { 0 };
    char text[INET6_ADDRSTRLEN] = "";
    if (!read_sockaddr(&to->addr, &target, text) || !may_reach(call, &target, text))
        return CURL_SOCKET_BAD;
    return socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
}

static int before_request(void *ctx, char *address, UNUSED char *own, int port,
                          UNUSED int own_port) {
    HttpCall *call = ctx;
    EgressTarget target = { .port = (uint16_t)port };
    Str text = str_from(address);
    ptrdiff_t zone = str_find(text, STR("%"));
    if (!egress_address(zone < 0 ? text : str_slice(text, 0, (size_t)zone), target.address))
        return CURL_PREREQFUNC_ABORT;
    if (MUTANT(egress_reused))
        return CURL_PREREQFUNC_OK;
    return may_reach(call, &target, address) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

void http_egress_guard(HttpCall *call) {
    call->denial[0] = 0;
    libcurl.easy_setopt(call->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    libcurl.easy_setopt(call->easy, CURLOPT_OPENSOCKETDATA, call);
    libcurl.easy_setopt(call->easy, CURLOPT_PREREQFUNCTION, before_request);
    libcurl.easy_setopt(call->easy, CURLOPT_PREREQDATA, call);
}
