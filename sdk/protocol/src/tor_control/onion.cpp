#include "plexus/tor_control/onion.hpp"

#include "plexus/crypto/hash.hpp"
#include "plexus/encoding/base32.hpp"
#include "plexus/encoding/base64.hpp"

namespace plexus::tor_control {
namespace {

constexpr std::string_view suffix = ".onion";
constexpr std::size_t name_size = 56; ///< of the public key, two bytes of checksum and the version
constexpr std::uint8_t version = 3;

/// With zeros up to 32 bytes.
constexpr std::string_view file_tag = "== ed25519v1-secret: type0 ==";
constexpr std::size_t file_tag_size = 32;
constexpr std::size_t expanded_size = 64;

constexpr std::string_view client_prefix = "descriptor:x25519:";
constexpr std::size_t client_key_size = 32;

secret_bytes line_of(std::initializer_list<bytes_view> parts) {
    std::size_t size = 0;
    for (const auto& part : parts) size += part.size();
    secret_bytes out(size);
    auto* at = out.data();
    for (const auto& part : parts) at = std::copy(part.begin(), part.end(), at);
    return out;
}

/// base64_encode gives a string, which is wiped here once it has been copied.
secret_bytes secret_base64(bytes_view data) {
    std::string text = encoding::base64_encode(data);
    secret_bytes out(as_bytes(text));
    wipe(text.data(), text.size());
    return out;
}

} // namespace

std::string onion_host(std::span<const std::uint8_t, 32> public_key) {
    const auto sum = crypto::sha3_256(concat({as_bytes(".onion checksum"), public_key, {{version}}}));
    bytes all = to_bytes(bytes_view(public_key));
    all.insert(all.end(), {sum[0], sum[1], version});
    return encoding::base32_encode(all) + std::string(suffix);
}

bool is_onion_host(std::string_view host) {
    if (!host.ends_with(suffix)) return false;
    host.remove_suffix(suffix.size());
    if (const auto dot = host.rfind('.'); dot != std::string_view::npos) host.remove_prefix(dot + 1);
    const auto all = encoding::base32_decode(host);
    if (host.size() != name_size || !all) return false;
    const std::span<const std::uint8_t, 32> key(all->data(), 32);
    return encoding::base32_decode(onion_host(key).substr(0, name_size)) == all;
}

onion_key onion_key::generate(crypto::random_source& random) {
    const auto key = crypto::expand_ed25519(random.secret<32>());
    return onion_key(key, onion_host(*crypto::ed25519_public_of(key)));
}

std::optional<onion_key> onion_key::parse_file(bytes_view content) {
    if (content.size() != file_tag_size + expanded_size) return std::nullopt;
    if (!as_text(content).starts_with(file_tag)) return std::nullopt;
    const auto zeros = content.subspan(file_tag.size(), file_tag_size - file_tag.size());
    if (std::any_of(zeros.begin(), zeros.end(), [](std::uint8_t each) { return each != 0; }))
        return std::nullopt;
    const crypto::expanded_key key(content.subspan(file_tag_size).first<expanded_size>());
    const auto point = crypto::ed25519_public_of(key);
    if (!point) return std::nullopt;
    return onion_key(key, onion_host(*point));
}

secret_bytes onion_key::file() const {
    const std::array<std::uint8_t, file_tag_size - file_tag.size()> zeros{};
    return line_of({as_bytes(file_tag), zeros, expanded_});
}

std::optional<std::string> parse_authorized_client(std::string_view line) {
    if (!line.starts_with(client_prefix)) return std::nullopt;
    line.remove_prefix(client_prefix.size());
    const auto key = encoding::base32_decode(line);
    if (!key || key->size() != client_key_size) return std::nullopt;
    return encoding::base32_encode(*key);
}

secret_bytes add_onion(const onion_key& key, const std::vector<onion_port>& ports,
                       const std::vector<std::string>& clients) {
    const auto secret = secret_base64(key.expanded());
    std::string rest = clients.empty() ? " Flags=DiscardPK" : " Flags=DiscardPK,V3Auth";
    for (const auto& port : ports) rest += " Port=" + std::to_string(port.shown) + "," + port.target;
    for (const auto& client : clients) rest += " ClientAuthV3=" + client;
    return line_of({as_bytes("ADD_ONION ED25519-V3:"), secret, as_bytes(rest), as_bytes("\r\n")});
}

std::string delete_onion(std::string_view host) {
    if (host.ends_with(suffix)) host.remove_suffix(suffix.size());
    return "DEL_ONION " + std::string(host);
}

std::optional<secret_bytes> add_client_key(std::string_view line) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) return std::nullopt;
    auto name = line.substr(0, colon);
    line.remove_prefix(colon + 1);
    if (name.ends_with(suffix)) name.remove_suffix(suffix.size());
    if (name.size() != name_size || !is_onion_host(std::string(name) + std::string(suffix)))
        return std::nullopt;
    if (!line.starts_with(client_prefix)) return std::nullopt;
    line.remove_prefix(client_prefix.size());
    auto raw = encoding::base32_decode(line);
    if (!raw || raw->size() != client_key_size) return std::nullopt;
    const auto secret = secret_base64(*raw);
    wipe(raw->data(), raw->size());
    const std::string begin = "ONION_CLIENT_AUTH_ADD " + std::string(name) + " x25519:";
    return line_of({as_bytes(begin), secret, as_bytes("\r\n")});
}

} // namespace plexus::tor_control
