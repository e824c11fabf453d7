/* DRAFT plexus.chat/0: the messenger as one service: command text in, JSON out, with the shapes of the
 * official bot API. Every user interface is a view on it. A draft changes without a new id until two users of
 * it exist. */
#ifndef PLEXUS_ABI_DRAFT_CHAT_H
#define PLEXUS_ABI_DRAFT_CHAT_H

#include "plexus/abi/base.h"

#define PLEXUS_CHAT_ID "plexus.chat/0"

typedef struct plexus_chat_receiver plexus_chat_receiver;

typedef struct plexus_chat {
    plexus_service service;
    /* Runs one command, for example "@ann hello"; the value is one JSON object, {"type": ..., ...}. A command
     * that fails completes with OK and {"type":"chatCmdError", ...}. [shard 0] */
    int32_t (*command)(void* self, plexus_view text, plexus_view_completion done);
    /* Events as JSON objects of the same kind, in order, on shard 0. [shard 0] */
    int32_t (*subscribe)(void* self, void (*event)(void* context, plexus_view json), void* context,
                         plexus_chat_receiver** receiver);
    void (*unsubscribe)(void* self, plexus_chat_receiver* receiver); /* [shard 0] */
} plexus_chat;

#endif
