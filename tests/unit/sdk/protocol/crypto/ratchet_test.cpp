#include "seeded_random.hpp"

#include "plexus/crypto/ratchet.hpp"
#include "plexus/encoding/reader.hpp"

#include <gtest/gtest.h>

namespace plexus::crypto {
namespace {

constexpr std::size_t padded_size = 100;

/// Two ends of a connection.
struct pair {
    test::seeded_random random;
    ratchet creator;
    ratchet joiner;

    explicit pair(std::uint64_t seed, ratchet_versions creator_versions = {},
                  ratchet_versions joiner_versions = {})
        : random(seed) {
        const auto invitation = x3dh_keys::generate(random);
        const auto reply = x3dh_keys::generate(random);
        const auto& key1 = invitation.key1.public_part();
        const auto& key2 = invitation.key2.public_part();
        joiner = ratchet::join(joiner_versions, x3dh_join(reply, key1, key2).value(), key2,
                               private_key::generate(key_type::x448, random))
                     .value();
        creator = ratchet::accept(
            creator_versions,
            x3dh_accept(invitation, reply.key1.public_part(), reply.key2.public_part()).value(),
            invitation.key2);
    }

    bytes from_joiner(std::string_view text) { return joiner.encrypt(as_bytes(text), padded_size).value(); }
    bytes from_creator(std::string_view text) { return creator.encrypt(as_bytes(text), padded_size).value(); }
    result<bytes> at_creator(bytes_view message) { return creator.decrypt(message, random); }
    result<bytes> at_joiner(bytes_view message) { return joiner.decrypt(message, random); }
};

TEST(ratchet, the_creator_sends_after_it_has_received) {
    pair both(1);
    EXPECT_FALSE(both.creator.can_send());
    const auto early = both.creator.encrypt({}, padded_size);
    ASSERT_FALSE(early);
    EXPECT_TRUE(early.error().is(ratchet_error::cannot_send));
    EXPECT_EQ(both.at_creator(both.from_joiner("hello")).value(), to_bytes("hello"));
    EXPECT_TRUE(both.creator.can_send());
    EXPECT_EQ(both.at_joiner(both.from_creator("welcome")).value(), to_bytes("welcome"));
    EXPECT_TRUE(equal(both.creator.associated_data(), both.joiner.associated_data()));
}

TEST(ratchet, sizes_depend_on_the_padding_alone) {
    pair both(2);
    EXPECT_EQ(both.from_joiner("").size(), both.from_joiner(std::string(98, 'x')).size());
    EXPECT_FALSE(both.joiner.encrypt(bytes(99), padded_size));
}

TEST(ratchet, a_message_decrypts_once) {
    pair both(3);
    const auto first = both.from_joiner("1");
    const auto second = both.from_joiner("2");
    const auto third = both.from_joiner("3");
    ASSERT_TRUE(both.at_creator(third));
    ASSERT_TRUE(both.at_creator(first));
    for (const auto* again : {&first, &third}) {
        const auto refused = both.at_creator(*again);
        ASSERT_FALSE(refused);
    }
    EXPECT_EQ(both.creator.stored_keys(), 1u);
    ASSERT_TRUE(both.at_creator(second));
    EXPECT_EQ(both.creator.stored_keys(), 0u);
}

/// Random deliveries: late, out of order, repeated, lost and corrupted; both states stored and read between
/// steps.
TEST(ratchet, any_order_of_delivery) {
    for (std::uint64_t seed = 1; seed <= 12; ++seed) {
        SCOPED_TRACE(seed);
        const bool old_start = seed % 3 == 0;
        const ratchet_versions versions{old_start ? std::uint16_t{2} : std::uint16_t{3}, 3};
        pair both(seed, versions, versions);
        struct in_flight {
            bool to_creator;
            std::string text;
            bytes message;
        };
        std::vector<in_flight> flying;
        std::vector<in_flight> delivered;
        int number = 0;
        for (int step = 0; step < 120; ++step) {
            const auto dice = both.random.next() % 10;
            if (dice < 5 || flying.empty()) {
                const bool to_creator = both.random.next() % 2 == 0 || !both.creator.can_send();
                const auto text = std::to_string(++number);
                flying.push_back(
                    {to_creator, text, to_creator ? both.from_joiner(text) : both.from_creator(text)});
                continue;
            }
            const auto at = static_cast<std::ptrdiff_t>(both.random.next() % flying.size());
            auto& chosen = flying[static_cast<std::size_t>(at)];
            auto& receiver = chosen.to_creator ? both.creator : both.joiner;
            const auto before = receiver.serialize();
            if (dice == 5) {
                auto changed = chosen.message;
                changed[both.random.next() % changed.size()] ^= 0x10;
                EXPECT_FALSE(receiver.decrypt(changed, both.random));
                EXPECT_TRUE(receiver.serialize() == before);
            } else if (dice == 6 && !delivered.empty()) {
                const auto& repeated = delivered[both.random.next() % delivered.size()];
                auto& again = repeated.to_creator ? both.creator : both.joiner;
                EXPECT_FALSE(again.decrypt(repeated.message, both.random));
            } else {
                const auto plain = receiver.decrypt(chosen.message, both.random);
                ASSERT_TRUE(plain) << plain.error().message();
                EXPECT_EQ(to_string(plain.value()), chosen.text);
                delivered.push_back(std::move(chosen));
                flying.erase(flying.begin() + at);
            }
            both.creator = ratchet::deserialize(both.creator.serialize()).value();
            both.joiner = ratchet::deserialize(both.joiner.serialize()).value();
        }
        for (const auto& rest : flying) {
            auto& receiver = rest.to_creator ? both.creator : both.joiner;
            EXPECT_EQ(to_string(receiver.decrypt(rest.message, both.random).value()), rest.text);
        }
        EXPECT_EQ(both.creator.stored_keys(), 0u);
        EXPECT_EQ(both.joiner.stored_keys(), 0u);
    }
}

TEST(ratchet, versions_rise_when_both_can) {
    pair both(4, {2, 3}, {2, 3});
    const auto old_form = both.from_joiner("1");
    EXPECT_GE(old_form[0], 32);
    ASSERT_TRUE(both.at_creator(old_form));
    EXPECT_EQ(both.creator.versions().current, 3);
    const auto new_form = both.from_creator("2");
    EXPECT_LT(new_form[0], 32);
    ASSERT_TRUE(both.at_joiner(new_form));
    EXPECT_EQ(both.joiner.versions().current, 3);

    pair mixed(5, {2, 2}, {2, 3});
    ASSERT_TRUE(mixed.at_creator(mixed.from_joiner("1")));
    EXPECT_EQ(mixed.creator.versions().current, 2);
}

TEST(ratchet, skipped_keys_are_bounded_in_a_jump_and_in_all) {
    pair both(6);
    std::size_t jumps = 0;
    bytes oldest = both.from_joiner("oldest");
    for (; jumps < max_stored_keys / max_skipped_messages + 2; ++jumps) {
        for (std::uint32_t i = jumps == 0 ? 1 : 0; i < max_skipped_messages; ++i) both.from_joiner("lost");
        ASSERT_TRUE(both.at_creator(both.from_joiner("arrives")));
        EXPECT_LE(both.creator.stored_keys(), max_stored_keys);
    }
    EXPECT_EQ(both.creator.stored_keys(), max_stored_keys);
    EXPECT_FALSE(both.at_creator(oldest));

    for (std::uint32_t i = 0; i <= max_skipped_messages; ++i) both.from_joiner("lost");
    const auto before = both.creator.serialize();
    const auto refused = both.at_creator(both.from_joiner("too far"));
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().is(ratchet_error::too_many_skipped));
    EXPECT_TRUE(both.creator.serialize() == before);
    EXPECT_EQ(ratchet::deserialize(before).value().stored_keys(), max_stored_keys);
}

TEST(ratchet, messages_of_others_are_refused) {
    pair ours(7);
    pair theirs(8);
    const auto foreign = ours.at_creator(theirs.from_joiner("x"));
    ASSERT_FALSE(foreign);
    EXPECT_TRUE(foreign.error().is(ratchet_error::bad_header));
    test::seeded_random random(9);
    for (std::size_t size = 0; size < 300; ++size) {
        bytes garbage(size);
        random.fill(garbage);
        EXPECT_FALSE(ours.at_creator(garbage));
    }
}

TEST(ratchet, stored_bytes_are_checked) {
    pair both(10);
    both.from_joiner("skipped");
    ASSERT_TRUE(both.at_creator(both.from_joiner("x")));
    const auto stored = both.creator.serialize();
    for (std::size_t size = 0; size < stored.size(); ++size) {
        EXPECT_FALSE(ratchet::deserialize(bytes_view(stored).first(size))) << size;
    }
    auto longer = to_bytes(stored);
    longer.push_back(0);
    EXPECT_FALSE(ratchet::deserialize(longer));
    longer.pop_back();
    longer[0] = 9;
    const auto unknown = ratchet::deserialize(longer);
    ASSERT_FALSE(unknown);
    EXPECT_TRUE(unknown.error().is(ratchet_error::bad_state));
}

TEST(ratchet, weak_keys_are_refused) {
    pair both(11);
    const auto nothing = public_key::from_raw(key_type::x448, bytes(56)).value();
    EXPECT_FALSE(
        ratchet::join({}, x3dh_secrets{}, nothing, private_key::generate(key_type::x448, both.random)));
}

} // namespace
} // namespace plexus::crypto
