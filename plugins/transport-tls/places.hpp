// How many connections a listener has, in all and of each source address; each holds a slot.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>

struct sockaddr_storage;

namespace plexus::transport_tls {

/// An IPv4 address, or the /64 of an IPv6 one, which is what one customer has.
using source = std::array<std::uint8_t, 8>;
source source_of(const sockaddr_storage& address) noexcept;

class slot;

/// [any-thread]
class places : public std::enable_shared_from_this<places> {
  public:
    /// 0: no limit.
    places(std::uint32_t most, std::uint32_t most_of_one) : most_(most), most_of_one_(most_of_one) {}

    /// None if all are taken, or all of this source.
    std::optional<slot> take(const source& from);

  private:
    friend class slot;
    void give_back(const source& from);

    std::uint32_t most_;
    std::uint32_t most_of_one_;
    std::atomic<std::uint32_t> taken_{0};
    std::mutex mutex_; ///< of what follows, which is used only with a limit for each source
    std::map<source, std::uint32_t> by_source_;
};

/// A place among a listener's connections, free again at its end.
class slot {
  public:
    slot() = default;
    /// It was taken already.
    slot(std::shared_ptr<places> from, const source& who) : from_(std::move(from)), who_(who) {}
    slot(slot&&) noexcept = default;
    slot& operator=(slot&&) = delete;
    ~slot() {
        if (from_) from_->give_back(who_);
    }

  private:
    std::shared_ptr<places> from_;
    source who_{};
};

} // namespace plexus::transport_tls
