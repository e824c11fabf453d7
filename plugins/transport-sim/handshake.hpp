// What stands for the TLS handshake in the simulation: two frames and a last byte, which agree on ALPN and a
// channel binding and show the certificates of the server, and of a client that has some. Nothing is secret
// there, and nobody proves that a certificate is its own.
#pragma once

#include "sim_stream.hpp"

namespace plexus::transport_sim {

struct client_hello {
    std::string server; ///< for messages
    bytes nonce;        ///< 32 bytes
    std::vector<std::string> alpn;
    std::string server_name;
    bytes key_hash;
    certificates chain; ///< the client's own, to show if it is asked; or none
};

/// Errors as transport-tls gives them: IDENTITY, PROTOCOL, or what broke the stream.
task<result<facts>> shake_as_client(stream& with, client_hello hello);

struct server_hello {
    bytes nonce;
    std::vector<std::string> alpn; ///< accepted, the preferred first
    std::shared_ptr<const certificates> chain;
    bool asks_certificate = false;
};

task<result<facts>> shake_as_server(stream& with, server_hello hello);

/// The certificates of a PEM text, the leaf first: `least` to 4.
result<certificates> read_chain(std::string_view pem, std::size_t least);

} // namespace plexus::transport_sim
