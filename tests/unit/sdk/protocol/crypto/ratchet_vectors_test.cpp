// The conversations of ratchet.json, replayed by each side that uses no KEM of its own: the same keys give
// the same bytes, and every state on the way is the official one.
#include "seeded_random.hpp"
#include "vectors.hpp"

#include "plexus/crypto/ratchet.hpp"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <iostream>
#include <map>

namespace plexus::crypto {
namespace {

namespace json = boost::json;
using test::hex;
using test::hex_field;
using test::int_field;
using test::text_field;

secret_array<32> secret_of(bytes_view data) { return secret_array<32>(data.first<32>()); }

TEST(ratchet_vectors, root_steps) {
    for (const auto& vector : test::vectors("ratchet.json", "rootKdf")) {
        const auto own = private_key::from_raw(key_type::x448, hex_field(vector, "priv")).value();
        const auto peer = public_key::from_raw(key_type::x448, hex_field(vector, "peerPub")).value();
        const auto agreed = dh_x448(own, peer).value();
        EXPECT_EQ(hex(agreed), text_field(vector, "dh"));
        const auto kem = test::is_null(vector, "kemShared") ? bytes() : hex_field(vector, "kemShared");
        const auto step = derive_root(secret_of(hex_field(vector, "rk")), concat({agreed, kem}));
        EXPECT_EQ(hex(step.root_key), text_field(vector, "newRk"));
        EXPECT_EQ(hex(step.chain_key), text_field(vector, "ck"));
        EXPECT_EQ(hex(step.next_header_key), text_field(vector, "nhk"));
    }
}

TEST(ratchet_vectors, chain_steps) {
    for (const auto& vector : test::vectors("ratchet.json", "chainKdf")) {
        const auto step = derive_chain(secret_of(hex_field(vector, "ck")));
        EXPECT_EQ(hex(step.chain_key), text_field(vector, "newCk"));
        EXPECT_EQ(hex(step.message_key), text_field(vector, "mk"));
        EXPECT_EQ(hex(step.message_iv), text_field(vector, "iv"));
        EXPECT_EQ(hex(step.header_iv), text_field(vector, "headerIv"));
    }
}

/// One side of a conversation, with the official states to compare with.
class participant {
  public:
    participant(const json::object& conversation, const char* name)
        : conversation_(conversation), side_(conversation.at(name).as_object()), name_(name) {}

    /// Why this side cannot be replayed; empty if it can.
    std::string reason_to_skip() const {
        const auto support = std::string("pqSupport") + name_;
        if (conversation_.at(support).as_bool()) return "supports the KEM and proposes it";
        for (const auto& event : conversation_.at("events").as_array()) {
            const auto& fields = event.as_object();
            if (text_field(fields, "by") == name_ && fields.contains("pq") && !test::is_null(fields, "pq")) {
                return "switches the KEM on";
            }
        }
        return {};
    }

    void replay() {
        state_ = start();
        expect_state("initial");
        for (const auto& event : conversation_.at("events").as_array()) {
            const auto& fields = event.as_object();
            SCOPED_TRACE(json::serialize(fields).substr(0, 300));
            const bool sending = text_field(fields, "op") == "send";
            if (sending && fields.contains("ct")) sent_[int_field(fields, "msg")] = hex_field(fields, "ct");
            if (text_field(fields, "by") != name_) continue;
            if (sending) {
                send(fields);
            } else {
                receive(fields);
            }
            state_ = ratchet::deserialize(state_.serialize()).value();
        }
        expect_state("final");
    }

  private:
    static private_key key_of(const json::object& owner, const char* name) {
        return private_key::from_raw(key_type::x448, hex_field(owner.at(name).as_object(), "priv")).value();
    }

    ratchet start() const {
        const auto& peer = conversation_.at(name_ == "A" ? "B" : "A").as_object();
        const x3dh_keys own{key_of(side_, "x1"), key_of(side_, "x2")};
        const auto peer_key1 = key_of(peer, "x1").public_part();
        const auto peer_key2 = key_of(peer, "x2").public_part();
        const auto secrets = name_ == "A" ? x3dh_accept(own, peer_key1, peer_key2).value()
                                          : x3dh_join(own, peer_key1, peer_key2).value();
        const auto& expected = side_.at("x3dh").as_object();
        EXPECT_EQ(hex(secrets.associated_data), text_field(expected, "ad"));
        EXPECT_EQ(hex(secrets.root_key), text_field(expected, "rootKey"));
        EXPECT_EQ(hex(secrets.header_key), text_field(expected, "hk"));
        EXPECT_EQ(hex(secrets.next_header_key), text_field(expected, "nhk"));

        const auto& range = side_.at("initial").as_object().at("version").as_array();
        const ratchet_versions versions{range.at(0).to_number<std::uint16_t>(),
                                        range.at(1).to_number<std::uint16_t>()};
        if (name_ == "A") return ratchet::accept(versions, secrets, own.key2);
        return ratchet::join(versions, secrets, peer_key2, key_of(side_, "dhs")).value();
    }

    void send(const json::object& event) {
        const auto size = static_cast<std::size_t>(int_field(event, "paddedLen"));
        const auto plain = hex_field(event, "plain");
        if (event.contains("error")) {
            const auto before = state_.serialize();
            const auto refused = state_.encrypt(plain, size);
            ASSERT_FALSE(refused);
            EXPECT_TRUE(refused.error().is(ratchet_error::too_large));
            EXPECT_TRUE(state_.serialize() == before);
            return;
        }
        // Messages that were sent and never received are not listed.
        while (static_cast<std::int64_t>(state_.core().sent) < int_field(event, "ns")) {
            ASSERT_TRUE(state_.encrypt({}, size));
        }
        EXPECT_EQ(static_cast<std::int64_t>(state_.core().previous_sent), int_field(event, "pn"));
        EXPECT_EQ(hex(state_.encrypt(plain, size).value()), text_field(event, "ct"));
    }

