// plexus.resolver/1 for one instance: numeric addresses at once, names through the loop, .onion never.
#pragma once

#include "plexus/abi/host.h"
#include "plexus/kernel/loop_backend.hpp"

namespace plexus::kernel {

class host_resolver {
  public:
    host_resolver(loop_backend& loop, activity& owner);

    plexus_resolver table{};

  private:
    struct operation;
    using completion = void (*)(void* context, std::int32_t status, const plexus_error* error,
                                const plexus_address* addresses, std::uint32_t count);
    std::int32_t resolve(plexus_view host, std::uint32_t port, completion done, void* context,
                         plexus_operation** out);

    loop_backend& loop_;
    activity& owner_;
};

} // namespace plexus::kernel
