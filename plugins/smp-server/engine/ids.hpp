// Names of the server's things: short byte strings of the protocol held without the heap, connections, and
// the shard that owns a queue.
#pragma once

#include "plexus/smp/types.hpp"

#include <functional>

namespace plexus::smp_server {

using smp::identifier;

/// A byte string of up to 255 bytes, as correlation and entity ids are.
class short_id {
  public:
    short_id() noexcept : size_(0) {}
    explicit short_id(bytes_view from) noexcept : size_(static_cast<std::uint8_t>(from.size())) {
        std::copy_n(from.begin(), size_, data_.begin());
    }
    short_id(const short_id& other) noexcept : short_id(other.view()) {}
    short_id& operator=(const short_id& other) noexcept {
        if (this != &other) {
            size_ = other.size_;
            std::copy_n(other.data_.begin(), size_, data_.begin());
        }
        return *this;
    }

    bytes_view view() const noexcept { return bytes_view(data_).first(size_); }
    operator bytes_view() const noexcept { return view(); }

  private:
    std::uint8_t size_;
    std::array<std::uint8_t, 255> data_;
};

/// Of the whole server, never used twice.
struct connection_id {
    std::uint32_t shard = 0;
    std::uint64_t number = 0;

    friend bool operator==(const connection_id&, const connection_id&) = default;
};

/// Where an answer goes, and what it answers. An event answers nothing, and has no correlation id.
struct reply_to {
    connection_id connection;
    smp::version version = 0;
    bool event = false;
    bool proxied = false;      ///< it answers PRXY or PFWD
    std::uint8_t checks = 1;   ///< of an AUTH: how many keys were tried
    std::uint64_t relayed = 0; ///< the connection's number of a command that a proxy forwarded; 0: it did not
    short_id correlation;
    short_id entity;
};

inline std::uint64_t number_of(const identifier& id) noexcept {
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < sizeof out; ++i) out = out << 8 | id[i];
    return out;
}
/// Ids are random, so their bytes spread queues evenly.
inline std::uint32_t owner_of(const identifier& recipient_id, std::uint32_t shards) noexcept {
    return static_cast<std::uint32_t>(number_of(recipient_id) % shards);
}
inline std::optional<identifier> to_identifier(bytes_view data) noexcept {
    identifier out;
    if (data.size() != out.size()) return std::nullopt;
    std::copy(data.begin(), data.end(), out.begin());
    return out;
}

struct hash_identifier {
    std::size_t operator()(const identifier& id) const noexcept { return number_of(id); }
};
struct hash_connection {
    std::size_t operator()(const connection_id& id) const noexcept {
        return std::hash<std::uint64_t>()(id.number * 64 + id.shard);
    }
};

} // namespace plexus::smp_server
