/* DRAFT plexus.ui/0: a user interface that other plugins may ask to show a line, for example a passphrase
 * prompt or the progress of a transport. A draft changes without a new id until two users of it exist. */
#ifndef PLEXUS_ABI_DRAFT_UI_H
#define PLEXUS_ABI_DRAFT_UI_H

#include "plexus/abi/base.h"

#define PLEXUS_UI_ID "plexus.ui/0"

typedef struct plexus_ui {
    plexus_service service;
    /* Shows one line of plain text without disturbing what is being typed. [shard 0] */
    int32_t (*notice)(void* self, plexus_view text);
} plexus_ui;

#endif
