/* DRAFT plexus.operator/0: what a plugin needs that lets an operator run the program: its log level, its
 * metrics, and reading the configuration again. Offered by the kernel to plugins that declare the capability
 * "operate". */
#ifndef PLEXUS_ABI_DRAFT_OPERATOR_H
#define PLEXUS_ABI_DRAFT_OPERATOR_H

#include "plexus/abi/base.h"

#define PLEXUS_OPERATOR_ID "plexus.operator/0"

typedef struct plexus_operator {
    plexus_service service;
    uint32_t (*log_level)(void* self); /* [any-thread] PLEXUS_LOG_* */
    /* Until the configuration is read again, or to the end. INVALID: no level. [any-thread] */
    int32_t (*set_log_level)(void* self, uint32_t level);
    /* Reads the configuration again, as SIGHUP does. The value is a line for each thing that changed or that
     * needs a restart. UNSUPPORTED: this program's configuration is in no file. [shard] */
    int32_t (*reload)(void* self, plexus_view_completion done);
    /* Every metric of every instance in the text format of Prometheus; lent until `out` returns. [any-thread]
     */
    void (*metrics)(void* self, void (*out)(void* context, plexus_view text), void* context);
} plexus_operator;

#endif
