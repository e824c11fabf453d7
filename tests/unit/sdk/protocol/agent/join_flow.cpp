// A joiner's way from the link to its third message, as the official programs went it: opened with the
// creator's keys, and where the joiner's random bytes are known, made again.
#include "helpers.hpp"

#include "plexus/agent/envelope.hpp"
#include "plexus/agent/message.hpp"
#include "plexus/crypto/hash.hpp"
#include "plexus/crypto/ratchet.hpp"

namespace plexus::test {
namespace {

/// For receiving alone: the keys of later steps do not show in what is tested.
class counting_random final : public crypto::random_source {
    void fill(bytes_span out) override {
        for (auto& byte : out) byte = next_++;
    }
    std::uint8_t next_ = 1;
};

crypto::private_key key_of(const boost::json::object& side, std::string_view name, crypto::key_type type) {
    return private_from_raw(type, hex_field(side.at(name).as_object(), "priv"));
}

crypto::x3dh_keys x3dh_of(const boost::json::object& side) {
    return {key_of(side, "x1", crypto::key_type::x448), key_of(side, "x2", crypto::key_type::x448)};
}

class join_flow {
  public:
    explicit join_flow(const boost::json::object& v)
        : v_(v), a_(v.at("A").as_object()), b_(v.at("B").as_object()) {}

    void receive() {
        SCOPED_TRACE(text_field(v_, "name"));
        open_confirmation();
        for (const auto& item : v_.at("messages").as_array()) open_message(item.as_object());
    }

    /// The same bytes again, from the joiner's side.
    void send() {
        SCOPED_TRACE(text_field(v_, "name"));
        const auto invitation = agent::parse_connection_request(text_field(v_, "invitation")).value();
        const auto params = invitation.e2e->agree({2, 3}).value();
        const auto own = x3dh_of(b_);
        auto ratchet = crypto::ratchet::join({3, 3}, crypto::x3dh_join(own, params.key1, params.key2).value(),
                                             params.key2, key_of(b_, "dhs", crypto::key_type::x448))
                           .value();
        const auto& confirmation = v_.at("confirmation").as_object();
        const auto plain = hex_field(confirmation, "agentMessage");
        agent::confirmation_envelope envelope{7, own.params(3), {}};
        envelope.encrypted_info =
            ratchet.encrypt(plain, static_cast<std::size_t>(int_field(v_, "connInfoPaddedLen"))).value();
        const auto sent = agent::parse_client_envelope(hex_field(confirmation, "sendBody")).value();
        const auto resealed =
            agent::seal_client_message(queue_key(), sent.nonce, 4, sent.dh_key, {{}, agent::encode(envelope)},
                                       agent::client_confirmation_padding)
                .value();
        EXPECT_EQ(hex(agent::encode(resealed)), text_field(confirmation, "sendBody"));

        agent::message_chain chain;
        chain.add(1, plain);
        for (const auto& item : v_.at("messages").as_array()) {
            const auto& m = item.as_object();
            const auto encoded_message = hex_field(m, "agentMessage");
            EXPECT_EQ(hex(chain.last_hash), text_field(m, "prevMsgHash"));
            agent::message_envelope message{7, {}};
            message.encrypted_message =
                ratchet.encrypt(encoded_message, static_cast<std::size_t>(int_field(v_, "messagePaddedLen")))
                    .value();
            const auto body = agent::encode(message);
            EXPECT_EQ(hex(crypto::sha256(body)), text_field(m, "envelopeSha256"));
            const auto sealed =
                agent::seal_client_message(queue_key(), crypto::to_nonce(hex_field(m, "nonce")), 4, {},
                                           {{}, body}, agent::client_message_padding)
                    .value();
            EXPECT_EQ(hex(crypto::sha256(agent::encode(sealed))), text_field(m, "sendBodySha256"));
            chain.add(int_field(m, "sndMsgId"), encoded_message);
        }
    }

  private:
    crypto::box_key queue_key() const {
        const auto own = key_of(a_, "queueDh", crypto::key_type::x25519);
        const auto peer =
            key_from_raw(crypto::key_type::x25519, hex_field(b_.at("queueDh").as_object(), "pub"));
        EXPECT_EQ(hex(crypto::dh_x25519(own, peer).value()), text_field(v_, "e2eSecret"));
        return crypto::box_key::agree(own, peer).value();
    }

