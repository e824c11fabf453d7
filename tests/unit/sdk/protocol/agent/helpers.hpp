// Values that several tests of this folder read from the golden vectors.
#pragma once

#include "vectors.hpp"

#include "plexus/agent/queue.hpp"
#include "plexus/crypto/keys.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

namespace plexus::test {

inline constexpr const char* agent_file = "agent.json";

inline crypto::public_key key_from_raw(crypto::key_type type, bytes_view raw) {
    return crypto::public_key::from_raw(type, raw).value();
}
inline crypto::private_key private_from_raw(crypto::key_type type, bytes_view raw) {
    return crypto::private_key::from_raw(type, raw).value();
}
inline crypto::public_key key_from_spki(std::string_view hex_text) {
    return crypto::public_key::from_spki(unhex(hex_text)).value();
}
inline smp::server_address server(std::string_view text) { return smp::parse_server_address(text).value(); }

template <typename T>
bytes encoded(const T& value) {
    bytes out;
    encoding::writer writer(out);
    write(writer, value);
    return out;
}

/// `v` of a vector: one version or [least, most].
inline agent::version_range versions(const boost::json::value& v) {
    const auto number = [](const boost::json::value& n) { return static_cast<std::uint16_t>(n.as_int64()); };
    if (v.is_array()) return {number(v.as_array()[0]), number(v.as_array()[1])};
    return {number(v), number(v)};
}

/// A queue's server, id, key and mode, as the vectors write them.
inline agent::queue_address queue_address(const boost::json::object& v) {
    agent::queue_address out;
    out.server = server(text_field(v, "server"));
    out.sender_id = hex_field(v, "queueId");
    out.dh_key = key_from_raw(crypto::key_type::x25519, hex_field(v, "dh"));
    if (!is_null(v, "mode"))
        out.mode = text_field(v, "mode") == "M" ? agent::queue_mode::messaging : agent::queue_mode::contact;
    return out;
}
inline agent::queue_uri queue_uri(const boost::json::object& v) {
    return {versions(v.at("v")), queue_address(v)};
}
inline agent::queue_info queue_info(const boost::json::object& v) {
    return {versions(v.at("v")).min, queue_address(v)};
}

} // namespace plexus::test
