// What stands for the TLS handshake in the simulation: two frames and a last byte, which agree on ALPN and a
// channel binding and show the server's certificates. Nothing is secret there.
#pragma once

#include "sim_stream.hpp"

namespace plexus::transport_sim {

struct client_hello {
    std::string server; ///< for messages
    bytes nonce;        ///< 32 bytes
    std::vector<std::string> alpn;
    std::string server_name;
    bytes key_hash;
};

/// Errors as transport-tls gives them: IDENTITY, PROTOCOL, or what broke the stream.
task<result<facts>> shake_as_client(stream& with, client_hello hello);

struct server_hello {
    bytes nonce;
    std::vector<std::string> alpn; ///< accepted, the preferred first
    std::shared_ptr<const certificates> chain;
};

task<result<facts>> shake_as_server(stream& with, server_hello hello);

/// The certificates of a PEM text, the leaf first.
result<certificates> read_chain(std::string_view pem);

} // namespace plexus::transport_sim
