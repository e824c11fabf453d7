/* DRAFT plexus.onion/0: publishes local ports as onion services (Tor, version 3). Provided by transport-tor,
 * used by smp-server. Services come back by themselves after tor was started again. */
#ifndef PLEXUS_ABI_DRAFT_ONION_H
#define PLEXUS_ABI_DRAFT_ONION_H

#include "plexus/abi/base.h"

#define PLEXUS_ONION_ID "plexus.onion/0"

enum {
    PLEXUS_ONION_WAITING = 1,   /* for tor, or for its descriptor to be taken; it is tried again by itself */
    PLEXUS_ONION_PUBLISHED = 2, /* clients can find it */
    PLEXUS_ONION_REFUSED = 3    /* tor does not take it; it is tried again when tor was started again */
};

typedef struct plexus_onion_port {
    uint32_t shown; /* that clients connect to */
    uint32_t local;
    plexus_view local_address; /* numeric; empty: 127.0.0.1 */
} plexus_onion_port;

typedef struct plexus_onion_options {
    uint32_t size;
    uint32_t port_count;
    const plexus_onion_port* ports;
    plexus_view key_file; /* in the form of tor's hs_ed25519_secret_key, mode 0600; made if it is not there */
    const plexus_view*
        clients; /* who may connect, "descriptor:x25519:KEY" each; none: whoever knows the name */
    uint32_t client_count;
    uint32_t reserved;
} plexus_onion_options;

/* Called on the shard of `publish`, never inside a call of this service and never after unpublish returned.
 * The views are lent until it returns. */
typedef struct plexus_onion_handler {
    /* Once, first: the name that the key stands for, with ".onion". */
    void (*named)(void* context, plexus_view host);
    /* Each time that the state changes: a PLEXUS_ONION_*, and a sentence for people. */
    void (*changed)(void* context, uint32_t state, plexus_view summary);
    /* Instead of `named`: the key cannot be read or made, and nothing else will come. */
    void (*failed)(void* context, int32_t status, const plexus_error* error);
} plexus_onion_handler;

typedef struct plexus_onion_handle plexus_onion_handle;

typedef struct plexus_onion {
    plexus_service service;
    /* The handler table is lent until unpublish. Errors: INVALID ports or clients. [shard] */
    int32_t (*publish)(void* self, const plexus_onion_options* options, const plexus_onion_handler* handler,
                       void* context, plexus_onion_handle** handle, plexus_error** error);
    /* The handle is gone, also after `failed`. Clients that are connected stay. [shard: that of publish] */
    void (*unpublish)(void* self, plexus_onion_handle* handle);
} plexus_onion;

#endif
