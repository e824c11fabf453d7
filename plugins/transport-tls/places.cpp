#include "places.hpp"

#include <netinet/in.h>

#include <cstring>

namespace plexus::transport_tls {

source source_of(const sockaddr_storage& address) noexcept {
    source out{};
    if (address.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
        std::memcpy(out.data(), &v4.sin_addr, 4);
    } else if (address.ss_family == AF_INET6) {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(&v6))
            std::memcpy(out.data(), v6.s6_addr + 12, 4);
        else
            std::memcpy(out.data(), v6.s6_addr, out.size());
    }
    return out;
}

std::optional<slot> places::take(const source& from) {
    if (taken_.fetch_add(1) >= most_ && most_ != 0) {
        taken_.fetch_sub(1);
        return std::nullopt;
    }
    if (most_of_one_ != 0) {
        const std::scoped_lock lock(mutex_);
        auto& count = by_source_[from];
        if (count >= most_of_one_) {
            taken_.fetch_sub(1);
            return std::nullopt;
        }
        ++count;
    }
    return slot(shared_from_this(), from);
}

void places::give_back(const source& from) {
    taken_.fetch_sub(1);
    if (most_of_one_ == 0) return;
    const std::scoped_lock lock(mutex_);
    const auto found = by_source_.find(from);
    if (--found->second == 0) by_source_.erase(found);
}

} // namespace plexus::transport_tls
