// libsodium chooses its fast implementations in sodium_init; whoever uses one of them asks for that first.
#pragma once

#include "plexus/bytes.hpp"

namespace plexus::crypto {

/// Cheap after the first call; safe from any thread.
void prepare_sodium() noexcept;

/// Where the bytes are: never null, which libsodium's declarations forbid even where there are no bytes.
inline const std::uint8_t* sodium_data(bytes_view data) noexcept {
    static constexpr std::uint8_t nowhere = 0;
    return data.empty() ? &nowhere : data.data();
}

} // namespace plexus::crypto
