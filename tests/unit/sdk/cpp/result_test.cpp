#include "plexus/abi.hpp"
#include "plexus/result.hpp"

#include <gtest/gtest.h>

namespace {

using plexus::result;
using plexus::status;

result<int> half(int number) {
    if (number % 2 != 0) return make_error(status::invalid, "an odd number");
    return number / 2;
}
result<int> quarter(int number) {
    PLEXUS_TRY(const int first, half(number));
    PLEXUS_TRY(const int second, half(first));
    return second;
}
result<void> check(int number) {
    PLEXUS_CHECK(quarter(number));
    return {};
}

TEST(result, carries_a_value_or_an_error) {
    EXPECT_EQ(*quarter(8), 2);
    const auto failed = quarter(6);
    ASSERT_FALSE(failed);
    EXPECT_TRUE(failed.error().is(status::invalid));
    EXPECT_FALSE(failed.error().is(status::closed));
    EXPECT_EQ(failed.error().message(), "an odd number");
    EXPECT_THROW(failed.value(), std::bad_variant_access);
    EXPECT_FALSE(check(6));
    EXPECT_TRUE(check(4));
}

TEST(result, crosses_the_abi_and_back) {
    plexus_error* given = nullptr;
    const auto code = plexus::guard(
        &given, []() -> result<void> { return make_error(status::full, "the disk of /srv is full", true); });
    EXPECT_EQ(code, PLEXUS_E_FULL);
    ASSERT_NE(given, nullptr);
    EXPECT_EQ(plexus::text_of(given->domain), "plexus");
    const auto back = plexus::take_error(code, given);
    EXPECT_TRUE(back.is(status::full));
    EXPECT_TRUE(back.retryable());
    EXPECT_EQ(back.message(), "the disk of /srv is full");
}

TEST(result, an_exception_becomes_a_status) {
    plexus_error* given = nullptr;
    const auto code = plexus::guard(&given, []() -> result<void> { throw std::runtime_error("broken"); });
    EXPECT_EQ(code, PLEXUS_E_INTERNAL);
    EXPECT_EQ(plexus::take_error(code, given).message(), "broken");
    EXPECT_EQ(plexus::guard(nullptr, []() -> result<void> { throw std::bad_alloc(); }), PLEXUS_E_MEMORY);
}

TEST(result, a_foreign_domain_is_internal_at_the_border) {
    const plexus::error foreign("elsewhere", 3, "its own trouble");
    EXPECT_EQ(plexus::status_of(foreign), PLEXUS_E_INTERNAL);
}

} // namespace
