#include "plexus/tor_control/authentication.hpp"

#include "plexus/crypto/hash.hpp"
#include "plexus/tor_control/text.hpp"

namespace plexus::tor_control {
namespace {

constexpr std::string_view server_label = "Tor safe cookie authentication server-to-controller hash";
constexpr std::string_view controller_label = "Tor safe cookie authentication controller-to-server hash";
constexpr std::size_t nonce_size = 32;

constexpr std::string_view digits = "0123456789ABCDEF";

void append_hex(secret_bytes& out, bytes_view data) {
    secret_bytes longer(out.size() + 2 * data.size());
    std::copy_n(out.data(), out.size(), longer.data());
    auto* at = longer.data() + out.size();
    for (const auto each : data) {
        *at++ = static_cast<std::uint8_t>(digits[each >> 4]);
        *at++ = static_cast<std::uint8_t>(digits[each & 15]);
    }
    out = std::move(longer);
}

secret_bytes joined(bytes_view a, bytes_view b) {
    secret_bytes out(a.size() + b.size());
    std::copy(a.begin(), a.end(), out.data());
    std::copy(b.begin(), b.end(), out.data() + a.size());
    return out;
}

std::optional<bytes> from_hex(std::string_view text, std::size_t size) {
    if (text.size() != 2 * size) return std::nullopt;
    bytes out(size);
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i] >= 'a' && text[i] <= 'f' ? static_cast<char>(text[i] - 'a' + 'A') : text[i];
        const auto digit = digits.find(c);
        if (digit == std::string_view::npos) return std::nullopt;
        out[i / 2] = static_cast<std::uint8_t>(out[i / 2] << 4 | digit);
    }
    return out;
}

/// A word of a comma-separated list.
bool lists(std::string_view list, std::string_view word) noexcept {
    while (!list.empty()) {
        const auto end = std::min(list.find(','), list.size());
        if (list.substr(0, end) == word) return true;
        list.remove_prefix(std::min(end + 1, list.size()));
    }
    return false;
}

error refused(std::string what, const reply& said) {
    return make_error(control_error::refused, std::move(what) + " (" + said.text() + ")");
}

} // namespace

secret_bytes command(std::string_view text) { return joined(as_bytes(text), as_bytes("\r\n")); }

result<protocol_info> parse_protocol_info(const reply& from) {
    if (!from.is_success()) return refused("the control port does not tell how to authenticate", from);
    protocol_info out;
    bool known = false;
    for (const auto& line : from.lines) {
        const auto found = parse_arguments(line.text);
        if (!found || found->words.empty()) continue;
        if (found->words.front() == "VERSION") out.version = printable(found->find("Tor").value_or(""), 60);
        if (found->words.front() != "AUTH") continue;
        const auto methods = found->find("METHODS").value_or("");
        known = !methods.empty();
        out.null = lists(methods, "NULL");
        out.cookie = lists(methods, "COOKIE");
        out.safe_cookie = lists(methods, "SAFECOOKIE");
        out.password = lists(methods, "HASHEDPASSWORD");
        out.cookie_file = std::string(found->find("COOKIEFILE").value_or(""));
    }
    if (!known)
        return make_error(control_error::malformed,
                          "the control port's answer to PROTOCOLINFO names no way to authenticate");
    return out;
}

authentication::authentication(secret_bytes password, crypto::random_source& random)
    : password_(std::move(password)), nonce_(random.array<nonce_size>()) {}

authentication::step authentication::begin() {
    state_ = state::asked_info;
    return {doing::send, command("PROTOCOLINFO 1"), {}};
}

authentication::step authentication::authenticate(bytes_view secret, std::string_view way) {
    secret_bytes line(as_bytes("AUTHENTICATE "));
    append_hex(line, secret);
    way_ = way;
    state_ = state::asked;
    return {doing::send, joined(line, as_bytes("\r\n")), {}};
}

result<authentication::step> authentication::choose() {
    if ((info_.safe_cookie || info_.cookie) && !info_.cookie_file.empty()) {
        state_ = state::wants_cookie;
        return step{doing::read_cookie, {}, info_.cookie_file};
    }
    if (info_.null && password_.empty()) {
        state_ = state::asked;
        way_ = "nothing";
        return step{doing::send, command("AUTHENTICATE"), {}};
    }
    return by_password({});
}

result<authentication::step> authentication::by_password(const std::string& why_not_by_cookie) {
    if (info_.password && !password_.empty()) return authenticate(password_, "the password");
    std::string why = "tor lets nobody in at its control port";
    if (info_.password) why = "tor's control port wants a password: name it as control-password";
    if (!why_not_by_cookie.empty()) why += (info_.password ? "; or by cookie: " : ": ") + why_not_by_cookie;
    return make_error(control_error::no_method, std::move(why));
}

result<authentication::step> authentication::on_cookie(const result<secret_bytes>& read) {
    if (state_ != state::wants_cookie) return make_error(control_error::malformed, "no cookie was asked for");
    const auto file = printable(info_.cookie_file);
    if (!read) return by_password("its cookie cannot be read: " + read.error().message());
    if (read->size() != cookie_size)
        return by_password(file + " is no cookie: it has " + std::to_string(read->size()) + " bytes, not 32");
    if (!info_.safe_cookie) return authenticate(*read, "the cookie of " + file);
    cookie_ = *read;
    secret_bytes line(as_bytes("AUTHCHALLENGE SAFECOOKIE "));
    append_hex(line, nonce_);
    state_ = state::challenged;
    return step{doing::send, joined(line, as_bytes("\r\n")), {}};
}

result<authentication::step> authentication::challenged(const reply& from) {
    if (!from.is_success()) return refused("tor does not take part in SAFECOOKIE", from);
    const auto found = parse_arguments(from.lines.front().text);
    const auto hash = found ? from_hex(found->find("SERVERHASH").value_or(""), 32) : std::nullopt;
    const auto nonce = found ? from_hex(found->find("SERVERNONCE").value_or(""), nonce_size) : std::nullopt;
    if (!hash || !nonce)
        return make_error(control_error::malformed, "the control port's answer to AUTHCHALLENGE has no hash");
    const auto file = printable(info_.cookie_file);
    const auto expected = crypto::hmac_sha256(as_bytes(server_label), {cookie_, nonce_, *nonce});
    if (!secret_equal(expected, *hash))
        return make_error(control_error::impostor,
                          "whoever answers at the control port does not know the cookie of " + file +
                              ": another tor wrote the file, or it is no tor");
    const auto proof = crypto::hmac_sha256(as_bytes(controller_label), {cookie_, nonce_, *nonce});
    cookie_.clear();
    return authenticate(proof, "the cookie of " + file);
}

result<authentication::step> authentication::on_reply(const reply& from) {
    if (from.lines.empty()) return make_error(control_error::malformed, "an empty reply");
    switch (state_) {
    case state::asked_info: {
        PLEXUS_TRY(info_, parse_protocol_info(from));
        return choose();
    }
    case state::challenged: return challenged(from);
    case state::asked:
        if (!from.is_success()) return refused("tor does not accept " + way_ + " at its control port", from);
        state_ = state::over;
        password_.clear();
        return step{doing::done, {}, {}};
    default: return make_error(control_error::malformed, "a reply that nothing was asked for");
    }
}

} // namespace plexus::tor_control
