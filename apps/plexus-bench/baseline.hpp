// What the work of a message, a handshake or a subscription costs without a server: the cryptography that
// the protocol asks for, and OpenSSL alone. Measured in the run whose figures it stands beside.
#pragma once

#include "tls_peer.hpp"

namespace plexus::bench {

// All in microseconds of one thread's CPU time; `count` is how often it is done.

/// Two authorizations (of SEND and ACK), five block boxes with their keys, one body box.
double message_crypto_us(int count, std::size_t body_size, crypto::key_type authorization);
/// The five blocks of a message over two TLS connections without a protocol, the server's side.
double message_echo_us(int count);
/// One TLS handshake of OpenSSL, accepted and closed, the server's side.
double handshake_us(int count, key_group group, crypto::key_type certificates, int chain_length);
/// The same without the client's Finished, by which it ends (tls_peer::connect_and_leave).
double left_handshake_us(int count, key_group group, crypto::key_type certificates, int chain_length);
/// What SMP's hello asks of the server after TLS: a key, signed with that of its certificate, and the
/// agreement with the client's.
double hello_crypto_us(int count, crypto::key_type certificates);
/// Checking the authorization of a SUB.
double authorization_check_us(int count, crypto::key_type authorization);

} // namespace plexus::bench
