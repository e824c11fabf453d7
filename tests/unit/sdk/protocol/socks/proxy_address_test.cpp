// Addresses of SOCKS proxies as people write them, and the credentials that follow from them.
#include "plexus/socks/proxy_address.hpp"

#include <gtest/gtest.h>

namespace plexus::socks {
namespace {

proxy_address read(std::string_view text) {
    auto parsed = parse_proxy_address(text);
    EXPECT_TRUE(parsed) << text << ": " << (parsed ? "" : parsed.error().message());
    if (!parsed || !*parsed) return {};
    return std::move(**parsed);
}

std::string text(const secret_bytes& secret) { return to_string(bytes_view(secret)); }

TEST(proxy_address, has_the_official_forms) {
    struct row {
        const char* text;
        authentication how;
        const char* host;
        std::uint16_t port;
        const char* shown;
    };
    const row rows[] = {
        {"on", authentication::isolate, "127.0.0.1", 9050, "127.0.0.1:9050"},
        {":9150", authentication::isolate, "127.0.0.1", 9150, "127.0.0.1:9150"},
        {"10.0.0.1", authentication::isolate, "10.0.0.1", 9050, "10.0.0.1:9050"},
        {"10.0.0.1:1080", authentication::isolate, "10.0.0.1", 1080, "10.0.0.1:1080"},
        {"[::1]:1080", authentication::isolate, "::1", 1080, "[::1]:1080"},
        {"::1", authentication::isolate, "::1", 9050, "[::1]:9050"},
        {"proxy.example:65535", authentication::isolate, "proxy.example", 65535, "proxy.example:65535"},
        {"@", authentication::none, "127.0.0.1", 9050, "@127.0.0.1:9050"},
        {"@10.0.0.1:1080", authentication::none, "10.0.0.1", 1080, "@10.0.0.1:1080"},
        {"me:pass@10.0.0.1:1080", authentication::password, "10.0.0.1", 1080, "***@10.0.0.1:1080"},
        {"me:@", authentication::password, "127.0.0.1", 9050, "***@127.0.0.1:9050"},
        {"me:p@ss:w@:1080", authentication::password, "127.0.0.1", 1080, "***@127.0.0.1:1080"},
    };
    for (const auto& one : rows) {
        const auto parsed = read(one.text);
        EXPECT_EQ(parsed.how, one.how) << one.text;
        EXPECT_EQ(parsed.host, one.host) << one.text;
        EXPECT_EQ(parsed.port, one.port) << one.text;
        EXPECT_EQ(to_text(parsed), one.shown) << one.text;
    }
    EXPECT_EQ(text(read("me:p@ss:w@:1080").given.user), "me");
    EXPECT_EQ(text(read("me:p@ss:w@:1080").given.password), "p@ss:w");
    EXPECT_FALSE(*parse_proxy_address("off"));
}

TEST(proxy_address, may_be_a_unix_socket) {
    EXPECT_EQ(read("unix:/run/tor/socks").path, "/run/tor/socks");
    EXPECT_EQ(read("unix:/run/a@b:c").path, "/run/a@b:c");
    EXPECT_EQ(to_text(read("@unix:/run/tor/socks")), "@unix:/run/tor/socks");
    EXPECT_EQ(to_text(read("me:pass@unix:/s")), "***@unix:/s");
}

TEST(proxy_address, says_what_is_wrong) {
    for (const std::string_view wrong :
         {"", "me@host:1", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:", "10.0.0.1:1x", "10.0.0.1 ", "a/b",
          "abc.onion:9050", "unix:relative", "[::1", "<torS0X>0:@", "socks5://10.0.0.1"}) {
        const auto parsed = parse_proxy_address(wrong);
        ASSERT_FALSE(parsed) << wrong;
        EXPECT_NE(parsed.error().message().find("HOST:PORT"), std::string::npos) << parsed.error().message();
    }
    EXPECT_FALSE(parse_proxy_address(std::string(256, 'u') + ":@"));
    EXPECT_FALSE(parse_proxy_address("unix:/" + std::string(107, 'u')));
    EXPECT_FALSE(parse_proxy_address(std::string_view("a\0b:1", 5)));
}

TEST(proxy_address, makes_credentials_of_the_isolation) {
    const auto user = [](std::string_view address, std::string_view isolation,
                         std::string_view generation = "") {
        const auto made = credentials_for(read(address), as_bytes(isolation), as_bytes(generation));
        return made ? text(made->user) + ":" + text(made->password) : "none";
    };
    // As the official app: base64 of the SHA-256 of what is isolated, and an empty password.
    EXPECT_EQ(user("on", "abc"), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=:");
    EXPECT_NE(user("on", "abc"), user("on", "abd"));
    EXPECT_NE(user("on", "abc"), user("on", "abc", "1"));
    EXPECT_EQ(user("@", "abc"), "none");
    EXPECT_EQ(user("me:pass@", "abc"), "me:pass");
    EXPECT_EQ(user("me:pass@", "abd", "1"), "me:pass");
}

} // namespace
} // namespace plexus::socks
