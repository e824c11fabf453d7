/* Streams, and the services that make them: plexus.transport/1 connects, plexus.carrier/1 does so for a
 * transport that adds a layer, plexus.listener/1 accepts. */
#ifndef PLEXUS_ABI_TRANSPORT_H
#define PLEXUS_ABI_TRANSPORT_H

#include "plexus/abi/base.h"

/* ---- streams
 * ---------------------------------------------------------------------------------------------------- */

typedef struct plexus_stream plexus_stream;

/* Called on the stream's shard, never inside a call on the stream, never after destroy returned. */
typedef struct plexus_stream_handler {
    void (*readable)(
        void* context); /* once, after try_read said WOULD_BLOCK: now it will say something else */
    void (*writable)(void* context); /* once, after try_write said WOULD_BLOCK */
} plexus_stream_handler;

/* What get_info can tell. */
enum {
    PLEXUS_STREAM_PEER = 1, /* text: the other side's address, for logs */
    PLEXUS_STREAM_ALPN = 2, /* the protocol agreed on, empty if none */
    PLEXUS_STREAM_CHANNEL_BINDING =
        3, /* verify data of the TLS client's Finished (SMP's session identifier) */
    PLEXUS_STREAM_PEER_CERTIFICATE = 4, /* DER; index 0 is the leaf */
    PLEXUS_STREAM_OWN_CERTIFICATE = 5,  /* DER; index 0 is the leaf */
    PLEXUS_STREAM_SNI = 6,              /* text: the server name that the client sent, empty if none */
    PLEXUS_STREAM_CIPHER = 7            /* text: version, cipher and group, for people */
};

/* All functions [shard], on the stream's own shard. */
typedef struct plexus_stream_api {
    uint32_t size;
    uint32_t reserved;
    /* Replaces the handler; before the first one nothing is called. The table is lent until the stream's end.
     */
    void (*set_handler)(plexus_stream* stream, const plexus_stream_handler* handler, void* context);
    /* Takes what is there, up to out.size bytes. OK with *taken > 0; WOULD_BLOCK; CLOSED after an orderly
     * end; or why the stream is broken, the same again for every later call. */
    int32_t (*try_read)(plexus_stream* stream, plexus_span out, uint64_t* taken);
    /* Gives up to in.size bytes, *given > 0 on OK. After WOULD_BLOCK the next call must begin with the same
     * bytes. */
    int32_t (*try_write)(plexus_stream* stream, plexus_view in, uint64_t* given);
    /* Ends our direction in order, once all that was given is on its way; reading goes on where the way has
     * two ends to close (TCP, TLS; an exit of Tor ends both, and what the peer had still to send is lost). */
    void (*shutdown)(plexus_stream* stream);
    /* Closes at once and frees. Allowed inside the stream's own callbacks. */
    void (*destroy)(plexus_stream* stream);
    /* NOT_FOUND: this stream has none, or no such index. *value is lent until destroy. */
    int32_t (*get_info)(plexus_stream* stream, uint32_t what, uint32_t index, plexus_view* value);
    /* Hands over the connected, non-blocking socket of a stream without a layer of its own (TCP; SOCKS and
     * Tor after their handshake); the stream can then only be destroyed. UNSUPPORTED: bytes go through
     * try_read and try_write alone. */
    int32_t (*release_descriptor)(plexus_stream* stream, int32_t* descriptor);
    /* Why the stream broke, lent until destroy; NULL if it did not. */
    const plexus_error* (*get_error)(plexus_stream* stream);
} plexus_stream_api;

/* A provider's stream begins with this. */
struct plexus_stream {
    const plexus_stream_api* api;
};

/* ---- plexus.transport/1
 * --------------------------------------------------------------------------------------------- */
#define PLEXUS_TRANSPORT_ID "plexus.transport/1"

enum {
    PLEXUS_CONNECT_SECURE = 1, /* TLS with a pinned server; without it the stream is raw */
    PLEXUS_CONNECT_PUBLIC =
        2,                     /* only to addresses of the public internet, looked at after the name is
                                  resolved:  DENIED for private, loopback, link-local, unspecified and reserved
                                  ones. A  transport that leaves the name to others checks numeric hosts */
    PLEXUS_CONNECT_DIRECT = 4, /* by the system's own network, though there is a carrier; DENIED for a .onion
                                 host. Without it a transport that has a carrier uses no other road */
    PLEXUS_CONNECT_CARRIED = 8 /* by the carrier: DENIED if there is none */
};

/* What TCP does about a silent peer. */
enum {
    PLEXUS_KEEPALIVE_PRESET = 0, /* as the transport's configuration has it */
    PLEXUS_KEEPALIVE_ON = 1,
    PLEXUS_KEEPALIVE_OFF = 2
};