    void receive(const json::object& event) {
        const auto& message = sent_.at(int_field(event, "msg"));
        const auto before = state_.serialize();
        expect_changes_refused(message);
        EXPECT_TRUE(state_.serialize() == before);

        test::scripted_random random;
        if (event.contains("ratchetStep")) {
            random.push(hex_field(event.at("ratchetStep").as_object().at("dhs").as_object(), "priv"));
        }
        const auto plain = state_.decrypt(message, random);
        EXPECT_EQ(random.left(), 0u);
        if (event.contains("plain")) {
            ASSERT_TRUE(plain) << plain.error().message();
            EXPECT_EQ(hex(plain.value()), text_field(event, "plain"));
        } else {
            ASSERT_FALSE(plain);
            EXPECT_TRUE(plain.error().is(expected_error(text_field(event, "innerError"))))
                << plain.error().message();
            EXPECT_TRUE(state_.serialize() == before);
        }
        EXPECT_EQ(static_cast<std::int64_t>(state_.core().received), int_field(event, "nr"));
        EXPECT_EQ(static_cast<std::int64_t>(state_.stored_keys()), int_field(event, "skippedStored"));
        EXPECT_EQ(static_cast<std::int64_t>(state_.versions().current), int_field(event, "version"));
        if (event.contains("ratchetStep")) {
            EXPECT_EQ(hex(state_.core().root_key), text_field(event.at("ratchetStep").as_object(), "rk"));
        }
    }

    static ratchet_error expected_error(std::string_view official) {
        if (official.starts_with("CERatchetDuplicateMessage")) return ratchet_error::duplicate;
        if (official.starts_with("CERatchetEarlierMessage")) return ratchet_error::earlier;
        EXPECT_TRUE(official.starts_with("CERatchetTooManySkipped")) << official;
        return ratchet_error::too_many_skipped;
    }

    void expect_changes_refused(const bytes& message) {
        test::seeded_random random(message.size());
        for (int i = 0; i < 8; ++i) {
            auto changed = message;
            changed[random.next() % changed.size()] ^= static_cast<std::uint8_t>(1 + random.next() % 255);
            EXPECT_FALSE(state_.decrypt(changed, random));
            EXPECT_FALSE(state_.decrypt(bytes_view(message).first(random.next() % message.size()), random));
        }
    }

    void expect_state(const char* name) const {
        SCOPED_TRACE(name_ + ' ' + name);
        const auto& expected = side_.at(name).as_object();
        const auto& core = state_.core();
        EXPECT_EQ(hex(core.associated_data), text_field(expected, "ad"));
        EXPECT_EQ(hex(core.own.raw()), text_field(expected.at("dhs").as_object(), "priv"));
        EXPECT_EQ(hex(core.own.public_part().raw()), text_field(expected.at("dhs").as_object(), "pub"));
        EXPECT_EQ(hex(core.root_key), text_field(expected, "rk"));
        EXPECT_EQ(hex(core.next_send_header_key), text_field(expected, "nhks"));
        EXPECT_EQ(hex(core.next_receive_header_key), text_field(expected, "nhkr"));
        EXPECT_EQ(static_cast<std::int64_t>(core.sent), int_field(expected, "ns"));
        EXPECT_EQ(static_cast<std::int64_t>(core.received), int_field(expected, "nr"));
        EXPECT_EQ(static_cast<std::int64_t>(core.previous_sent), int_field(expected, "pn"));
        EXPECT_EQ(json::serialize(json::array{core.versions.current, core.versions.max_supported}),
                  json::serialize(expected.at("version")));
        ASSERT_EQ(core.sending.has_value(), !test::is_null(expected, "snd"));
        if (core.sending) {
            const auto& sending = expected.at("snd").as_object();
            EXPECT_EQ(hex(core.sending->chain_key), text_field(sending, "ck"));
            EXPECT_EQ(hex(core.sending->header_key), text_field(sending, "hk"));
            EXPECT_EQ(hex(core.sending->peer_key.raw()), text_field(sending, "dhr"));
        }
        ASSERT_EQ(core.receiving.has_value(), !test::is_null(expected, "rcv"));
        if (core.receiving) {
            const auto& receiving = expected.at("rcv").as_object();
            EXPECT_EQ(hex(core.receiving->chain_key), text_field(receiving, "ck"));
            EXPECT_EQ(hex(core.receiving->header_key), text_field(receiving, "hk"));
        }
    }

    const json::object& conversation_;
    const json::object& side_;
    std::string name_;
    ratchet state_;
    std::map<std::int64_t, bytes> sent_;
};

TEST(ratchet_vectors, conversations) {
    std::size_t replayed = 0;
    for (const auto& conversation : test::vectors("ratchet.json", "conversation")) {
        for (const char* name : {"A", "B"}) {
            SCOPED_TRACE(text_field(conversation, "name") + ", side " + name);
            participant side(conversation, name);
            if (const auto reason = side.reason_to_skip(); !reason.empty()) {
                std::cout << text_field(conversation, "name") << ", side " << name << ": not replayed, it "
                          << reason << '\n';
                continue;
            }
            side.replay();
            ++replayed;
        }
    }
    EXPECT_GT(replayed, 0u);
}

} // namespace
} // namespace plexus::crypto
