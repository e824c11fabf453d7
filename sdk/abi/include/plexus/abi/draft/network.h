/* DRAFT plexus.network/0: how servers are reached. Whoever dials a server names all of its hosts; which of
 * them, by which road (directly, or through the proxy that is wired) and with which patience is a matter of
 * settings here. A draft changes without a new id until two users of it exist. */
#ifndef PLEXUS_ABI_DRAFT_NETWORK_H
#define PLEXUS_ABI_DRAFT_NETWORK_H

#include "plexus/abi/transport.h"

#define PLEXUS_NETWORK_ID "plexus.network/0"

enum {
    PLEXUS_NETWORK_INTERACTIVE = 1, /* somebody waits for it: the shorter timeouts */
    PLEXUS_NETWORK_PUBLIC = 2       /* as PLEXUS_CONNECT_PUBLIC */
};

/* A server as its address names it. Borrowed until connect returns. */
typedef struct plexus_network_server {
    uint32_t size;
    uint32_t flags;
    const plexus_view* hosts; /* names and addresses, in the order of the address; at least one */
    uint32_t host_count;
    uint32_t port;         /* 0: the address names none */
    uint32_t default_port; /* taken then, */
    uint32_t web_port;     /* or this one where the settings say so; 0: there is none */
    plexus_view alpn;      /* the protocol to offer, */
    plexus_view web_alpn;  /* and the one on the web port */
    plexus_view key_hash;  /* as in plexus_connect_options */
    plexus_view profile;   /* connections of different profiles never share a circuit */
    plexus_view entity;    /* nor do those of different entities, if the session mode says so */
    plexus_view client_chain;
    plexus_view client_key;
    uint64_t timeout_ns; /* for each attempt; 0: as set */
} plexus_network_server;

/* A connection as the network accounts for it, from connect to closed. */
typedef struct plexus_network_link plexus_network_link;

enum { PLEXUS_NETWORK_PROXIED = 1 /* the proxy carries it */ };

typedef struct plexus_network_connected {
    uint32_t size;
    uint32_t flags;
    plexus_stream* stream; /* secure; the completion's owner's */
    plexus_network_link* link;
    plexus_view host; /* the one that it leads to */
    uint32_t port;
    uint32_t ping_count;       /* this many PINGs in a row without an answer: the server is left. 0: never */
    uint64_t ping_interval_ns; /* of silence before a PING; 0: none is sent */
    uint64_t response_ns;      /* an answer's time, */
    uint64_t response_interactive_ns; /* when somebody waits for it, */
    uint64_t per_kilobyte_ns;         /* and what is added for each KiB sent */
} plexus_network_connected;

enum { PLEXUS_NETWORK_BY_ENTITY = 1 /* each entity has connections of its own */ };

/* What whoever keeps sessions with servers has to know. */
typedef struct plexus_network_rules {
    uint32_t size;
    uint32_t flags;
    uint64_t reconnect_least_ns; /* pause after a first failure; it doubles */
    uint64_t reconnect_most_ns;
} plexus_network_rules;

enum {
    PLEXUS_NETWORK_SETTINGS = 1, /* all settings, a superset of the official bot API's networkConfig */
    PLEXUS_NETWORK_STATUS = 2    /* {"proxy":{...},"servers":[...]}: roads and health */
};

enum {
    PLEXUS_NETWORK_SAVED = 1 /* from a run before: what the configuration says outright wins. Dialing that
                                waits for saved settings begins, whatever the outcome */
};

enum {
    PLEXUS_NETWORK_ROADS_CHANGED = 1, /* what stands may stand on the wrong road: it has to be dialed anew */
    PLEXUS_NETWORK_ROAD_OPENED = 2,   /* the proxy is ready: what waits to be dialed again need not wait */
    PLEXUS_NETWORK_PROXY_CHANGED = 3  /* progress, for people */
};

typedef struct plexus_network_watch plexus_network_watch;

typedef struct plexus_network {
    plexus_service service;
    /* `connected` is lent until `done` returns; NULL after a failure. `operation` may be NULL. [shard] */
    int32_t (*connect)(void* self, const plexus_network_server* server,
                       void (*done)(void* context, int32_t status, const plexus_error* error,
                                    const plexus_network_connected* connected),
                       void* context, plexus_operation** operation);
    void (*answered)(void* self, plexus_network_link* link, uint64_t took_ns); /* [any-thread] a round trip */
    /* The stream ended, or was given up; the link is gone. [any-thread] */
    void (*closed)(void* self, plexus_network_link* link, plexus_view why);
    void (*get_rules)(void* self, plexus_network_rules* rules); /* [any-thread] */
    /* JSON of PLEXUS_NETWORK_SETTINGS or _STATUS, lent while `take` runs. [any-thread] */
    void (*read)(void* self, uint32_t what, void (*take)(void* context, plexus_view json), void* context);
    /* Changes the settings that `json`, an object, names; null turns an optional one off. All or nothing.
     * [shard 0] */
    int32_t (*change)(void* self, plexus_view json, uint32_t flags, plexus_error** error);
    int32_t (*renew)(void* self, plexus_error** error); /* new circuits from now on [shard 0] */
    /* Called on shard 0, never inside a call of the watcher. [shard 0] */
    int32_t (*watch)(void* self, void (*changed)(void* context, uint32_t what), void* context,
                     plexus_network_watch** watch);
    void (*unwatch)(void* self, plexus_network_watch* watch); /* [shard 0] */
} plexus_network;

#endif
