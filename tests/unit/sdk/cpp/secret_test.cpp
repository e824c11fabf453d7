#include "plexus/secret.hpp"

#include <gtest/gtest.h>

#include <new>

namespace {

TEST(secret, compares_by_content_and_size) {
    const plexus::secret_bytes a(plexus::as_bytes("one key"));
    EXPECT_TRUE(a == plexus::secret_bytes(plexus::as_bytes("one key")));
    EXPECT_FALSE(a == plexus::secret_bytes(plexus::as_bytes("one kez")));
    EXPECT_FALSE(a == plexus::secret_bytes(plexus::as_bytes("one ke")));
}

TEST(secret, is_wiped_when_it_ends) {
    alignas(plexus::secret_array<32>) unsigned char memory[sizeof(plexus::secret_array<32>)];
    auto* key = new (memory) plexus::secret_array<32>();
    std::fill_n(key->data(), 32, std::uint8_t{0x5a});
    key->~secret_array();
    for (const auto byte : memory) EXPECT_EQ(byte, 0);
}

TEST(secret, moving_leaves_nothing_behind) {
    plexus::secret_bytes from(plexus::as_bytes("one key"));
    const plexus::secret_bytes to(std::move(from));
    EXPECT_TRUE(from.empty()); // NOLINT(bugprone-use-after-move): this is what is tested
    EXPECT_EQ(to.size(), 7U);
}

} // namespace
