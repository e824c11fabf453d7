#include "plexus/agent/link_data.hpp"

#include "fields.hpp"
#include "plexus/crypto/hash.hpp"

namespace plexus::agent {

namespace {

using encoding::reader;
using encoding::writer;

constexpr std::uint8_t long_user_data = 255;

constexpr std::size_t box_overhead = crypto::nonce_size + crypto::box_tag_size;

void write_user_data(writer& out, bytes_view data) {
    if (data.size() < long_user_data)
        out.short_bytes(data);
    else
        out.u8(long_user_data).large_bytes(data);
}

bytes_view read_user_data(reader& in) {
    if (in.peek() != long_user_data) return in.short_bytes();
    in.skip(1);
    return in.large_bytes();
}

/// A length-prefixed (id, key, signature), which may grow at its end.
link_owner read_owner(reader& in) {
    reader field(in.short_bytes());
    link_owner owner;
    owner.id = to_bytes(field.short_bytes());
    owner.key = read_key(field, crypto::key_type::ed25519);
    owner.signature = to_bytes(field.short_bytes());
    if (!field.ok()) in.fail();
    return owner;
}

void write_owner(writer& out, const link_owner& owner) {
    bytes field;
    writer inner(field);
    inner.short_bytes(owner.id);
    write_key(inner, owner.key);
    inner.short_bytes(owner.signature);
    out.short_bytes(field);
}

error bad_data(std::string_view why) {
    return make_error(failure::link_data,
                      "the data of this link was not made by its owner: " + std::string(why));
}

/// Every owner is authorized by the root key or by an owner before it, and no key or id comes twice.
result<void> check_owners(const crypto::public_key& root, const std::vector<link_owner>& owners) {
    for (auto owner = owners.begin(); owner != owners.end(); ++owner) {
        const auto signed_data = concat({owner->id, owner->key.spki()});
        bool authorized = crypto::verify(root, signed_data, owner->signature);
        for (auto before = owners.begin(); before != owner; ++before) {
            if (before->id == owner->id || before->key == owner->key) return bad_data("an owner comes twice");
            authorized = authorized || crypto::verify(before->key, signed_data, owner->signature);
        }
        if (owner->key == root) return bad_data("an owner has the root key");
        if (!authorized) return bad_data("an owner is not authorized");
    }
    return {};
}

struct signed_part {
    bytes signature;
    bytes data;
};

result<signed_part> open_part(const crypto::box_key& key, bytes_view sealed) {
    reader in(sealed);
    const auto nonce = in.array<crypto::nonce_size>();
    if (!in.ok()) return syntax_error("link data");
    PLEXUS_TRY(const auto opened, crypto::open_padded(key, nonce, in.tail()));
    reader part(opened);
    auto signature = to_bytes(part.short_bytes());
    if (!part.ok()) return syntax_error("link data");
    return signed_part{std::move(signature), to_bytes(part.tail())};
}

result<bytes> seal_part(const crypto::box_key& key, const crypto::nonce& nonce, bytes_view signed_data,
                        std::size_t size) {
    bytes out(nonce.begin(), nonce.end());
    PLEXUS_CHECK(crypto::append_padded_box(out, key, nonce, signed_data, size - box_overhead));
    return out;
}

} // namespace

bytes encode(const fixed_link_data& data) {
    bytes encoded;
    writer out(encoded);
    write(out, data.agent_versions);
    write_key(out, data.root_key);
    write(out, data.request);
    if (data.entity_id) out.short_bytes(*data.entity_id);
    return encoded;
}

bytes encode(const user_link_data& data) {
    bytes encoded;
    writer out(encoded);
    out.character(static_cast<char>(data.mode));
    write(out, data.agent_versions);
    if (data.mode == connection_mode::contact) {
        out.boolean(data.direct);
        out.list_count(data.owners.size());
        for (const auto& owner : data.owners) write_owner(out, owner);
        out.list_count(data.relays.size());
        for (const auto& relay : data.relays) write(out, relay);
    }
    write_user_data(out, data.user_data);
    return encoded;
}

result<fixed_link_data> parse_fixed_link_data(bytes_view data) {
    reader in(data);
    fixed_link_data fixed;
    fixed.agent_versions = encoding::read_version_range(in);
    fixed.root_key = read_key(in, crypto::key_type::ed25519);
    fixed.request = read_connection_request(in);
    if (!in.ok()) return syntax_error("fixed link data");
    const auto entity = in.short_bytes();
    if (in.ok()) fixed.entity_id = to_bytes(entity);
    return fixed;
}

result<user_link_data> parse_user_link_data(bytes_view data) {
    reader in(data);
    user_link_data user;
    if (!in.accept("I")) {
        in.expect("C");
        user.mode = connection_mode::contact;
    }
    user.agent_versions = encoding::read_version_range(in);
    if (user.mode == connection_mode::contact) {
        user.direct = in.boolean();
        for (auto left = in.list_count(); left > 0 && in.ok(); --left) user.owners.push_back(read_owner(in));
        for (auto left = in.list_count(); left > 0 && in.ok(); --left)
            user.relays.push_back(read_short_link(in));
    }
    user.user_data = to_bytes(read_user_data(in));
    if (!in.ok()) return syntax_error("user link data");
    return user;
}

bytes link_key(bytes_view encoded_fixed) {
    const auto hash = crypto::sha3_256(encoded_fixed);
    return {hash.begin(), hash.end()};
}

crypto::box_key invitation_data_key(bytes_view link_key) {
    secret_array<32> key;
    crypto::hkdf_sha512({}, link_key, "SimpleXInvLink", key.span());
    return crypto::box_key(key);
}

contact_data_keys contact_data_key(bytes_view link_key) {
    secret_array<56> derived;
    crypto::hkdf_sha512({}, link_key, "SimpleXContactLink", derived.span());
    contact_data_keys keys;
    std::copy_n(derived.data(), keys.link_id.size(), keys.link_id.begin());
    keys.key = crypto::box_key(secret_array<32>(derived.span().last<32>()));
    return keys;
}

bytes sign_link_data(const crypto::private_key& root, bytes_view encoded) {
    bytes out;
    writer(out).short_bytes(crypto::sign(root, encoded)).raw(encoded);
    return out;
}

result<bytes> seal_fixed_link_data(const crypto::box_key& key, const crypto::nonce& nonce,
                                   bytes_view signed_data) {
    return seal_part(key, nonce, signed_data, sealed_fixed_size);
}

result<bytes> seal_user_link_data(const crypto::box_key& key, const crypto::nonce& nonce,
                                  bytes_view signed_data) {
    return seal_part(key, nonce, signed_data, sealed_user_size);
}

result<link_data> open_link_data(bytes_view expected_key, const crypto::box_key& key, bytes_view sealed_fixed,
                                 bytes_view sealed_user) {
    PLEXUS_TRY(const auto fixed_part, open_part(key, sealed_fixed));
    PLEXUS_TRY(const auto user_part, open_part(key, sealed_user));
    if (!equal(link_key(fixed_part.data), expected_key))
        return bad_data("its hash is not the key of the link");
    PLEXUS_TRY(auto fixed, parse_fixed_link_data(fixed_part.data));
    PLEXUS_TRY(auto user, parse_user_link_data(user_part.data));
    if (user.mode != fixed.request.mode()) return bad_data("its parts are of different kinds");
    if (!crypto::verify(fixed.root_key, fixed_part.data, fixed_part.signature))
        return bad_data("the signature of the fixed part is wrong");

    bool signed_by_owner = crypto::verify(fixed.root_key, user_part.data, user_part.signature);
    PLEXUS_CHECK(check_owners(fixed.root_key, user.owners));
    for (const auto& owner : user.owners)
        signed_by_owner = signed_by_owner || crypto::verify(owner.key, user_part.data, user_part.signature);
    if (!signed_by_owner) return bad_data("the signature of the user data is wrong");
    return link_data{std::move(fixed), std::move(user)};
}

} // namespace plexus::agent
