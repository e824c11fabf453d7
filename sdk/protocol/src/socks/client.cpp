#include "plexus/socks/client.hpp"

#include <algorithm>

namespace plexus::socks {
namespace {

constexpr std::uint8_t version = 5;
constexpr std::uint8_t password_version = 1;
constexpr std::uint8_t connect_command = 1;
enum method : std::uint8_t { no_authentication = 0, password = 2, none_acceptable = 0xff };
enum address_type : std::uint8_t { ipv4 = 1, domain = 3, ipv6 = 4 };
constexpr std::size_t field_most = 255;
constexpr std::size_t port_size = 2;
constexpr std::string_view tor_prefix = "<torS0X>"; // user names that mean something to tor

std::string hex(std::uint8_t value) {
    constexpr std::string_view digits = "0123456789abcdef";
    return {'0', 'x', digits[value >> 4U], digits[value & 15U]};
}

bool is_name(std::string_view text) noexcept {
    return !text.empty() && text.size() <= field_most &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

result<bytes> encode_request(const target& to) {
    bytes out{version, connect_command, 0};
    if (to.address.size() == 4 || to.address.size() == 16) {
        out.push_back(to.address.size() == 4 ? ipv4 : ipv6);
        out.insert(out.end(), to.address.begin(), to.address.end());
    } else if (to.address.empty() && is_name(to.name)) {
        out.push_back(domain);
        out.push_back(static_cast<std::uint8_t>(to.name.size()));
        out.insert(out.end(), to.name.begin(), to.name.end());
    } else {
        return make_error(failure::request, "a host for SOCKS is a numeric address, or a name of 1 to 255 "
                                            "printable ASCII characters");
    }
    if (to.port == 0) return make_error(failure::request, "0 is no port");
    out.push_back(static_cast<std::uint8_t>(to.port >> 8U));
    out.push_back(static_cast<std::uint8_t>(to.port & 0xffU));
    return out;
}

result<secret_bytes> encode_credentials(const credentials& with) {
    if (with.user.size() > field_most || with.password.size() > field_most)
        return make_error(failure::request, "a user name or password for SOCKS has at most 255 bytes");
    if (as_text(with.user).starts_with(tor_prefix))
        return make_error(failure::request,
                          "a user name that begins with \"<torS0X>\" is reserved by tor: take another");
    secret_bytes out(3 + with.user.size() + with.password.size());
    std::uint8_t* at = out.data();
    *at++ = password_version;
    *at++ = static_cast<std::uint8_t>(with.user.size());
    at = std::copy_n(with.user.data(), with.user.size(), at);
    *at++ = static_cast<std::uint8_t>(with.password.size());
    std::copy_n(with.password.data(), with.password.size(), at);
    return out;
}

} // namespace

result<client> client::make(const target& to, const std::optional<credentials>& with) {
    client out;
    PLEXUS_TRY(const bytes request, encode_request(to));
    out.request_ = secret_bytes(bytes_view(request));
    if (with) {
        PLEXUS_TRY(out.password_request_, encode_credentials(*with));
    }
    const std::array<std::uint8_t, 3> hello{version, 1, with ? method::password : method::no_authentication};
    out.send(secret_bytes(bytes_view(hello)));
    return out;
}

void client::send(secret_bytes what) noexcept {
    output_ = std::move(what);
    sent_ = 0;
}

void client::sent(std::size_t count) noexcept {
    sent_ = std::min(sent_ + count, output_.size());
    if (sent_ < output_.size()) return;
    output_.clear();
    sent_ = 0;
}

result<bool> client::received(bytes_view in) {
    const std::size_t count = std::min(in.size(), wanted_);
    std::copy_n(in.begin(), count, in_.begin() + static_cast<std::ptrdiff_t>(have_));
    have_ += count;
    wanted_ -= count;
    if (wanted_ != 0) return false;
    return next();
}

result<bool> client::next() {
    switch (stage_) {
    case stage::method: return after_method();
    case stage::password:
        if (in_[1] != 0)
            return make_error(failure::credentials, "the proxy refuses the user name and password");
        stage_ = stage::reply;
        send(std::move(request_));
        break;
    case stage::reply: return after_reply();
    case stage::address_type:
        have_ = 0;
        if (in_[1] == domain) {
            stage_ = stage::address_length;
            wanted_ = 1;
            return false;
        }
        if (in_[1] != ipv4 && in_[1] != ipv6)
            return make_error(failure::not_socks,
                              "the proxy answers with an address of the unknown type " + hex(in_[1]));
        stage_ = stage::address;
        wanted_ = (in_[1] == ipv4 ? 4U : 16U) + port_size;
        return false;
    case stage::address_length:
        stage_ = stage::address;
        have_ = 0;
        wanted_ = in_[0] + port_size;
        return false;
    case stage::address: return true; // where the proxy dials from, which is no matter
    }
    have_ = 0;
    wanted_ = 2;
    return false;
}

result<bool> client::after_method() {
    if (in_[0] != version)
        return make_error(failure::not_socks, "what answers is no SOCKS5 proxy: its first byte is " +
                                                  hex(in_[0]) + ", and not 0x05");
    const bool authenticates = !password_request_.empty();
    if (in_[1] == none_acceptable)
        return make_error(failure::method,
                          authenticates
                              ? "the proxy takes no user name and password, which isolation needs: put "
                                "\"@\" before its address to do without"
                              : "the proxy wants a user name and password: put \"USER:PASSWORD@\" "
                                "before its address");
    if (in_[1] != (authenticates ? method::password : method::no_authentication))
        return make_error(failure::not_socks, "the proxy chose the way to authenticate " + hex(in_[1]) +
                                                  ", which was not offered");
    stage_ = authenticates ? stage::password : stage::reply;
    send(authenticates ? std::move(password_request_) : std::move(request_));
    have_ = 0;
    wanted_ = 2;
    return false;
}

result<bool> client::after_reply() {
    if (in_[0] != version)
        return make_error(failure::not_socks,
                          "the proxy's answer begins with " + hex(in_[0]) + ", and not with 0x05");
    // Some proxies end a refusal right here, so its address is not waited for.
    if (in_[1] != 0) return reply_error(in_[1]);
    stage_ = stage::address_type;
    have_ = 0;
    wanted_ = 2;
    return false;
}

error reply_error(std::uint8_t code) {
    struct meaning {
        std::uint8_t code;
        failure kind;
        bool retryable;
        const char* text;
    };
    static constexpr meaning meanings[] = {
        {0x01, failure::unreachable, true, "the proxy could not connect"},
        {0x02, failure::denied, false, "a rule of the proxy forbids this connection"},
        {0x03, failure::unreachable, true, "the proxy has no road to the host's network"},
        {0x04, failure::unreachable, true, "the proxy cannot reach the host"},
        {0x05, failure::refused, true, "the host refused the connection"},
        {0x06, failure::unreachable, true, "the connection took the proxy too long"},
        {0x07, failure::unsupported, false, "the proxy does not connect for its clients"},
        {0x08, failure::unsupported, false, "the proxy does not take this kind of address"},
        {0xf0, failure::unreachable, true,
         "the onion service is not known to the network: it is down, or new"},
        {0xf1, failure::unreachable, true, "the onion service's descriptor is damaged"},
        {0xf2, failure::unreachable, true,
         "the onion service did not take the introduction: it is likely down"},
        {0xf3, failure::unreachable, true, "the onion service did not come to the rendezvous"},
        {0xf4, failure::denied, false,
         "the onion service serves authorized clients alone, and there is no key"},
        {0xf5, failure::denied, false, "the onion service does not take the key of this client"},
        {0xf6, failure::name, false, "this is no .onion name: its length, checksum or version is wrong"},
        {0xf7, failure::unreachable, true, "the onion service did not answer the introduction in time"},
    };
    const auto* found = std::find_if(std::begin(meanings), std::end(meanings),
                                     [code](const meaning& each) { return each.code == code; });
    if (found == std::end(meanings))
        return make_error(failure::unreachable, "the proxy failed with the unknown code " + hex(code), true);
    return make_error(found->kind, std::string(found->text) + " (SOCKS " + hex(code) + ")", found->retryable);
}

} // namespace plexus::socks
