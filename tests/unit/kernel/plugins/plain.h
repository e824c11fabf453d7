/* A plugin that does nothing, in plain C. A file of this folder defines what is different about it, then
 * includes this. */
#ifndef PLEXUS_TEST_PLAIN_H
#define PLEXUS_TEST_PLAIN_H

#include <stdlib.h>
#include <string.h>

#include "plexus/abi/host.h"
#include "plexus/abi/plugin.h"

#ifndef PLAIN_ID
#error "define PLAIN_ID"
#endif
#ifndef PLAIN_VERSION
#define PLAIN_VERSION "1.0.0"
#endif
#ifndef PLAIN_ABI_MAJOR
#define PLAIN_ABI_MAJOR PLEXUS_ABI_MAJOR
#endif
#ifndef PLAIN_ABI_LEAST_MINOR
#define PLAIN_ABI_LEAST_MINOR 0
#endif
#ifndef PLAIN_SIZE
#define PLAIN_SIZE sizeof(plexus_descriptor)
#endif
#ifndef PLAIN_STOP
#define PLAIN_STOP plain_later
#endif
#ifndef PLAIN_CREATE
#define PLAIN_CREATE plain_create
#endif

typedef struct plain {
    plexus_plugin plugin;
    plexus_service service;
    const plexus_host* host;
    plexus_completion done;
} plain;

static void plain_complete(void* context) {
    plain* self = (plain*)context;
    self->done.done(self->done.context, PLEXUS_OK, NULL);
}

static int32_t plain_later(void* context, plexus_completion done) {
    plain* self = (plain*)context;
    const plexus_loop* loop = (const plexus_loop*)self->host->get_service(self->host, PLEXUS_LOOP_ID);
    const plexus_task task = {plain_complete, self};
    self->done = done;
    return loop->post(loop->service.self, 0, task);
}

/* A stop that never completes. */
static inline int32_t plain_never(void* context, plexus_completion done) {
    (void)context;
    (void)done;
    return PLEXUS_OK;
}

static int32_t plain_init(void* context, plexus_error** error) {
    (void)context;
    (void)error;
    return PLEXUS_OK;
}

static void plain_destroy(void* context) { free(context); }

static const plexus_service* plain_service(void* context, const char* id) {
    (void)id;
    return &((plain*)context)->service;
}

static inline int32_t plain_create(const plexus_host* host, const plexus_plugin** out, plexus_error** error) {
    plain* self = (plain*)calloc(1, sizeof *self);
    (void)error;
    if (self == NULL) return PLEXUS_E_MEMORY;
    self->plugin.size = sizeof self->plugin;
    self->plugin.self = self;
    self->plugin.init = plain_init;
    self->plugin.start = plain_later;
    self->plugin.stop = PLAIN_STOP;
    self->plugin.destroy = plain_destroy;
    self->plugin.get_service = plain_service;
    self->service.size = sizeof self->service;
    self->service.self = self;
    self->host = host;
    *out = &self->plugin;
    return PLEXUS_OK;
}

#ifdef PLAIN_PROVIDES
static const char* const plain_provides[] = {PLAIN_PROVIDES, NULL};
#else
#define plain_provides NULL
#endif
#ifdef PLAIN_REQUIRES
static const char* const plain_requires[] = {PLAIN_REQUIRES, NULL};
#else
#define plain_requires NULL
#endif
#ifdef PLAIN_USES
static const char* const plain_uses[] = {PLAIN_USES, NULL};
#else
#define plain_uses NULL
#endif
#ifdef PLAIN_CAPABILITIES
static const char* const plain_capabilities[] = {PLAIN_CAPABILITIES, NULL};
#else
#define plain_capabilities NULL
#endif
#ifdef PLAIN_KEYS
static const plexus_key plain_keys[] = {PLAIN_KEYS};
#define PLAIN_KEY_COUNT (sizeof plain_keys / sizeof plain_keys[0])
#else
#define plain_keys NULL
#define PLAIN_KEY_COUNT 0
#endif

static const plexus_descriptor plain_descriptor = {
    .size = PLAIN_SIZE,
    .abi_major = PLAIN_ABI_MAJOR,
    .abi_minor = PLEXUS_ABI_MINOR,
    .abi_least_minor = PLAIN_ABI_LEAST_MINOR,
    .id = PLAIN_ID,
    .version = PLAIN_VERSION,
    .summary = "A plugin of the tests",
    .vendor = "Plexus",
    .capabilities = plain_capabilities,
    .provides = plain_provides,
    .requires_ = plain_requires,
    .uses = plain_uses,
    .keys = plain_keys,
    .key_count = PLAIN_KEY_COUNT,
    .create = PLAIN_CREATE,
};

PLEXUS_EXPORT const plexus_descriptor* plexus_plugin_entry(void);
const plexus_descriptor* plexus_plugin_entry(void) { return &plain_descriptor; }

#endif
