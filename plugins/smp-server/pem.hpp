// PEM files of certificates and keys, read and written.
#pragma once

#include "plexus/crypto/keys.hpp"

#include <string>

namespace plexus::smp_server {

result<bytes> read_file(const std::string& path);
result<secret_bytes> read_secret_file(const std::string& path);

/// Every certificate in the text, DER. status::invalid if there is none.
result<std::vector<bytes>> certificates_of(std::string_view pem);
/// The first private key (PKCS #8).
result<crypto::private_key> private_key_of(std::string_view pem);

std::string certificate_pem(bytes_view der);
secret_bytes private_key_pem(const crypto::private_key& key);

} // namespace plexus::smp_server
