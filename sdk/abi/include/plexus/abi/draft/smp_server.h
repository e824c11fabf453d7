/* DRAFT plexus.smp-server/0: the messaging server as its operator sees it. Provided by smp-server; used by
 * smp-admin (plexusd ctl, daily statistics) and, attached through plexus.http/0, by smp-web (pages, metrics).
 */
#ifndef PLEXUS_ABI_DRAFT_SMP_SERVER_H
#define PLEXUS_ABI_DRAFT_SMP_SERVER_H

#include "plexus/abi/base.h"

#define PLEXUS_SMP_SERVER_ID "plexus.smp-server/0"

typedef struct plexus_smp_server {
    plexus_service service;
    /* Asks in words, a JSON array of texts; the answer is a JSON object. Words:
     *   stats                  counters under the official server's names, since "from" (Unix time)
     *   period day|week|month  the queues active in it are counted from zero again
     *   clients                connections: version, age, subscriptions, commands under way
     *   queues                 how many there are, wait, are loaded and subscribed to
     *   queue ID               what it is, by a recipient, sender, link or notifier id
     *   block ID [REASON [SECONDS]]  REASON is spam or content; clients are told to take it up again after
     *                          so many seconds (from SMP 18 on)
     *   unblock ID, delete ID
     *   save                   what is counted, to the store
     *   drain                  accepts nobody any more; how many clients are left
     *   information            what the server says of itself, for its page
     * INVALID: no such words; NOT_FOUND: no such queue. Answers may come out of order. [shard] */
    int32_t (*ask)(void* self, plexus_view words, plexus_view_completion done);
} plexus_smp_server;

#endif
