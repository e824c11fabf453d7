// Names of the server's things: short byte strings of the protocol held without the heap, connections, and
// the shard that owns a queue.
#pragma once

#include "plexus/smp/types.hpp"

#include <functional>
#include <memory>

namespace plexus::smp_server {

using smp::identifier;

/// A byte string of up to 255 bytes, as correlation and entity ids are. Those in use have 24 or 32, and need
/// no heap.
class short_id {
  public:
    short_id() noexcept = default;
    explicit short_id(bytes_view from)
        : size_(static_cast<std::uint8_t>(from.size())),
          heap_(from.size() > most_own ? new std::uint8_t[from.size()] : nullptr) {
        std::copy(from.begin(), from.end(), heap_ ? heap_.get() : own_.data());
    }
    short_id(const short_id& other) : short_id(other.view()) {}
    short_id& operator=(const short_id& other) {
        if (this != &other) *this = short_id(other.view());
        return *this;
    }
    short_id(short_id&& other) noexcept
        : own_(other.own_), size_(std::exchange(other.size_, std::uint8_t{0})),
          heap_(std::move(other.heap_)) {}
    short_id& operator=(short_id&& other) noexcept {
        own_ = other.own_;
        size_ = std::exchange(other.size_, std::uint8_t{0});
        heap_ = std::move(other.heap_);
        return *this;
    }
    ~short_id() = default;

    bytes_view view() const noexcept { return {heap_ ? heap_.get() : own_.data(), size_}; }
    operator bytes_view() const noexcept { return view(); }

  private:
    static constexpr std::size_t most_own = 39;
    std::array<std::uint8_t, most_own> own_{};
    std::uint8_t size_ = 0;
    std::unique_ptr<std::uint8_t[]> heap_;
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
    bool own_relay = false;    ///< of a PFWD: its destination is the owner's own
    std::uint16_t checks = 1;  ///< of an AUTH: what trying keys has cost, see verify_cost
    std::uint64_t relayed = 0; ///< the connection's number of a command that a proxy forwarded; 0: it did not
    short_id correlation;
    short_id entity;
};

inline std::uint64_t number_of(const identifier& id) noexcept {
    std::uint64_t out = 0;
    for (std::size_t i = 0; i < sizeof out; ++i) out = out << 8 | id[i];
    return out;
}
/// What it costs to check an authorization of this size with one key: 1 for Ed25519 and X25519.
constexpr std::size_t verify_cost(std::size_t authorization_size) noexcept {
    constexpr std::size_t cost_of_ed448 = 4;
    return authorization_size == crypto::signature_size(crypto::key_type::ed448) ? cost_of_ed448 : 1;
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