    void open_confirmation() {
        const auto& confirmation = v_.at("confirmation").as_object();
        const auto body = hex_field(confirmation, "sendBody");
        EXPECT_EQ(body.size(), static_cast<std::size_t>(int_field(confirmation, "sendBodyLen")));
        const auto envelope = agent::parse_client_envelope(body).value();
        ASSERT_TRUE(envelope.dh_key);
        EXPECT_EQ(hex(envelope.dh_key->raw()), text_field(b_.at("queueDh").as_object(), "pub"));
        const auto message = agent::open_client_message(queue_key(), envelope).value();
        EXPECT_FALSE(message.sender_key);
        const auto inside =
            std::get<agent::confirmation_envelope>(agent::parse_agent_envelope(message.body).value());
        EXPECT_EQ(inside.encrypted_info.size(),
                  static_cast<std::size_t>(int_field(confirmation, "encConnInfoLen")));
        ASSERT_TRUE(inside.e2e);

        const auto own = x3dh_of(a_);
        const auto secrets = crypto::x3dh_accept(own, inside.e2e->key1, inside.e2e->key2).value();
        ratchet_ = crypto::ratchet::accept({inside.e2e->version, 3}, secrets, own.key2);
        EXPECT_EQ(hex(ratchet_->associated_data()), text_field(v_, "ratchetAd"));
        EXPECT_EQ(agent::security_code(ratchet_->associated_data()), text_field(v_, "securityCode"));
        const auto plain = ratchet_->decrypt(inside.encrypted_info, random_);
        ASSERT_TRUE(plain) << plain.error().message();
        EXPECT_EQ(hex(*plain), text_field(confirmation, "agentMessage"));

        const auto reply = std::get<agent::connection_info_reply>(agent::parse_agent_message(*plain).value());
        ASSERT_EQ(reply.queues.size(), 1U);
        EXPECT_EQ(hex(reply.queues[0].address.dh_key.raw()),
                  text_field(b_.at("replyQueueDh").as_object(), "pub"));
        chain_.add(1, *plain);
    }

    void open_message(const boost::json::object& m) {
        // Of each message either the body or the envelope inside it is given whole.
        bytes inside;
        if (!is_null(m, "sendBody")) {
            const auto body = hex_field(m, "sendBody");
            EXPECT_EQ(hex(crypto::sha256(body)), text_field(m, "sendBodySha256"));
            const auto envelope = agent::parse_client_envelope(body).value();
            EXPECT_FALSE(envelope.dh_key);
            inside = agent::open_client_message(queue_key(), envelope).value().body;
        } else {
            ASSERT_FALSE(is_null(m, "envelope"));
            // What is in the vector may be cut; the whole is made again in send().
            return;
        }
        const auto envelope = std::get<agent::message_envelope>(agent::parse_agent_envelope(inside).value());
        const auto plain = ratchet_->decrypt(envelope.encrypted_message, random_);
        ASSERT_TRUE(plain) << plain.error().message();
        EXPECT_EQ(hex(*plain), text_field(m, "agentMessage"));
    }

    const boost::json::object& v_;
    const boost::json::object& a_;
    const boost::json::object& b_;
    counting_random random_;
    std::optional<crypto::ratchet> ratchet_;
    agent::message_chain chain_;
};

TEST(agent_join_flow, is_received_and_sent_byte_for_byte) {
    std::size_t received = 0;
    std::size_t sent = 0;
    std::size_t with_kem = 0;
    const auto all = vectors(agent_file, "joinFlow");
    for (const auto& v : all) {
        const bool creator_kem = !is_null(v.at("A").as_object(), "kemPriv");
        const bool joiner_kem = !is_null(v.at("B").as_object(), "kemPriv");
        // Where both sides use the KEM its secret is part of the ratchet's keys; we decline the KEM, so such
        // a conversation never exists with us.
        if (creator_kem && joiner_kem) {
            ++with_kem;
            continue;
        }
        join_flow(v).receive();
        ++received;
        // A joiner that proposes a KEM sends what we never send.
        if (joiner_kem) continue;
        join_flow(v).send();
        ++sent;
    }
    EXPECT_EQ(received + with_kem, all.size());
    EXPECT_GE(received, 2U);
    EXPECT_GE(sent, 1U);
}

} // namespace
} // namespace plexus::test
