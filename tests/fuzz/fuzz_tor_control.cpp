// What a control port says: replies, the way to authenticate, events, log lines, names and keys. The pieces
// in which bytes come make no difference, and what is quoted reads back.
#include "plexus/tor_control/authentication.hpp"
#include "plexus/tor_control/events.hpp"
#include "plexus/tor_control/onion.hpp"
#include "plexus/tor_control/text.hpp"

#include <cstdlib>

namespace {

using namespace plexus;
using namespace plexus::tor_control;

void require(bool holds) {
    if (!holds) std::abort();
}

class zero_random final : public crypto::random_source {
  public:
    void fill(bytes_span out) override { std::fill(out.begin(), out.end(), std::uint8_t(0)); }
};

std::vector<reply> read(bytes_view in, std::size_t piece, bool& broken) {
    reply_reader reader;
    std::vector<reply> out;
    for (std::size_t at = 0; at < in.size(); at += piece) {
        if (!reader.feed(in.subspan(at, std::min(piece, in.size() - at)))) {
            broken = true;
            break;
        }
        while (auto one = reader.next()) out.push_back(std::move(*one));
    }
    while (auto one = reader.next()) out.push_back(std::move(*one));
    return out;
}

void authenticate(const std::vector<reply>& replies) {
    zero_random random;
    authentication one(secret_bytes(as_bytes("secret")), random);
    one.begin();
    for (const auto& each : replies) {
        auto step = one.on_reply(each);
        if (!step) return;
        if (step->what == authentication::doing::read_cookie)
            if (!one.on_cookie(secret_bytes(std::size_t(32)))) return;
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const bytes_view in(data, size);
    bool broken = false;
    bool broken_in_bytes = false;
    const auto replies = read(in, std::max<std::size_t>(size, 1), broken);
    const auto again = read(in, 1, broken_in_bytes);
    require(broken == broken_in_bytes && replies.size() == again.size());
    for (std::size_t i = 0; i < replies.size(); ++i) {
        require(replies[i].code == again[i].code && replies[i].lines == again[i].lines);
        static_cast<void>(parse_event(replies[i]));
        static_cast<void>(replies[i].value("net/listeners/socks"));
        static_cast<void>(replies[i].text());
    }
    authenticate(replies);
    const auto text = as_text(in);
    const auto there = parse_arguments(quoted(text));
    require(there && there->words.size() == 1 && there->words.front() == text);
    static_cast<void>(parse_bootstrap(text));
    static_cast<void>(parse_log_line(text));
    static_cast<void>(parse_listeners(text));
    if (const auto client = parse_authorized_client(text))
        require(parse_authorized_client("descriptor:x25519:" + *client) == client);
    static_cast<void>(add_client_key(text));
    static_cast<void>(is_onion_host(text));
    if (const auto key = onion_key::parse_file(in)) require(key->file() == secret_bytes(in));
    return 0;
}
