// Somebody who attacks the server, in a process of its own: floods, clients that never finish what they
// begin, a client that does not read. The workload `attack` measures what others notice of it.
#pragma once

#include "options.hpp"

#include <array>

namespace plexus::bench {

enum class attack_kind : unsigned char {
    new_queues, ///< creates queues and deletes them, as fast as it can
    signatures, ///< subscribes to a queue with the wrong key
    proxied,    ///< asks the server to connect to servers that are not there
    half_open,  ///< connections without a byte of TLS
    slow,       ///< TLS, and then a byte of the hello now and then
    deaf,       ///< subscribes to full queues again and again, and reads nothing
};
inline constexpr std::array<const char*, 6> attack_names{"new",       "signatures", "proxied",
                                                         "half-open", "slow",       "deaf"};

class attacker {
  public:
    /// Forks; the attack runs at low priority, as from another machine.
    attacker(attack_kind kind, const target& to, const options& with);
    attacker(const attacker&) = delete;
    attacker& operator=(const attacker&) = delete;
    /// Ends it.
    ~attacker();

    /// Waits until the attack is under way. Error: it failed, or it takes too long.
    result<void> wait_until_under_way() const;

  private:
    pid_t pid_ = -1;
    int says_ = -1;  ///< gives a byte when the attack is under way
    int holds_ = -1; ///< the attack lasts until this is closed
};

} // namespace plexus::bench
