/* DRAFT plexus.sim/1: what the simulation adds to the kernel's own services, there alone: the network between
 * its machines, and whether this one crashed. Used by transport-sim and by stores that play a crash. */
#ifndef PLEXUS_ABI_DRAFT_SIM_H
#define PLEXUS_ABI_DRAFT_SIM_H

#include "plexus/abi/transport.h"

#define PLEXUS_SIM_ID "plexus.sim/1"

typedef struct plexus_sim {
    plexus_service service;
    /* 1 once the machine has crashed: what is not committed by then never will be, and the instance is only
     * there to end. [any-thread] */
    uint32_t (*crashed)(void* self);
    /* Raw streams between machines, found by the host names that the simulation gave them. What asks for
     * PLEXUS_CONNECT_SECURE or PLEXUS_LISTEN_SECURE is UNSUPPORTED. */
    const plexus_transport* transport;
    const plexus_listener* listener;
} plexus_sim;

#endif
