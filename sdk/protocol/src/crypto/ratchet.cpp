#include "plexus/crypto/ratchet.hpp"

#include "ratchet_wire.hpp"

#include "plexus/crypto/hash.hpp"
#include "plexus/encoding/padding.hpp"

#include <numeric>

namespace plexus::crypto {
namespace {

error failed(ratchet_error code, const char* what) { return make_error(code, what); }

result<secret_array<56>> agree(const private_key& own, const public_key& peer) {
    auto secret = dh_x448(own, peer);
    if (!secret) return failed(ratchet_error::bad_key, "the peer's ratchet key is not a usable X448 key");
    return secret;
}

} // namespace

root_step derive_root(const secret_array<32>& root_key, bytes_view dh_secret) {
    secret_array<96> derived;
    hkdf_sha512(root_key, dh_secret, "SimpleXRootRatchet", derived.span());
    return {secret_array<32>(derived.span().subspan<0, 32>()),
            secret_array<32>(derived.span().subspan<32, 32>()),
            secret_array<32>(derived.span().subspan<64, 32>())};
}

chain_step derive_chain(const secret_array<32>& chain_key) {
    secret_array<96> derived;
    hkdf_sha512({}, chain_key, "SimpleXChainRatchet", derived.span());
    chain_step step{secret_array<32>(derived.span().subspan<0, 32>()),
                    secret_array<32>(derived.span().subspan<32, 32>()),
                    {},
                    {}};
    std::copy_n(derived.data() + 64, wire::iv_size, step.message_iv.begin());
    std::copy_n(derived.data() + 80, wire::iv_size, step.header_iv.begin());
    return step;
}

result<ratchet> ratchet::join(ratchet_versions versions, const x3dh_secrets& secrets,
                              const public_key& peer_key, private_key own) {
    PLEXUS_TRY(const auto dh_secret, agree(own, peer_key));
    auto step = derive_root(secrets.root_key, dh_secret);
    ratchet made;
    made.core_.versions = versions;
    made.core_.associated_data = secrets.associated_data;
    made.core_.own = std::move(own);
    made.core_.root_key = step.root_key;
    made.core_.sending = sending_chain{peer_key, step.chain_key, secrets.header_key};
    made.core_.next_send_header_key = step.next_header_key;
    made.core_.next_receive_header_key = secrets.next_header_key;
    return made;
}

ratchet ratchet::accept(ratchet_versions versions, const x3dh_secrets& secrets, private_key own) {
    ratchet made;
    made.core_.versions = versions;
    made.core_.associated_data = secrets.associated_data;
    made.core_.own = std::move(own);
    made.core_.root_key = secrets.root_key;
    made.core_.next_send_header_key = secrets.next_header_key;
    made.core_.next_receive_header_key = secrets.header_key;
    return made;
}

std::size_t ratchet::stored_keys() const noexcept {
    return std::accumulate(
        skipped_.begin(), skipped_.end(), std::size_t{0},
        [](std::size_t sum, const skipped_chain& chain) { return sum + chain.keys.size(); });
}

result<bytes> ratchet::encrypt(bytes_view plaintext, std::size_t padded_size) {
    if (!core_.sending) {
        return failed(ratchet_error::cannot_send,
                      "the creator of a connection sends only after it has received");
    }
    if (!encoding::can_pad(plaintext.size(), padded_size)) {
        return make_error(ratchet_error::too_large, "a message of " + std::to_string(plaintext.size()) +
                                                        " bytes does not fit the padded size of " +
                                                        std::to_string(padded_size));
    }
    const auto version = core_.versions.current;
    auto step = derive_chain(core_.sending->chain_key);
    aes256_gcm cipher;

    const wire::message_header header{std::max(core_.versions.max_supported, version),
                                      core_.own.public_part(), std::nullopt, core_.previous_sent, core_.sent};
    bytes sealed_header;
    encoding::pad(sealed_header, wire::encode_header(header, version), wire::padded_header_size);
    std::array<std::uint8_t, gcm_tag_size> tag{};
    cipher.seal(core_.sending->header_key, step.header_iv, core_.associated_data, sealed_header, tag);

    // The associated data of the body is the ratchet's, then the encrypted header with its own fields.
    auto associated = to_bytes(core_.associated_data);
    encoding::writer encrypted_header(associated);
    encrypted_header.u16(version).raw(step.header_iv).raw(tag);
    wire::write_sized(encrypted_header, version, sealed_header);

    bytes message;
    message.reserve(associated.size() + 2 + gcm_tag_size + padded_size);
    encoding::writer out(message);
    wire::write_sized(out, version, bytes_view(associated).subspan(core_.associated_data.size()));
    const auto tag_at = out.size();
    out.fill(gcm_tag_size, 0);
    encoding::pad(message, plaintext, padded_size);
    const auto body = bytes_span(message).subspan(tag_at + gcm_tag_size);
    cipher.seal(step.message_key, step.message_iv, associated, body,
                bytes_span(message).subspan(tag_at).first<gcm_tag_size>());

    core_.sending->chain_key = step.chain_key;
    ++core_.sent;
    return message;
}

/// One message on its way: what the state would become, kept apart until the body proves authentic.
struct ratchet::decryption {
    ratchet& from;
    const wire::encrypted_message& message;
    aes256_gcm cipher{};
    state next = from.core_;
    std::deque<skipped_chain> added{};

