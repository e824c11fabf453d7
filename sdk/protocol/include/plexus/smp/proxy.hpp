// Private routing (simplex-messaging.md, Proxy): a client's transmission travels through a proxy to a relay
// in two layers of encryption, its response back in two more.
#pragma once

#include "plexus/crypto/box.hpp"
#include "plexus/smp/errors.hpp"
#include "plexus/smp/types.hpp"

namespace plexus::smp {

/// What the proxy wraps into RFWD.
struct forwarded_transmission {
    bytes_view correlation_id; ///< the client's
    version relay_version = 0;
    crypto::public_key key; ///< the client's, for this command alone
    bytes_view transmission;
};
void write(encoding::writer& out, const forwarded_transmission& value);
/// Error: failure::syntax.
result<forwarded_transmission> parse_forwarded_transmission(bytes_view data);

struct forwarded_response {
    bytes_view correlation_id; ///< the client's
    bytes_view response;
};
void write(encoding::writer& out, const forwarded_response& value);
result<forwarded_response> parse_forwarded_response(bytes_view data);

/// Between client and relay: a block's content, padded to 16,226. The key agrees the client's command key
/// with the relay's session key. Errors of opening: those of crypto::open_padded.
result<bytes> seal_proxied_command(const crypto::box_key& key, bytes_view correlation_id, bytes_view content);
result<bytes> open_proxied_command(const crypto::box_key& key, bytes_view correlation_id,
                                   bytes_view encrypted);
result<bytes> seal_proxied_response(const crypto::box_key& key, bytes_view correlation_id,
                                    bytes_view content);
result<bytes> open_proxied_response(const crypto::box_key& key, bytes_view correlation_id,
                                    bytes_view encrypted);

/// Between proxy and relay, not padded. The key is that of their session.
bytes seal_forwarded(const crypto::box_key& key, bytes_view correlation_id, bytes_view content);
result<bytes> open_forwarded(const crypto::box_key& key, bytes_view correlation_id, bytes_view encrypted);
bytes seal_forwarded_response(const crypto::box_key& key, bytes_view correlation_id, bytes_view content);
result<bytes> open_forwarded_response(const crypto::box_key& key, bytes_view correlation_id,
                                      bytes_view encrypted);

} // namespace plexus::smp
