#include "plexus/socks/proxy_address.hpp"

#include "plexus/crypto/hash.hpp"
#include "plexus/encoding/base64.hpp"
#include "plexus/encoding/text.hpp"

#include <algorithm>

namespace plexus::socks {
namespace {

constexpr std::string_view unix_prefix = "unix:"; // and a path, which begins with /

constexpr std::size_t path_most = 107; // of sockaddr_un
constexpr std::size_t field_most = 255;

bool is_unix(std::string_view text) noexcept { return text.starts_with("unix:/"); }

error malformed(const std::string& what) {
    return make_error(failure::address,
                      what + ": a SOCKS5 proxy is [USER:PASSWORD@]HOST:PORT, @HOST:PORT for one "
                             "without authentication, unix:/PATH, or off");
}

result<void> take_credentials(std::string_view& text, proxy_address& out) {
    if (is_unix(text)) return {};
    if (text.starts_with('@')) {
        out.how = authentication::none;
        text.remove_prefix(1);
        return {};
    }
    const auto at = text.rfind('@');
    if (at == text.npos) return {};
    const auto colon = text.find(':');
    if (colon > at) return malformed("a user name without a password");
    out.how = authentication::password;
    const auto user = text.substr(0, colon);
    const auto password = text.substr(colon + 1, at - colon - 1);
    if (user.size() > field_most || password.size() > field_most)
        return malformed("a user name and a password have at most 255 bytes");
    if (user.starts_with("<torS0X>"))
        return malformed("user names that begin with \"<torS0X>\" are reserved by tor");
    out.given = {secret_bytes(as_bytes(user)), secret_bytes(as_bytes(password))};
    text.remove_prefix(at + 1);
    return {};
}

result<void> take_place(std::string_view text, proxy_address& out) {
    if (is_unix(text)) {
        text.remove_prefix(unix_prefix.size());
        if (text.size() > path_most || text.find('\0') != text.npos)
            return malformed("the path of a socket has at most 107 bytes");
        out.path = text;
        out.host.clear();
        out.port = 0;
        return {};
    }
    if (auto host = encoding::take_host(text)) {
        if (host->kind == encoding::host_kind::onion) return malformed("a proxy has no .onion name");
        out.host = std::move(host->name);
        const bool plain =
            std::all_of(out.host.begin(), out.host.end(), [](char c) { return c > ' ' && c < '\x7f'; });
        if (!plain || out.host.size() > field_most) return malformed("a host that is none");
    }
    if (text.empty()) return {};
    if (!text.starts_with(':')) return malformed("\"" + std::string(text) + "\" behind the host");
    const auto port = encoding::parse_decimal(text.substr(1), 65535);
    if (!port || *port == 0) return malformed("a port is a number from 1 to 65535");
    out.port = static_cast<std::uint16_t>(*port);
    return {};
}

} // namespace

result<std::optional<proxy_address>> parse_proxy_address(std::string_view text) {
    if (text == "off") return std::optional<proxy_address>();
    proxy_address out;
    if (text == "on") return std::optional(std::move(out));
    if (text.empty()) return malformed("an empty address");
    PLEXUS_CHECK(take_credentials(text, out));
    PLEXUS_CHECK(take_place(text, out));
    return std::optional(std::move(out));
}

std::string to_text(const proxy_address& address) {
    std::string out = address.how == authentication::isolate ? ""
                      : address.how == authentication::none  ? "@"
                                                             : "***@";
    if (!address.path.empty()) return out + std::string(unix_prefix) + address.path;
    const bool six = address.host.find(':') != std::string::npos;
    out += six ? "[" + address.host + "]" : address.host;
    return out + ":" + std::to_string(address.port);
}

std::optional<credentials> credentials_for(const proxy_address& proxy, bytes_view isolation,
                                           bytes_view generation) {
    switch (proxy.how) {
    case authentication::none: return std::nullopt;
    case authentication::password: return proxy.given;
    case authentication::isolate: break;
    }
    const auto digest =
        generation.empty() ? crypto::sha256(isolation) : crypto::sha256({isolation, generation});
    return credentials{secret_bytes(as_bytes(encoding::base64_encode(digest))), {}};
}

} // namespace plexus::socks