    enum class chain { receiving, next, old };

    result<bytes> run(random_source& random) {
        PLEXUS_TRY(const auto found, find_header());
        const auto& [which, header, old] = found;
        if (old) {
            const auto key =
                std::find_if(old->keys.begin(), old->keys.end(),
                             [&, number = header.number](const auto& k) { return k.number == number; });
            if (key != old->keys.end()) return open_skipped(*old, key);
        }
        if (which == chain::old) {
            return failed(ratchet_error::earlier,
                          "a message of an old chain was decrypted already, or given up");
        }
        if (header.max_version > next.versions.current) {
            next.versions.current =
                std::max(next.versions.current, std::min(header.max_version, next.versions.max_supported));
        }
        if (which == chain::next) {
            PLEXUS_CHECK(skip_to(header.previous_sent));
            PLEXUS_CHECK(turn(header, random));
        }
        PLEXUS_CHECK(skip_to(header.number));
        auto step = derive_chain(next.receiving->chain_key);
        PLEXUS_TRY(auto plain, open_body(step.message_key, step.message_iv));
        next.receiving->chain_key = step.chain_key;
        ++next.received;
        commit();
        return plain;
    }

  private:
    struct found_header {
        chain which;
        wire::message_header header;
        skipped_chain* old; ///< keys skipped under the header key, if there are any
    };

    /// Tries the current header keys, then those of older chains.
    result<found_header> find_header() {
        const auto stored = [this](const secret_array<32>& key) -> skipped_chain* {
            for (auto& each : from.skipped_) {
                if (each.header_key == key) return &each;
            }
            return nullptr;
        };
        if (next.receiving) {
            const auto& key = next.receiving->header_key;
            if (const auto plain = open_header(key)) return parsed(chain::receiving, *plain, stored(key));
        }
        if (const auto plain = open_header(next.next_receive_header_key)) {
            return parsed(chain::next, *plain, nullptr);
        }
        for (auto& each : from.skipped_) {
            if (next.receiving && each.header_key == next.receiving->header_key) continue;
            if (const auto plain = open_header(each.header_key)) return parsed(chain::old, *plain, &each);
        }
        return failed(ratchet_error::bad_header, "no header key of the ratchet opens the message");
    }

    result<found_header> parsed(chain which, bytes_view plain, skipped_chain* old) {
        auto header = wire::parse_header(plain, message.header_version);
        if (!header)
            return failed(ratchet_error::bad_message, "the header of a ratchet message is malformed");
        return found_header{which, std::move(*header), old};
    }

    /// The header without its padding, if `key` is the one it was made with.
    std::optional<bytes> open_header(const secret_array<32>& key) {
        auto padded = to_bytes(message.header_body);
        if (!cipher.open(key, message.header_iv, next.associated_data, padded,
                         message.header_tag.first<gcm_tag_size>())) {
            return std::nullopt;
        }
        const auto plain = encoding::unpad(padded);
        if (!plain) return std::nullopt;
        return to_bytes(*plain);
    }

