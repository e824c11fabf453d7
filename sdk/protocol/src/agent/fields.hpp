// Fields that several encodings of this folder share.
#pragma once

#include "plexus/agent/error.hpp"
#include "plexus/crypto/keys.hpp"
#include "plexus/encoding/reader.hpp"
#include "plexus/encoding/text.hpp"
#include "plexus/encoding/writer.hpp"

namespace plexus::agent {

/// A public key of that type as a short byte string of its DER; fails the reader.
inline crypto::public_key read_key(encoding::reader& in, crypto::key_type type) {
    auto key = crypto::public_key::from_spki(type, in.short_bytes());
    if (key) return *key;
    in.fail();
    return {};
}

/// A key that may authorize commands: any but X448.
inline crypto::public_key read_authorization_key(encoding::reader& in) {
    auto key = crypto::public_key::from_spki(in.short_bytes());
    if (key && key->type() != crypto::key_type::x448) return *key;
    in.fail();
    return {};
}

inline void write_key(encoding::writer& out, const crypto::public_key& key) { out.short_bytes(key.spki()); }

/// Whether the binary form can carry these hosts; a text may hold any.
inline bool fit_hosts(const std::vector<encoding::host>& hosts) {
    return hosts.size() <= 255 &&
           std::all_of(hosts.begin(), hosts.end(), [](const auto& host) { return host.name.size() <= 255; });
}

inline error syntax_error(std::string_view what) {
    return make_error(failure::syntax, "malformed " + std::string(what));
}

} // namespace plexus::agent
