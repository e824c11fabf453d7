/* DRAFT plexus.proxy/0: the road behind a carrier, for those who show it, choose it and wait for it. Provided
 * beside plexus.carrier/1 by transport-socks and transport-tor, used by the policy of the network. */
#ifndef PLEXUS_ABI_DRAFT_PROXY_H
#define PLEXUS_ABI_DRAFT_PROXY_H

#include "plexus/abi/base.h"

#define PLEXUS_PROXY_ID "plexus.proxy/0"

enum {
    PLEXUS_PROXY_OFF = 0,      /* none is configured: the carrier refuses every connection */
    PLEXUS_PROXY_STARTING = 1, /* connections wait, or fail with a retryable error */
    PLEXUS_PROXY_READY = 2,    /* as far as is known, connections can be made */
    PLEXUS_PROXY_FAILED = 3    /* it cannot be reached or has ended; the next success makes it READY */
};

typedef struct plexus_proxy_status {
    uint32_t size;
    uint32_t state;
    uint32_t percent; /* of the start, 0 to 100 */
    uint32_t reserved;
    plexus_view kind; /* "socks", "tor" */
    plexus_view
        address; /* where it is reached, as `configure` takes it but without a password; may be empty */
    plexus_view summary; /* one line for people: what it does, or why it failed */
} plexus_proxy_status;

/* The status is lent until it returns. */
typedef void (*plexus_proxy_told)(void* context, const plexus_proxy_status* status);

typedef struct plexus_proxy_watch plexus_proxy_watch;

typedef struct plexus_proxy {
    plexus_service service;
    /* Calls `told` once, inside the call. [any-thread] */
    void (*status)(void* self, plexus_proxy_told told, void* context);
    /* Calls `told` after each change, on the shard of this call, never inside a call and never after unwatch
     * returned. Of changes that follow each other closely the last is told. [shard] */
    int32_t (*watch)(void* self, plexus_proxy_told told, void* context, plexus_proxy_watch** watch);
    /* [shard: where it was made] */
    void (*unwatch)(void* self, plexus_proxy_watch* watch);
    /* The address of the proxy, for connections begun from now on: "USER:PASSWORD@HOST:PORT" sends these
     * credentials; "@HOST:PORT" sends none; "HOST:PORT" isolates: connections with different `isolation` have
     * different credentials; HOST may be left out (127.0.0.1), and so may ":PORT" (9050); "unix:/PATH" stands
     * for HOST:PORT; "off" is no proxy. INVALID: it is none of these. UNSUPPORTED: this provider's address is
     * not to be chosen. [any-thread] */
    int32_t (*configure)(void* self, plexus_view address, plexus_error** error);
    /* Connections made from its completion on share no circuit with those before. [shard] */
    int32_t (*renew)(void* self, plexus_completion done);
} plexus_proxy;

#endif
