// libsodium chooses its fast implementations in sodium_init; whoever uses one of them asks for that first.
#pragma once

namespace plexus::crypto {

/// Cheap after the first call; safe from any thread.
void prepare_sodium() noexcept;

} // namespace plexus::crypto
