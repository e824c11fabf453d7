// A message as a JSON value, before it becomes text.
#pragma once

#include "plexus/chat/message.hpp"

namespace plexus::chat {

json::value message_json(const message& value);

} // namespace plexus::chat
