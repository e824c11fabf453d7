#include "plexus/encoding/base64.hpp"
#include "plexus/encoding/text.hpp"
#include "plexus/encoding/version.hpp"

#include <gtest/gtest.h>

namespace plexus::encoding {
namespace {

TEST(numbers, bounds) {
    EXPECT_EQ(parse_decimal("65535", 65'535), 65'535u);
    EXPECT_EQ(parse_decimal("65536", 65'535), std::nullopt);
    EXPECT_EQ(parse_decimal("18446744073709551615", ~std::uint64_t{0}), ~std::uint64_t{0});
    EXPECT_EQ(parse_decimal("18446744073709551616", ~std::uint64_t{0}), std::nullopt);
    EXPECT_EQ(parse_decimal("9", 5), std::nullopt);
    EXPECT_EQ(parse_decimal("", 5), std::nullopt);
    EXPECT_EQ(parse_decimal("1x", 5), std::nullopt);
    EXPECT_EQ(parse_signed("-9223372036854775808"), std::numeric_limits<std::int64_t>::min());
    EXPECT_EQ(parse_signed("9223372036854775808"), std::nullopt);
    EXPECT_EQ(parse_signed("+5"), 5);
    EXPECT_EQ(parse_signed("-"), std::nullopt);
    std::string_view text = "17-18";
    EXPECT_EQ(take_decimal(text, 100), 17u);
    EXPECT_EQ(text, "-18");
}

TEST(version_ranges, text) {
    EXPECT_EQ(parse_version_range("6-17"), (version_range{6, 17}));
    EXPECT_EQ(parse_version_range("17-6"), std::nullopt);
    EXPECT_EQ(parse_version_range("6-"), std::nullopt);
    EXPECT_EQ(parse_version_range("-6"), std::nullopt);
    EXPECT_EQ(parse_version_range("6-7-8"), std::nullopt);
}

TEST(times, both_ways) {
    for (const char* text : {"1970-01-01T00:00:00Z", "1969-12-31T23:59:59.5Z", "2024-02-29T00:00:00Z",
                             "2025-12-31T23:59:59.123456Z", "9999-12-31T23:59:59.000001Z"}) {
        const auto time = parse_time(text);
        ASSERT_TRUE(time.has_value()) << text;
        EXPECT_EQ(to_text(*time), text);
    }
    EXPECT_EQ(to_text(parse_time("2025-01-01T00:00:00.123456789Z").value()), "2025-01-01T00:00:00.123456Z");
    EXPECT_EQ(to_text(parse_time("2016-12-31T23:59:60Z").value()), "2017-01-01T00:00:00Z");
}

TEST(times, wrong_ones_are_refused) {
    for (const char* text : {"", "2025", "2023-02-29T00:00:00Z", "2025-13-01T00:00:00Z",
                             "2025-01-01T24:00:00Z", "2025-01-01T00:60:00Z", "2025-01-01T00:00:61Z",
                             "2025-01-01T00:00:00", "2025-01-01T00:00:00.Z", "2025-01-01 00:00:00Z",
                             "2025-01-01T00:00:00Z ", "+025-01-01T00:00:00Z", "2025-01-01T00:00:00+01"}) {
        EXPECT_FALSE(parse_time(text).has_value()) << text;
    }
}

TEST(hosts, kinds_and_normal_forms) {
    const auto check = [](std::string_view text, host_kind kind, std::string_view name) {
        const auto found = parse_host(text);
        ASSERT_TRUE(found.has_value()) << text;
        EXPECT_EQ(found->kind, kind) << text;
        EXPECT_EQ(found->name, name) << text;
    };
    check("10.0.0.1", host_kind::ipv4, "10.0.0.1");
    check("[2001:0DB8:0:0:1:0:0:1]", host_kind::ipv6, "2001:db8::1:0:0:1");
    check("1:2:3:4:5:6:7:8", host_kind::ipv6, "1:2:3:4:5:6:7:8");
    check("1::", host_kind::ipv6, "1::");
    check("::", host_kind::ipv6, "::");
    check("0:1::", host_kind::ipv6, "0:1::");
    check("1:0:3:4:5:6:7:8", host_kind::ipv6, "1:0:3:4:5:6:7:8");
    check("cafe", host_kind::domain, "cafe");
    check("cafe.example.com", host_kind::domain, "cafe.example.com");
    check("abc234.onion", host_kind::onion, "abc234.onion");
}

TEST(hosts, wrong_ones_are_refused) {
    for (const char* text : {"", "[::1", "[1:2]", "1.2.3.4.5", "a.b.onion", "Abc.onion", "abc.onion.com",
                             "a:b", "a#b", "a;b", "1::2::3", "1:2:3:4:5:6:7:8:9", "12345::", ":1"}) {
        EXPECT_FALSE(parse_host(text).has_value()) << text;
    }
    EXPECT_FALSE(parse_hosts(",").has_value());
    EXPECT_FALSE(parse_hosts("a,,b").has_value());
    EXPECT_EQ(parse_hosts("a,b").value().size(), 2u);
}

TEST(hosts, leave_what_follows) {
    std::string_view text = "smp.example.com:5223";
    EXPECT_EQ(take_host(text).value().name, "smp.example.com");
    EXPECT_EQ(text, ":5223");
}

TEST(queries, decoding) {
    const auto query = query_string::parse("?v=1-4&dh=a%2Fb%3D&flag&x=1+2&=empty&v=9;k=2");
    EXPECT_EQ(query.find("v"), "1-4");
    EXPECT_EQ(query.find("dh"), "a/b=");
    EXPECT_EQ(query.find("flag"), "");
    EXPECT_EQ(query.find("x"), "1 2");
    EXPECT_EQ(query.find("k"), "2");
    EXPECT_EQ(query.find("none"), std::nullopt);
    EXPECT_EQ(percent_decode("%zz%4"), "%zz%4");
    EXPECT_EQ(percent_encode("smp://a=@b,c/d#é"), "smp%3A%2F%2Fa%3D%40b%2Cc%2Fd%23%C3%A9");
}

TEST(base64, both_alphabets) {
    const bytes data = {0xfb, 0xff, 0xfe};
    EXPECT_EQ(base64url_encode(data), "-__-");
    EXPECT_EQ(base64_encode(data), "+//+");
    EXPECT_EQ(base64_decode("+//+"), data);
    EXPECT_EQ(base64_decode("-__-"), std::nullopt);
    EXPECT_EQ(base64_decode("Zg"), std::nullopt);
    EXPECT_EQ(base64_decode("Zg=="), bytes{'f'});
    EXPECT_EQ(base64url_decode("Z"), std::nullopt);
    EXPECT_EQ(base64url_decode("===="), std::nullopt);
    for (std::size_t size = 0; size < 70; ++size) {
        bytes each(size);
        for (std::size_t i = 0; i < size; ++i) each[i] = static_cast<std::uint8_t>(i * 37 + size);
        EXPECT_EQ(base64url_decode(base64url_encode(each)), each);
        EXPECT_EQ(base64_decode(base64_encode(each)), each);
    }
    std::string_view text = "=Zg";
    EXPECT_EQ(take_base64url(text), std::nullopt);
    EXPECT_EQ(text, "=Zg");
}

TEST(utf8, validity) {
    EXPECT_TRUE(is_utf8("a\xd0\xbf\xe2\x82\xac\xf0\x9f\x99\x82"));
    for (const char* text :
         {"\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\x80", "\xe2\x82", "\xff"}) {
        EXPECT_FALSE(is_utf8(text));
    }
}

} // namespace
} // namespace plexus::encoding
