/* DRAFT plexus.agent/0: duplex connections over SMP queues, end-to-end encrypted. Used by the chat plugin. A
 * draft changes without a new id until two users of it exist. */
#ifndef PLEXUS_ABI_DRAFT_AGENT_H
#define PLEXUS_ABI_DRAFT_AGENT_H

#include "plexus/abi/base.h"

#define PLEXUS_AGENT_ID "plexus.agent/0"

/* Connections are numbers from 1, unique in a database and never reused. */

enum {
    PLEXUS_AGENT_CONFIRMATION = 1, /* creator: somebody joined; body = their connection info, id = the
                                      confirmation's; answer: allow */
    PLEXUS_AGENT_INFO = 2,         /* joiner: body = the creator's connection info */
    PLEXUS_AGENT_CONNECTED = 3,    /* messages can go both ways */
    PLEXUS_AGENT_MESSAGE =
        4, /* id = the message's, body = what was sent; comes again after a restart until acknowledged */
    PLEXUS_AGENT_SENT = 5,         /* id = the message's: its server said OK */
    PLEXUS_AGENT_SEND_FAILED = 6,  /* id = the message's: it will never be sent; status, text say why */
    PLEXUS_AGENT_RECEIPT = 7,      /* id = our message's that the peer received */
    PLEXUS_AGENT_DELETED = 8,      /* the connection is gone here and at the server */
    PLEXUS_AGENT_SERVER_UP = 9,    /* text = host: the session stands and its queues are subscribed */
    PLEXUS_AGENT_SERVER_DOWN = 10, /* text = host; text2 = why */
    PLEXUS_AGENT_ERROR = 11,       /* about a connection: status, text */
    PLEXUS_AGENT_QUOTA = 12,       /* the peer's queue is full: sending waits; status 0 when it goes on */
    PLEXUS_AGENT_JOINED = 13,      /* joiner: our connection info reached the creator's server */
    PLEXUS_AGENT_FAILED = 14       /* the connection will never stand (link used, deleted, not compatible):
                                      status, text say why; remove it */
};

enum {
    PLEXUS_INTEGRITY_OK = 0,
    PLEXUS_INTEGRITY_SKIPPED = 1, /* messages between are missing */
    PLEXUS_INTEGRITY_BAD_HASH = 2,
    PLEXUS_INTEGRITY_BAD_ID = 3,
    PLEXUS_INTEGRITY_DUPLICATE = 4
};

typedef struct plexus_agent_event {
    uint32_t size;
    uint32_t kind;
    uint64_t connection; /* 0: about no connection */
    uint64_t id;
    int32_t status;
    uint32_t integrity;
    int64_t time_ns; /* the server's time of a message, since 1970 UTC */
    plexus_view body;
    plexus_view text;
    plexus_view text2;
    /* 0: an event of this moment. Otherwise the event is stored and comes again after a restart until it is
     * acknowledged. Sequences rise and are never used twice: a receiver that stores the last one together
     * with what it made of the event handles each event exactly once. */
    uint64_t sequence;
    uint64_t tag; /* SENT, SEND_FAILED, and a RECEIPT that comes before them: what send was given, or 0 */
} plexus_agent_event;

typedef struct plexus_agent_create_options {
    uint32_t size;
    uint32_t flags;        /* 1: a short link is made beside the full one */
    plexus_view user_data; /* for the short link's data: what its owner shows before anybody joins (JSON of
                              the chat) */
} plexus_agent_create_options;

typedef struct plexus_agent_link {
    uint32_t size;
    uint32_t reserved;
    uint64_t connection;
    plexus_view full;   /* text of the full link */
    plexus_view short_; /* text of the short link, empty if there is none */
} plexus_agent_link;

typedef struct plexus_agent {
    plexus_service service;
    /* One receiver of events, called on shard 0 in order of sequence, never inside another call; stored
     * events that were not acknowledged come again first. NULL takes it away. [shard 0] */
    int32_t (*set_receiver)(void* self, void (*event)(void* context, const plexus_agent_event* event),
                            void* context);

    /* A new one-time invitation; complete when its link can be given away. [shard 0] */
    int32_t (*create)(void* self, const plexus_agent_create_options* options,
                      void (*done)(void* context, int32_t status, const plexus_error* error,
                                   const plexus_agent_link* link),
                      void* context);
    /* Looks at a link without joining or asking a server: `value` is "invitation" or "address". INVALID with
     * a sentence if the text is no link. [shard 0] */
    int32_t (*inspect)(void* self, plexus_view link, plexus_view_completion done);
    /* Joins by a full or short link, sending our connection info; complete when that is on its way or safely
     * stored. [shard 0] */
    int32_t (*join)(void* self, plexus_view link, plexus_view info,
                    void (*done)(void* context, int32_t status, const plexus_error* error,
                                 uint64_t connection),
                    void* context);
    /* Answers a confirmation with our connection info. [shard 0] */
    int32_t (*allow)(void* self, uint64_t connection, uint64_t confirmation, plexus_view info,
                     plexus_completion done);
    /* Complete, with the message's number, when it stands in the durable outbox; SENT or SEND_FAILED follows.
     * `tag` is 0 or rises with every message of the connection. One that is not above the last was taken
     * before: it completes with the number 0, and nothing is sent. So a user that stores a message before it
     * calls, and calls again after a crash, sends it once. [shard 0] */
    int32_t (*send)(void* self, uint64_t connection, uint64_t tag, uint32_t notify, plexus_view body,
                    void (*done)(void* context, int32_t status, const plexus_error* error, uint64_t id),
                    void* context);
    /* The user of the agent has stored what it made of the event of that sequence, which will not come
     * again. A message is acknowledged to its server then, which sends the next one of that connection.
     * [shard 0] */
    int32_t (*acknowledge)(void* self, uint64_t sequence, plexus_completion done);
    /* Deletes here, then at the server as soon as it answers (DELETED). `wait_sent` 1: what is in the outbox
     * goes first. [shard 0] */
    int32_t (*remove)(void* self, uint64_t connection, uint32_t wait_sent, plexus_completion done);
    /* The connection's security code, the same text on both sides; NOT_FOUND before keys are agreed.
     * [shard 0] */
    int32_t (*security_code)(void* self, uint64_t connection, plexus_view_completion done);
    /* 32 bytes for a user of the agent that encrypts what it stores itself: the same in every run of this
     * database, others for another label, and found by nobody without the database's passphrase. So that is
     * asked for, and stretched, once. [shard 0] */
    int32_t (*derive_key)(void* self, plexus_view label, plexus_span key);
} plexus_agent;

#endif
