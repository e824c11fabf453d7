// Onion services, version 3: their keys and names, who may connect, and the commands that publish them. Used
// by transport-tor, and by smp-server's init, which makes the key. Source: rend-spec-v3 1.2, 6 and A.1;
// control-spec ADD_ONION, DEL_ONION, ONION_CLIENT_AUTH_ADD.
#pragma once

#include "plexus/crypto/expanded_key.hpp"
#include "plexus/crypto/random.hpp"
#include "plexus/tor_control/reply.hpp"

namespace plexus::tor_control {

/// The secret that a name stands for. Its file has the form of tor's own hs_ed25519_secret_key, so that a
/// service can move from one to the other.
class onion_key {
  public:
    static onion_key generate(crypto::random_source& random);
    static std::optional<onion_key> parse_file(bytes_view content);
    secret_bytes file() const;

    /// 56 letters and digits, then ".onion".
    const std::string& host() const noexcept { return host_; }
    bytes_view expanded() const noexcept { return expanded_; }

  private:
    onion_key(const crypto::expanded_key& key, std::string host) : expanded_(key), host_(std::move(host)) {}
    crypto::expanded_key expanded_;
    std::string host_;
};

/// The name that a public key has.
std::string onion_host(std::span<const std::uint8_t, 32> public_key);
/// True for a name with version 3, the right checksum and nothing before it but subdomains.
bool is_onion_host(std::string_view host);

/// A client that may connect: "descriptor:x25519:" and 52 letters and digits, as in tor's authorized_clients.
/// Gives these 52.
std::optional<std::string> parse_authorized_client(std::string_view line);

struct onion_port {
    std::uint16_t shown = 0; ///< that clients connect to
    std::string target;      ///< "127.0.0.1:5223"
};
/// The service lives as long as the control connection. `clients` as parse_authorized_client gives them;
/// none: whoever knows the name may connect.
secret_bytes add_onion(const onion_key& key, const std::vector<onion_port>& ports,
                       const std::vector<std::string>& clients);
std::string delete_onion(std::string_view host);

/// A key with which we may connect, "NAME.onion:descriptor:x25519:KEY", as in tor's .auth_private with or
/// without
/// ".onion": the command that tells tor. Nothing if it is no such line.
std::optional<secret_bytes> add_client_key(std::string_view line);

} // namespace plexus::tor_control
