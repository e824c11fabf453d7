#include "seeded_random.hpp"

#include "plexus/crypto/at_rest.hpp"

#include <gtest/gtest.h>

namespace plexus::crypto {
namespace {

/// Cheap enough for tests; the check is the same.
constexpr passphrase_cost test_cost{1, 64};

TEST(data_key, a_value_opens_only_where_it_was_written) {
    test::seeded_random random;
    const auto key = data_key::generate(random);
    const auto value = to_bytes("a message");
    const auto sealed = key.seal("messages", as_bytes("k1"), value, random);
    EXPECT_EQ(sealed.size(), value.size() + 40);
    EXPECT_EQ(key.open("messages", as_bytes("k1"), sealed).value(), value);
    EXPECT_FALSE(key.open("messages", as_bytes("k2"), sealed));
    EXPECT_FALSE(key.open("contacts", as_bytes("k1"), sealed));
    EXPECT_FALSE(key.open("messagesk", as_bytes("1"), sealed));
    EXPECT_FALSE(data_key::generate(random).open("messages", as_bytes("k1"), sealed));
    EXPECT_NE(key.seal("messages", as_bytes("k1"), value, random), sealed);
    EXPECT_EQ(key.open("t", {}, key.seal("t", {}, {}, random)).value(), bytes());
}

TEST(data_key, every_change_and_every_cut_is_noticed) {
    test::seeded_random random;
    const auto key = data_key::generate(random);
    const auto sealed = key.seal("t", as_bytes("k"), as_bytes("value"), random);
    for (std::size_t at = 0; at < sealed.size(); ++at) {
        auto changed = sealed;
        changed[at] ^= 1;
        const auto opened = key.open("t", as_bytes("k"), changed);
        ASSERT_FALSE(opened);
        EXPECT_TRUE(opened.error().is(crypto_error::not_authentic));
        EXPECT_FALSE(key.open("t", as_bytes("k"), bytes_view(sealed).first(at)));
    }
}

TEST(data_key, names_become_hashes) {
    test::seeded_random random;
    const auto key = data_key::generate(random);
    EXPECT_EQ(key.hash_name("contacts", as_bytes("bob")), key.hash_name("contacts", as_bytes("bob")));
    EXPECT_NE(key.hash_name("contacts", as_bytes("bob")), key.hash_name("groups", as_bytes("bob")));
    EXPECT_NE(key.hash_name("ab", as_bytes("c")), key.hash_name("a", as_bytes("bc")));
    EXPECT_NE(key.hash_name("contacts", as_bytes("bob")),
              data_key::generate(random).hash_name("contacts", as_bytes("bob")));
}

TEST(data_key, gives_keys_to_others) {
    test::seeded_random random;
    const auto key = data_key::generate(random);
    EXPECT_EQ(key.derive("chat"), key.derive("chat"));
    EXPECT_FALSE(key.derive("chat") == key.derive("chats"));
    EXPECT_FALSE(key.derive("chat") == data_key::generate(random).derive("chat"));
    const data_key derived(key.derive("chat"));
    EXPECT_FALSE(key.open("t", {}, derived.seal("t", {}, as_bytes("v"), random)));
}

TEST(passphrase, opens_the_key_it_wrapped) {
    test::seeded_random random;
    const auto key = data_key::generate(random);
    const auto wrapped = wrap_data_key(key, as_bytes("correct horse"), test_cost, random).value();
    const auto again = unwrap_data_key(wrapped, as_bytes("correct horse"));
    ASSERT_TRUE(again);
    EXPECT_EQ(again->hash_name("t", as_bytes("n")), key.hash_name("t", as_bytes("n")));
    EXPECT_EQ(again->open("t", {}, key.seal("t", {}, as_bytes("v"), random)).value(), to_bytes("v"));

    const auto wrong = unwrap_data_key(wrapped, as_bytes("correct horsf"));
    ASSERT_FALSE(wrong);
    EXPECT_TRUE(wrong.error().is(crypto_error::bad_passphrase));
    EXPECT_FALSE(unwrap_data_key(wrapped, {}));

    const auto changed_passphrase = wrap_data_key(*again, as_bytes("new"), test_cost, random).value();
    EXPECT_TRUE(unwrap_data_key(changed_passphrase, as_bytes("new")));
    EXPECT_FALSE(unwrap_data_key(changed_passphrase, as_bytes("correct horse")));
}

TEST(passphrase, damaged_and_dangerous_files_are_refused) {
    test::seeded_random random;
    const auto wrapped = wrap_data_key(data_key::generate(random), as_bytes("p"), test_cost, random).value();
    for (std::size_t size = 0; size < wrapped.size(); ++size) {
        const auto cut = unwrap_data_key(bytes_view(wrapped).first(size), as_bytes("p"));
        ASSERT_FALSE(cut);
        EXPECT_TRUE(cut.error().is(crypto_error::bad_format));
    }
    for (std::size_t at = 12; at < wrapped.size(); ++at) {
        auto changed = wrapped;
        changed[at] ^= 1;
        EXPECT_FALSE(unwrap_data_key(changed, as_bytes("p"))) << at;
    }
    auto greedy = wrapped;
    std::fill(greedy.begin() + 4, greedy.begin() + 12, std::uint8_t{0xff});
    const auto refused = unwrap_data_key(greedy, as_bytes("p"));
    ASSERT_FALSE(refused);
    EXPECT_TRUE(refused.error().is(crypto_error::bad_format));
    EXPECT_FALSE(wrap_data_key(data_key::generate(random), as_bytes("p"), {0, 64}, random));
    EXPECT_FALSE(wrap_data_key(data_key::generate(random), as_bytes("p"), {1, 2 * 1024 * 1024}, random));
}

} // namespace
} // namespace plexus::crypto