    result<bytes> open_body(const secret_array<32>& key, bytes_view iv) {
        const auto associated = concat({next.associated_data, message.header});
        auto padded = to_bytes(message.body);
        if (!cipher.open(key, iv, associated, padded, message.tag.first<gcm_tag_size>())) {
            return failed(ratchet_error::not_authentic, "the body of a ratchet message was changed");
        }
        const auto plain = encoding::unpad(padded);
        if (!plain)
            return failed(ratchet_error::bad_padding, "the length inside a ratchet message does not fit");
        padded.erase(padded.begin(), padded.begin() + 2);
        padded.resize(plain->size());
        return padded;
    }

    result<bytes> open_skipped(skipped_chain& old, const std::deque<skipped_key>::iterator& key) {
        PLEXUS_TRY(auto plain, open_body(key->key, key->iv));
        old.keys.erase(key);
        std::erase_if(from.skipped_, [](const skipped_chain& each) { return each.keys.empty(); });
        return plain;
    }

    /// Stores the keys of messages before `number` in the receiving chain.
    result<void> skip_to(std::uint32_t number) {
        if (!next.receiving) return {};
        if (next.received > number) {
            return next.received - number == 1
                       ? failed(ratchet_error::duplicate, "the message was decrypted already")
                       : failed(ratchet_error::earlier,
                                "an older message was decrypted already, or given up");
        }
        if (number - next.received > max_skipped_messages) {
            return make_error(ratchet_error::too_many_skipped,
                              std::to_string(number - next.received) +
                                  " messages are missing before this one; at most " +
                                  std::to_string(max_skipped_messages) + " may be");
        }
        if (number == next.received) return {};
        skipped_chain skipped{next.receiving->header_key, {}};
        for (; next.received < number; ++next.received) {
            const auto step = derive_chain(next.receiving->chain_key);
            skipped.keys.push_back({next.received, step.message_key, step.message_iv});
            next.receiving->chain_key = step.chain_key;
        }
        added.push_back(std::move(skipped));
        return {};
    }

    /// The Diffie-Hellman step: a new receiving chain from our key, a new sending chain from a fresh one.
    result<void> turn(const wire::message_header& header, random_source& random) {
        if (header.kem && header.kem->ciphertext) {
            return failed(ratchet_error::kem_not_proposed,
                          "the peer accepts a post-quantum key that was not proposed");
        }
        PLEXUS_TRY(const auto receive_secret, agree(next.own, header.key));
        auto fresh = private_key::generate(key_type::x448, random);
        PLEXUS_TRY(const auto send_secret, agree(fresh, header.key));
        const auto receive = derive_root(next.root_key, receive_secret);
        const auto send = derive_root(receive.root_key, send_secret);
        next.own = std::move(fresh);
        next.root_key = send.root_key;
        next.sending = sending_chain{header.key, send.chain_key, next.next_send_header_key};
        next.receiving = receiving_chain{receive.chain_key, next.next_receive_header_key};
        next.previous_sent = next.sent;
        next.sent = 0;
        next.received = 0;
        next.next_send_header_key = send.next_header_key;
        next.next_receive_header_key = receive.next_header_key;
        return {};
    }

    void commit() {
        from.core_ = std::move(next);
        for (auto& each : added) {
            const auto same =
                std::find_if(from.skipped_.begin(), from.skipped_.end(),
                             [&](const auto& stored) { return stored.header_key == each.header_key; });
            if (same == from.skipped_.end()) {
                from.skipped_.push_back(std::move(each));
            } else {
                std::move(each.keys.begin(), each.keys.end(), std::back_inserter(same->keys));
            }
        }
        for (auto count = from.stored_keys(); count > max_stored_keys; --count) {
            from.skipped_.front().keys.pop_front();
            if (from.skipped_.front().keys.empty()) from.skipped_.pop_front();
        }
    }
};

result<bytes> ratchet::decrypt(bytes_view message, random_source& random) {
    const auto parsed = wire::parse_message(message);
    if (!parsed) return failed(ratchet_error::bad_message, "these bytes are not a ratchet message");
    return decryption{*this, *parsed}.run(random);
}

} // namespace plexus::crypto
