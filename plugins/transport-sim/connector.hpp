// Connecting with the simulated handshake.
#pragma once

#include "handshake.hpp"
#include "work.hpp"

namespace plexus::transport_sim {

using connected_function = void (*)(void* context, std::int32_t status, const plexus_error* error,
                                    plexus_stream* stream);

/// [shard]
result<plexus_operation*> start_connect(runtime& owner, const plexus_connect_options& options,
                                        connected_function done, void* context);

} // namespace plexus::transport_sim
