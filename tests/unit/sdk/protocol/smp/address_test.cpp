#include "plexus/smp/address.hpp"

#include "vector_fields.hpp"

namespace plexus::smp::test {
namespace {

constexpr std::string_view fingerprint = "LcJUMfVhwD8yxjAiSaDzzGF3-kLG4Uh0Fl_ZIjrRwjI=";

TEST(address, is_read_and_printed) {
    const std::string prefix = "smp://" + std::string(fingerprint);
    for (const auto& text :
         {prefix + "@smp.example.com", prefix + "@127.0.0.1:5223", prefix + ":s3cr3t!@localhost:1",
          prefix + "@smp.example.com,beccx4yfxxbvyhqypaavemqurytl6hozr47wfc7uuecacjqdvwpw2xid.onion:443"}) {
        const auto parsed = parse_server_address(text);
        ASSERT_TRUE(parsed) << parsed.error().message();
        EXPECT_EQ(to_text(*parsed), text);
        bytes binary;
        encoding::writer writer(binary);
        write(writer, *parsed);
        encoding::reader in(binary);
        auto back = read_server_address(in);
        EXPECT_TRUE(in.done());
        back.password = parsed->password;
        EXPECT_EQ(back, *parsed);
    }
    const auto secret = parse_server_address(prefix + ":pass@host").value();
    EXPECT_EQ(to_public_text(secret), prefix + "@host");
    EXPECT_EQ(secret.port_number(), default_port);
    EXPECT_EQ(parse_server_address(prefix + "@host:443")->port_number(), 443);
}

TEST(address, addresses_of_official_servers) {
    for (const auto& vector : vectors("handshake.json", "serverCertificates")) {
        const auto parsed = parse_server_address(text_field(vector, "address"));
        ASSERT_TRUE(parsed);
        EXPECT_EQ(hex(parsed->fingerprint), text_field(vector, "fingerprint"));
        EXPECT_EQ(to_text(*parsed), text_field(vector, "address"));
    }
}

TEST(address, what_follows_is_left) {
    std::string text = "smp://" + std::string(fingerprint) + "@a.com:80/xyz";
    std::string_view rest = text;
    ASSERT_TRUE(take_server_address(rest));
    EXPECT_EQ(rest, "/xyz");
}

TEST(address, a_mistake_is_named) {
    const std::string good(fingerprint);
    const std::pair<std::string, std::string> cases[] = {
        {"", "smp://"},
        {"xftp://" + good + "@h", "smp://"},
        {"smp://short@h", "fingerprint"},
        {"smp://" + good, "'@'"},
        {"smp://" + good + "@", "host"},
        {"smp://" + good + "@h,", "host"},
        {"smp://" + good + ":@h", "password"},
        {"smp://" + good + ":a b@h", "password"},
        {"smp://" + good + "@h:x", "port"},
        {"smp://" + good + "@h:70000", "port"},
        {"smp://" + good + "@h:1/x", "/x"},
    };
    for (const auto& [text, word] : cases) {
        const auto parsed = parse_server_address(text);
        ASSERT_FALSE(parsed) << text;
        EXPECT_TRUE(parsed.error().is(failure::address));
        EXPECT_NE(parsed.error().message().find(word), std::string::npos) << parsed.error().message();
    }
}

} // namespace
} // namespace plexus::smp::test
