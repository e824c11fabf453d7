#include "plexus/crypto/x3dh.hpp"

#include "kem.hpp"

#include "plexus/crypto/hash.hpp"
#include "plexus/encoding/base64.hpp"
#include "plexus/encoding/text.hpp"

namespace plexus::crypto {
namespace {

using encoding::reader;
using encoding::writer;

error bad_params(const std::string& what) {
    return make_error(crypto_error::bad_key, "the encryption parameters of a link " + what);
}

public_key read_x448(reader& in) {
    const auto key = public_key::from_spki(key_type::x448, in.short_bytes());
    if (!key) {
        in.fail();
        return {};
    }
    return key.value();
}

void write_key(writer& out, const public_key& key) {
    out.u8(static_cast<std::uint8_t>(spki_size(key.type())));
    key.append_spki(out.out());
}

/// SHA-512 HKDF of the three secrets, in the order that both sides share.
result<x3dh_secrets> derive(const public_key& joiner_key1, const public_key& creator_key1,
                            const std::array<result<secret_array<56>>, 3>& dh) {
    secret_array<3 * 56> joined;
    for (std::size_t i = 0; i < dh.size(); ++i) {
        if (!dh[i]) return dh[i].error();
        std::copy_n(dh[i].value().data(), 56, joined.data() + 56 * i);
    }
    constexpr std::array<std::uint8_t, 64> salt{};
    secret_array<96> derived;
    hkdf_sha512(salt, joined, "SimpleXX3DH", derived.span());

    x3dh_secrets secrets;
    std::copy_n(joiner_key1.raw().begin(), 56, secrets.associated_data.begin());
    std::copy_n(creator_key1.raw().begin(), 56, secrets.associated_data.begin() + 56);
    std::copy_n(derived.data(), 32, secrets.header_key.data());
    std::copy_n(derived.data() + 32, 32, secrets.next_header_key.data());
    std::copy_n(derived.data() + 64, 32, secrets.root_key.data());
    return secrets;
}

} // namespace

kem_params read_kem_params(reader& in) {
    kem_params params;
    const auto tag = in.u8();
    if (tag == 'A') {
        params.ciphertext = to_bytes(in.large_bytes());
        if (params.ciphertext->size() != kem_ciphertext_size) in.fail();
    } else if (tag != 'P') {
        in.fail();
    }
    params.public_key = to_bytes(in.large_bytes());
    if (params.public_key.size() != kem_public_key_size) in.fail();
    return params;
}

void write(writer& out, const kem_params& params) {
    out.character(params.ciphertext ? 'A' : 'P');
    if (params.ciphertext) out.large_bytes(*params.ciphertext);
    out.large_bytes(params.public_key);
}

e2e_params read_e2e_params(reader& in) {
    e2e_params params;
    params.version = in.u16();
    params.key1 = read_x448(in);
    params.key2 = read_x448(in);
    if (params.version >= ratchet_version_kem && in.maybe()) params.kem = read_kem_params(in);
    return params;
}

void write(writer& out, const e2e_params& params) {
    out.u16(params.version);
    write_key(out, params.key1);
    write_key(out, params.key2);
    if (params.version < ratchet_version_kem) return;
    out.maybe(params.kem.has_value());
    if (params.kem) write(out, *params.kem);
}

e2e_params_range read_e2e_params_range(reader& in) {
    e2e_params_range params;
    params.versions = encoding::read_version_range(in);
    params.key1 = read_x448(in);
    params.key2 = read_x448(in);
    if (in.maybe()) params.kem = read_kem_params(in);
    return params;
}

void write(writer& out, const e2e_params_range& params) {
    encoding::write(out, params.versions);
    write_key(out, params.key1);
    write_key(out, params.key2);
    out.maybe(params.kem.has_value());
    if (params.kem) write(out, *params.kem);
}

std::string to_text(const e2e_params_range& params) {
    auto text =
        "v=" + encoding::to_text(params.versions) + "&x3dh=" + params.key1.text() + ',' + params.key2.text();
    if (params.kem && params.versions.max >= ratchet_version_kem) {
        if (params.kem->ciphertext) text += "&kem_ct=" + encoding::base64url_encode(*params.kem->ciphertext);
        text += "&kem_key=" + encoding::base64url_encode(params.kem->public_key);
    }
    return text;
}

result<e2e_params_range> parse_e2e_params(std::string_view query_text) {
    const auto query = encoding::query_string::parse(query_text);
    const auto versions = query.find("v");
    const auto keys = query.find("x3dh");
    if (!versions || !keys) return bad_params("have no version (v) or no keys (x3dh)");
    const auto range = encoding::parse_version_range(*versions);
    if (!range) return bad_params("have a version that is no version: " + std::string(*versions));
    const auto comma = keys->find(',');
    if (comma == std::string_view::npos) return bad_params("have one key (x3dh) where two must be");

    e2e_params_range params;
    params.versions = *range;
    PLEXUS_TRY(params.key1, public_key::from_text(keys->substr(0, comma)));
    PLEXUS_TRY(params.key2, public_key::from_text(keys->substr(comma + 1)));
    if (params.key1.type() != key_type::x448 || params.key2.type() != key_type::x448) {
        return bad_params("have keys (x3dh) that are not X448");
    }
    const auto kem_key = query.find("kem_key");
    if (range->max < ratchet_version_kem || !kem_key) return params;
    auto key = encoding::base64url_decode(*kem_key);
    if (!key || key->size() != kem_public_key_size)
        return bad_params("have a malformed post-quantum key (kem_key)");
    params.kem = kem_params{std::move(*key), std::nullopt};
    if (const auto kem_ciphertext = query.find("kem_ct")) {
        params.kem->ciphertext = encoding::base64url_decode(*kem_ciphertext);
        if (!params.kem->ciphertext || params.kem->ciphertext->size() != kem_ciphertext_size) {
            return bad_params("have a malformed post-quantum ciphertext (kem_ct)");
        }
    }
    return params;
}

std::optional<e2e_params> e2e_params_range::agree(version_range supported) const {
    const auto version = versions.agree(supported);
    if (!version) return std::nullopt;
    return e2e_params{*version, key1, key2, *version >= ratchet_version_kem ? kem : std::nullopt};
}

x3dh_keys x3dh_keys::generate(random_source& random) {
    auto first = private_key::generate(key_type::x448, random);
    return {std::move(first), private_key::generate(key_type::x448, random)};
}

e2e_params x3dh_keys::params(std::uint16_t version) const {
    return {version, key1.public_part(), key2.public_part(), std::nullopt};
}

e2e_params_range x3dh_keys::params(version_range versions) const {
    return {versions, key1.public_part(), key2.public_part(), std::nullopt};
}

result<x3dh_secrets> x3dh_join(const x3dh_keys& own, const public_key& peer_key1,
                               const public_key& peer_key2) {
    return derive(own.key1.public_part(), peer_key1,
                  {dh_x448(own.key2, peer_key1), dh_x448(own.key1, peer_key2), dh_x448(own.key2, peer_key2)});
}

result<x3dh_secrets> x3dh_accept(const x3dh_keys& own, const public_key& peer_key1,
                                 const public_key& peer_key2) {
    return derive(peer_key1, own.key1.public_part(),
                  {dh_x448(own.key1, peer_key2), dh_x448(own.key2, peer_key1), dh_x448(own.key2, peer_key2)});
}

} // namespace plexus::crypto
