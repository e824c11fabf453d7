#include "plexus/crypto/hash.hpp"
#include "plexus/smp/types.hpp"

namespace plexus::smp {
namespace {

void mix(std::array<std::uint8_t, 16>& into, const std::array<std::uint8_t, 16>& other) {
    for (std::size_t i = 0; i < into.size(); ++i) into[i] ^= other[i];
}

} // namespace

void service_queues::add(bytes_view id) {
    ++count;
    mix(hash, crypto::md5(id));
}
void service_queues::remove(bytes_view id) {
    --count;
    mix(hash, crypto::md5(id));
}
void service_queues::add(const service_queues& others) {
    count += others.count;
    mix(hash, others.hash);
}

} // namespace plexus::smp
