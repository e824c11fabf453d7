#include "pem.hpp"

#include "plexus/abi.hpp"
#include "plexus/encoding/base64.hpp"

#include <fstream>

namespace plexus::smp_server {
namespace {

constexpr std::string_view certificate_label = "CERTIFICATE";
constexpr std::string_view key_label = "PRIVATE KEY";
constexpr std::streamsize most_file_size = 1 << 20;

std::string marker(std::string_view what, std::string_view label) {
    return "-----" + std::string(what) + " " + std::string(label) + "-----";
}

/// The content of the next part with this label, which is taken from `text`.
std::optional<secret_bytes> take_part(std::string_view& text, std::string_view label) {
    const auto begin = marker("BEGIN", label);
    const auto end = marker("END", label);
    const auto first = text.find(begin);
    if (first == std::string_view::npos) return std::nullopt;
    const auto last = text.find(end, first);
    if (last == std::string_view::npos) return std::nullopt;
    secret_bytes packed(last - first - begin.size());
    std::size_t size = 0;
    for (const char c : text.substr(first + begin.size(), packed.size()))
        if (c != '\n' && c != '\r' && c != ' ') packed.data()[size++] = static_cast<std::uint8_t>(c);
    text.remove_prefix(last + end.size());
    auto decoded = encoding::base64_decode(as_text(packed.span().first(size)));
    if (!decoded) return std::nullopt;
    secret_bytes out{bytes_view(*decoded)};
    wipe(decoded->data(), decoded->size());
    return out;
}

template <typename Text>
void put_part(Text& out, bytes_view der, std::string_view label) {
    auto put = [&out](std::string_view text) { out.insert(out.end(), text.begin(), text.end()); };
    put(marker("BEGIN", label) + "\n");
    constexpr std::size_t line = 48; // 64 characters
    for (std::size_t at = 0; at < der.size(); at += line)
        put(encoding::base64_encode(der.subspan(at, std::min(line, der.size() - at))) + "\n");
    put(marker("END", label) + "\n");
}

} // namespace

result<secret_bytes> read_secret_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary | std::ios::ate);
    const auto size = in ? static_cast<std::streamsize>(in.tellg()) : -1;
    if (size < 0 || size > most_file_size)
        return make_error(status::not_found,
                          "cannot read " + path + ": is it there, and may this user read it?");
    secret_bytes out(static_cast<std::size_t>(size));
    in.seekg(0);
    in.read(reinterpret_cast<char*>(out.data()), size);
    if (!in) return make_error(status::io, "cannot read " + path);
    return out;
}

result<bytes> read_file(const std::string& path) {
    PLEXUS_TRY(const auto content, read_secret_file(path));
    return to_bytes(bytes_view(content));
}

result<std::vector<bytes>> certificates_of(std::string_view pem) {
    std::vector<bytes> out;
    while (auto part = take_part(pem, certificate_label)) out.push_back(to_bytes(bytes_view(*part)));
    if (out.empty()) return make_error(status::invalid, "there is no certificate in the PEM file");
    return out;
}

result<crypto::private_key> private_key_of(std::string_view pem) {
    const auto part = take_part(pem, key_label);
    if (!part) return make_error(status::invalid, "there is no PRIVATE KEY in the PEM file");
    return crypto::private_key::from_pkcs8(*part);
}

std::string certificate_pem(bytes_view der) {
    std::string out;
    put_part(out, der, certificate_label);
    return out;
}

secret_bytes private_key_pem(const crypto::private_key& key) {
    bytes out;
    out.reserve(512); // it never grows, so no copy stays behind
    put_part(out, key.pkcs8(), key_label);
    secret_bytes kept{bytes_view(out)};
    wipe(out.data(), out.size());
    return kept;
}

} // namespace plexus::smp_server
