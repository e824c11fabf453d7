/* DRAFT plexus.deployments/1: what the host offers to a running command, and to nobody else: what a
 * configuration says of the command's plugin, and the services that it is wired to there. Used by backup,
 * import and their like. */
#ifndef PLEXUS_ABI_DRAFT_DEPLOYMENT_H
#define PLEXUS_ABI_DRAFT_DEPLOYMENT_H

#include "plexus/abi/host.h"

#define PLEXUS_DEPLOYMENTS_ID "plexus.deployments/1"

typedef struct plexus_deployment plexus_deployment;

typedef struct plexus_deployments {
    plexus_service service;
    /* Reads and checks a TOML file, or the plexus.toml of a folder. Nothing is created. [loader] */
    int32_t (*open)(void* self, plexus_view path, plexus_deployment** deployment, plexus_error** error);
    /* The section of the index-th instance of the command's plugin, and the instance's name; NULL behind the
     * last. Both live as long as the deployment. [loader] */
    const plexus_config* (*config)(plexus_deployment* deployment, uint32_t index, plexus_view* name);
    /* Starts, in this process, what provides the service to the first instance of the command's plugin, and
     * what that requires; once for a deployment. [loader] */
    int32_t (*start)(plexus_deployment* deployment, const char* id, const plexus_service** service,
                     plexus_error** error);
    /* Runs the task on shard 0 of what was started. [any-thread] */
    int32_t (*post)(plexus_deployment* deployment, plexus_task task);
    /* Stops what was started. [loader] */
    void (*close)(plexus_deployment* deployment);
} plexus_deployments;

#endif
