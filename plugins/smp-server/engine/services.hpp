// Services: clients with a certificate of their own, for whom many queues' messages or notifications come.
// Who one is and what the store has of it. Used by the engine, by the server that admits them, and by import
// and export.
#pragma once

#include "ids.hpp"

#include "plexus/smp/server.hpp"

#include <atomic>
#include <memory>

namespace plexus::smp_server {

/// What the store has of a service, from its first queue on.
struct service_record {
    smp::service_role role = smp::service_role::messaging;
    smp::key_hash fingerprint{}; ///< of its identity certificate
    std::int64_t created = 0;    ///< Unix time
    std::vector<bytes> chain;    ///< DER, the leaf first
};
bytes encode(const service_record& value);
std::optional<service_record> decode_service(bytes_view data);

/// The id of a service that is not in the store. It is the same each time, so that a service without queues
/// leaves nothing behind: ids are given to whoever has a certificate.
identifier new_service_id(const smp::key_hash& server, smp::service_role role,
                          const smp::key_hash& fingerprint);

/// A service that has proved in the handshake who it is; shared by shards.
struct service {
    identifier id{};
    service_record record;
    mutable std::atomic<bool> recorded{false}; ///< the store knows it
};
using service_ptr = std::shared_ptr<const service>;

/// Rows of smp.served: a service's queue, by its recipient id, or notifier.
bytes served_key(const identifier& service_id, bytes_view entity);
/// The first key after those of the service.
bytes served_end(const identifier& service_id);

} // namespace plexus::smp_server
