// Hellos, certificates and signed keys of a hostile peer, and the address that a person types.
#include "plexus/smp/address.hpp"
#include "plexus/smp/certificates.hpp"
#include "plexus/smp/handshake.hpp"

#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace plexus;
    const bytes_view input(data, size);
    static_cast<void>(smp::parse_client_hello(input));
    static_cast<void>(smp::parse_service_hello(input));
    if (const auto hello = smp::parse_server_hello(input)) {
        if (hello->key) {
            const auto leaf = smp::certificate_key(hello->key->chain.front());
            if (leaf) static_cast<void>(smp::verify_server_key(*hello->key, smp::key_hash{}, *leaf));
            if (leaf) static_cast<void>(smp::verify_session_key(*leaf, hello->key->signed_key));
        }
    }
    if (const auto address = smp::parse_server_address(as_text(input))) {
        const auto again = smp::parse_server_address(smp::to_text(*address));
        if (!again || !(*again == *address)) std::abort();
    }
    return 0;
}
