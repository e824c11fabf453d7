#include "limits.hpp"

namespace plexus::smp_server {
namespace {

constexpr std::chrono::nanoseconds between_lines = std::chrono::minutes(1);

} // namespace

bool log_limiter::may_say(log_kind kind, std::chrono::nanoseconds now, std::uint64_t& silent) noexcept {
    auto& own = kinds_[static_cast<std::size_t>(kind)];
    auto next = own.next.load();
    if (now.count() < next || !own.next.compare_exchange_strong(next, (now + between_lines).count())) {
        own.silent.fetch_add(1);
        return false;
    }
    silent = own.silent.exchange(0);
    return true;
}

} // namespace plexus::smp_server
