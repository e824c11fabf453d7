#include "plexus/smp/address.hpp"

#include "plexus/encoding/base64.hpp"

namespace plexus::smp {
namespace {

error refuse(std::string_view what) {
    return make_error(failure::address,
                      "this is no server address: " + std::string(what) +
                          "; it looks like smp://FINGERPRINT@HOST or smp://FINGERPRINT:PASSWORD@HOST:PORT");
}

bool is_password_character(std::uint8_t c) noexcept {
    const bool printable = (c > 0x20 && c < 0x7f) || (c > 0xa0 && c != 0xad);
    return printable && c != '@' && c != ':' && c != '/';
}

bool take(std::string_view& text, std::string_view literal) noexcept {
    if (text.substr(0, literal.size()) != literal) return false;
    text.remove_prefix(literal.size());
    return true;
}

result<std::vector<encoding::host>> take_hosts(std::string_view& text) {
    std::vector<encoding::host> out;
    do {
        auto host = encoding::take_host(text);
        if (!host) return refuse("there is no host after '@' or ','");
        out.push_back(std::move(*host));
    } while (take(text, ","));
    return out;
}

std::string print(const server_address& address, bool with_password) {
    std::string out = "smp://" + encoding::base64url_encode(address.fingerprint);
    if (with_password && !address.password.empty()) out += ":" + std::string(as_text(address.password));
    out += "@" + encoding::to_text(address.hosts);
    if (!address.port.empty()) out += ":" + address.port;
    return out;
}

} // namespace

std::uint16_t server_address::port_number() const noexcept {
    return static_cast<std::uint16_t>(encoding::parse_decimal(port, 65'535).value_or(default_port));
}

result<server_address> take_server_address(std::string_view& text) {
    server_address out;
    if (!take(text, "smp://")) return refuse("it does not begin with smp://");
    const auto fingerprint = encoding::take_base64url(text);
    if (!fingerprint || fingerprint->size() != out.fingerprint.size())
        return refuse("the fingerprint is not the base64url of 32 bytes");
    std::copy(fingerprint->begin(), fingerprint->end(), out.fingerprint.begin());
    if (take(text, ":")) {
        const auto password = text.substr(0, text.find('@'));
        if (password.empty() || !is_password(as_bytes(password)))
            return refuse("the password has a character that it may not have, or is empty");
        out.password = secret_bytes(as_bytes(password));
        text.remove_prefix(password.size());
    }
    if (!take(text, "@")) return refuse("there is no '@' after the fingerprint");
    PLEXUS_TRY(out.hosts, take_hosts(text));
    if (take(text, ":")) {
        const auto port = encoding::take_decimal(text, 65'535);
        if (!port) return refuse("the port is not a number from 0 to 65535");
        out.port = std::to_string(*port);
    }
    return out;
}

result<server_address> parse_server_address(std::string_view text) {
    PLEXUS_TRY(auto out, take_server_address(text));
    if (!text.empty()) return refuse("after it stands \"" + std::string(text.substr(0, 20)) + "\"");
    return out;
}

std::string to_text(const server_address& address) { return print(address, true); }
std::string to_public_text(const server_address& address) { return print(address, false); }

void write(encoding::writer& out, const server_address& address) {
    out.list_count(address.hosts.size());
    for (const auto& host : address.hosts) out.short_text(host.name);
    out.short_text(address.port).short_bytes(address.fingerprint);
}

server_address read_server_address(encoding::reader& in) {
    server_address out;
    const auto count = in.non_empty_count();
    for (std::size_t i = 0; i < count && in.ok(); ++i) {
        auto host = encoding::parse_host(in.short_text());
        if (host)
            out.hosts.push_back(std::move(*host));
        else
            in.fail();
    }
    out.port = std::string(in.short_text());
    const auto hash = in.short_bytes();
    if (hash.size() == out.fingerprint.size())
        std::copy(hash.begin(), hash.end(), out.fingerprint.begin());
    else
        in.fail();
    return out;
}

bool is_password(bytes_view text) noexcept {
    return std::all_of(text.begin(), text.end(), is_password_character);
}

} // namespace plexus::smp