typedef struct plexus_connect_options {
    uint32_t size;
    uint32_t flags;
    plexus_view host; /* a name, an IPv4 or IPv6 address, or a .onion name; not resolved by the caller */
    uint32_t port;
    uint32_t alpn_count;
    const plexus_view* alpn; /* offered protocols, the preferred first; none: no ALPN is sent */
    plexus_view
        key_hash; /* SHA-256 of the certificate that the server must chain to: the second of its chain; 32
                     bytes. The connection fails with IDENTITY inside the handshake if it differs */
    uint64_t timeout_ns; /* for everything up to a usable stream; 0: the transport's own */
    plexus_view
        isolation; /* streams with different values share no circuit or proxy credentials; empty: no matter */
    plexus_view server_name;  /* SNI; empty: none is sent */
    plexus_view client_chain; /* PEM of a client certificate chain and its key, for service certificates;
                                 empty: none */
    plexus_view client_key;
    uint32_t keepalive;          /* PLEXUS_KEEPALIVE_*; with ON: */
    uint32_t keepalive_idle;     /* seconds of silence before it asks, */
    uint32_t keepalive_interval; /* between questions, */
    uint32_t keepalive_count;    /* and how many without an answer break the stream; from 1 up, all three */
} plexus_connect_options;

typedef struct plexus_transport {
    plexus_service service;
    /* The stream belongs to the completion's owner, on the shard of the call. `operation` may be NULL.
     * [shard] */
    int32_t (*connect)(void* self, const plexus_connect_options* options,
                       void (*done)(void* context, int32_t status, const plexus_error* error,
                                    plexus_stream* stream),
                       void* context, plexus_operation** operation);
} plexus_transport;

/* ---- plexus.carrier/1
 * ----------------------------------------------------------------------------------------------- */
/* The table is a plexus_transport: raw streams by a road of the provider's own, such as a SOCKS proxy or Tor,
 * which takes names as they are and resolves none. PLEXUS_CONNECT_SECURE is UNSUPPORTED; of the options it
 * reads host, port, timeout, isolation and PLEXUS_CONNECT_PUBLIC. A transport that adds TLS goes through it.
 */
#define PLEXUS_CARRIER_ID "plexus.carrier/1"

/* ---- plexus.listener/1
 * ------------------------------------------------------------------------------------------------ */
#define PLEXUS_LISTENER_ID "plexus.listener/1"

enum {
    PLEXUS_LISTEN_SECURE = 1,
    PLEXUS_LISTEN_ASK_CERTIFICATE = 2 /* clients may show a chain of 1 to 4 certificates and prove its key,
                                         see PLEXUS_STREAM_PEER_CERTIFICATE: each must be signed by the next
                                         and be valid now, nothing else is asked of it. Not asked of clients
                                         that name the server */
};

typedef struct plexus_listener_handle plexus_listener_handle;

typedef struct plexus_listen_options {
    uint32_t size;
    uint32_t flags;
    plexus_view address; /* numeric, for example "127.0.0.1" or "::"; empty: every IPv4 and IPv6 address */
    uint32_t port;       /* 0: a free one, see `port` below */
    uint32_t alpn_count;
    const plexus_view* alpn; /* accepted protocols; a client that offers only others gets a TLS alert, one
                                without ALPN is taken */
    plexus_view chain;       /* PEM certificates, the leaf first */
    plexus_view key;         /* PEM private key of the leaf */
    uint64_t handshake_timeout_ns;    /* 0: the transport's own */
    uint32_t pending_most;            /* handshakes under way at once; 0: the transport's own */
    uint32_t connections_most;        /* streams at once, further clients are closed; 0: no limit */
    uint32_t connections_most_of_one; /* the same of one source: an IPv4 address or an IPv6 /64 */
    uint32_t reserved;
    /* A second identity for clients that name the server (SNI), browsers that is: any chain and key, TLS 1.2
     * or 1.3, and of ALPN only http/1.1. Empty: who names the server is served as all others are. */
    plexus_view named_chain;
    plexus_view named_key;
    /* NULL, or another of the same listener: the streams of both are counted together, by its limits. */
    plexus_listener_handle* counted_with;
} plexus_listen_options;

/* A stream that is ready for use, on one of the shards in turn. It belongs to the callee. [shard: the
 * stream's] */
typedef void (*plexus_accept_function)(void* context, plexus_stream* stream);

typedef struct plexus_listener {
    plexus_service service;
    int32_t (*listen)(void* self, const plexus_listen_options* options, plexus_accept_function accepted,
                      void* context, plexus_listener_handle** handle,
                      plexus_error** error);                      /* [loader] or [shard] */
    uint32_t (*port)(void* self, plexus_listener_handle* handle); /* [any-thread] */
    /* New connections use the new certificate; those that stand keep theirs. [loader] or [shard] */
    int32_t (*set_credentials)(void* self, plexus_listener_handle* handle, plexus_view chain, plexus_view key,
                               plexus_error** error);
    /* Accepts no more and ends handshakes under way; the completion comes when `accepted` will not be called
     * again, on any shard. Streams that were accepted live on. The handle is gone. [loader] or [shard] */
    int32_t (*close)(void* self, plexus_listener_handle* handle, plexus_completion done);
    /* The same as set_credentials for clients that name the server; both empty: there is no such identity any
     * more. [loader] or [shard] */
    int32_t (*set_named_credentials)(void* self, plexus_listener_handle* handle, plexus_view chain,
                                     plexus_view key, plexus_error** error);
} plexus_listener;

#endif
