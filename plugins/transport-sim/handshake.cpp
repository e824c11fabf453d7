#include "handshake.hpp"

#include "plexus/crypto/hash.hpp"
#include "plexus/encoding/base64.hpp"
#include "plexus/encoding/reader.hpp"
#include "plexus/encoding/writer.hpp"

namespace plexus::transport_sim {

namespace {

constexpr std::uint8_t refuses_alpn = 'A';
constexpr std::uint8_t agrees = 'Y';
constexpr std::size_t nonce_size = 32;

bytes binding_of(bytes_view client, bytes_view server) {
    const auto digest = crypto::sha256({client, server});
    return {digest.begin(), digest.end()};
}

/// A frame is a 2-byte length and its content.
task<result<bytes>> read_frame(stream& from) {
    std::array<std::uint8_t, 2> size{};
    auto begun = co_await from.read_exactly(size);
    if (!begun) co_return std::move(begun).error();
    bytes content(static_cast<std::size_t>(size[0] << 8 | size[1]));
    auto read = co_await from.read_exactly(content);
    if (!read) co_return std::move(read).error();
    co_return content;
}

task<result<void>> write_frame(stream& to, bytes content) {
    bytes framed;
    encoding::writer(framed).large_bytes(content);
    co_return co_await to.write_all(framed);
}

struct server_answer {
    std::uint8_t verdict = 0;
    bytes nonce;
    std::string alpn;
    certificates chain;
};

std::optional<server_answer> parse_answer(bytes_view content) {
    encoding::reader in(content);
    server_answer out;
    out.verdict = in.u8();
    out.nonce = to_bytes(in.take(nonce_size));
    out.alpn = std::string(in.short_text());
    const std::size_t count = in.list_count();
    for (std::size_t i = 0; i < count && in.ok(); ++i) out.chain.push_back(to_bytes(in.large_bytes()));
    if (!in.done()) return std::nullopt;
    return out;
}

result<void> check(const server_answer& answer, const client_hello& hello) {
    const std::string who = "the server " + hello.server;
    if (answer.verdict == refuses_alpn)
        return make_error(status::protocol,
                          "the TLS handshake with " + hello.server + " failed: no application protocol");
    if (answer.chain.size() < 2 || answer.chain.size() > 4)
        return make_error(status::identity, who + " is refused: its chain has " +
                                                std::to_string(answer.chain.size()) +
                                                " certificates, and 2 to 4 are possible");
    const auto identity = crypto::sha256(answer.chain[1]);
    if (!equal(identity, hello.key_hash))
        return make_error(status::identity, who + " is refused: it shows the certificate fingerprint " +
                                                encoding::base64url_encode(identity) +
                                                ", and its address has " +
                                                encoding::base64url_encode(hello.key_hash));
    return {};
}

struct parsed_hello {
    bytes nonce;
    std::vector<std::string> alpn;
    std::string server_name;
    certificates chain;
};

std::optional<parsed_hello> parse_hello(bytes_view content) {
    encoding::reader in(content);
    parsed_hello out;
    out.nonce = to_bytes(in.take(nonce_size));
    out.server_name = std::string(in.short_text());
    const std::size_t count = in.list_count();
    for (std::size_t i = 0; i < count && in.ok(); ++i) out.alpn.emplace_back(in.short_text());
    const std::size_t certificate_count = in.list_count();
    for (std::size_t i = 0; i < certificate_count && in.ok(); ++i)
        out.chain.push_back(to_bytes(in.large_bytes()));
    if (!in.done()) return std::nullopt;
    return out;
}

} // namespace

task<result<facts>> shake_as_client(stream& with, client_hello hello) {
    bytes content;
    encoding::writer out(content);
    out.raw(hello.nonce).short_text(hello.server_name).list_count(hello.alpn.size());
    for (const auto& one : hello.alpn) out.short_text(one);
    out.list_count(hello.chain.size());
    for (const auto& one : hello.chain) out.large_bytes(one);
    auto sent = co_await write_frame(with, content);
    if (!sent) co_return std::move(sent).error();
    auto frame = co_await read_frame(with);
    if (!frame) co_return std::move(frame).error();
    auto answer = parse_answer(*frame);
    if (!answer)
        co_return make_error(status::protocol, "the TLS handshake with " + hello.server + " failed: garbage");
    auto checked = check(*answer, hello);
    if (!checked) co_return std::move(checked).error();
    bytes last(1, agrees);
    auto finished = co_await with.write_all(last);
    if (!finished) co_return std::move(finished).error();
    facts known;
    known.alpn = answer->alpn;
    known.server_name = hello.server_name;
    known.channel_binding = binding_of(hello.nonce, answer->nonce);
    known.peer = std::move(answer->chain);
    co_return known;
}

task<result<facts>> shake_as_server(stream& with, server_hello hello) {
    auto frame = co_await read_frame(with);
    if (!frame) co_return std::move(frame).error();
    auto client = parse_hello(*frame);
    if (!client) co_return make_error(status::protocol, "the TLS handshake failed: garbage");
    facts known;
    for (const auto& ours : hello.alpn)
        if (known.alpn.empty() &&
            std::find(client->alpn.begin(), client->alpn.end(), ours) != client->alpn.end())
            known.alpn = ours;
    const bool refused = known.alpn.empty() && !client->alpn.empty() && !hello.alpn.empty();
    bytes content;
    encoding::writer out(content);
    out.u8(refused ? refuses_alpn : agrees).raw(hello.nonce).short_text(known.alpn);
    out.list_count(hello.chain->size());
    for (const auto& one : *hello.chain) out.large_bytes(one);
    auto sent = co_await write_frame(with, content);
    if (!sent) co_return std::move(sent).error();
    bytes last(1);
    auto finished = co_await with.read_exactly(last);
    if (!finished) co_return std::move(finished).error();
    if (refused || last[0] != agrees)
        co_return make_error(status::protocol, "the client refused the handshake");
    known.server_name = client->server_name;
    known.channel_binding = binding_of(client->nonce, hello.nonce);
    known.own = hello.chain;
    if (hello.asks_certificate) known.peer = std::move(client->chain);
    co_return known;
}

result<certificates> read_chain(std::string_view pem, std::size_t least) {
    constexpr std::string_view begin = "-----BEGIN CERTIFICATE-----";
    constexpr std::string_view end = "-----END CERTIFICATE-----";
    certificates out;
    for (auto at = pem.find(begin); at != std::string_view::npos; at = pem.find(begin, at)) {
        at += begin.size();
        const auto stop = pem.find(end, at);
        if (stop == std::string_view::npos) break;
        std::string text(pem.substr(at, stop - at));
        std::erase_if(text, [](char c) { return c == '\n' || c == '\r'; });
        auto der = encoding::base64_decode(text);
        if (!der) return make_error(status::invalid, "a certificate of the chain is no PEM");
        out.push_back(std::move(*der));
        at = stop;
    }
    if (out.size() < least || out.size() > 4)
        return make_error(status::invalid, "a chain has " + std::to_string(least) +
                                               " to 4 certificates, and " + std::to_string(out.size()) +
                                               " were given");
    return out;
}

} // namespace plexus::transport_sim
