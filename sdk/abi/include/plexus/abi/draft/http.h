/* DRAFT plexus.http/0: speaks HTTP on streams that another plugin accepted. Provided by smp-web, used by
 * smp-server for clients that name the server (SNI). */
#ifndef PLEXUS_ABI_DRAFT_HTTP_H
#define PLEXUS_ABI_DRAFT_HTTP_H

#include "plexus/abi/draft/smp_server.h"
#include "plexus/abi/transport.h"

#define PLEXUS_HTTP_ID "plexus.http/0"

typedef struct plexus_http {
    plexus_service service;
    /* What the pages are about; NULL before it stops. [shard 0] */
    void (*attach)(void* self, const plexus_smp_server* server);
    /* The stream is the provider's now. [shard: the stream's] */
    void (*accept)(void* self, plexus_stream* stream);
} plexus_http;

#endif
