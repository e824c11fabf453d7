#include "plexus/tor_control/onion.hpp"

#include "plexus/encoding/base32.hpp"

#include "seeded_random.hpp"
#include "vectors.hpp"

#include <gtest/gtest.h>

namespace plexus::tor_control {
namespace {

// Made by tor 0.4.9.11: hs_ed25519_secret_key and hostname of one service.
constexpr std::string_view key_file =
    "3d3d206564323535313976312d7365637265743a207479706530203d3d00000098d69712cc670f0075a128c190082b5a73cfebb5"
    "b1"
    "544fd5d0ae38dbae40956140ecd62df36787ec4d501fd9026b075c6fcff804677465e3487fa026fad10ab9";
constexpr std::string_view host = "wqfhv7gzc4p3znjg3wmyczp5vvlpdckjamc3pacbbjh4wi5u7nlzraqd.onion";

TEST(Base32, ThereAndBack) {
    // RFC 4648, section 10.
    const std::pair<std::string_view, std::string_view> known[] = {{"", ""},
                                                                   {"f", "my"},
                                                                   {"fo", "mzxq"},
                                                                   {"foo", "mzxw6"},
                                                                   {"foob", "mzxw6yq"},
                                                                   {"fooba", "mzxw6ytb"},
                                                                   {"foobar", "mzxw6ytboi"}};
    for (const auto& [plain, coded] : known) {
        EXPECT_EQ(encoding::base32_encode(as_bytes(plain)), coded);
        EXPECT_EQ(encoding::base32_decode(coded), to_bytes(plain));
    }
    EXPECT_EQ(encoding::base32_decode("MZXW6"), to_bytes(std::string_view("foo")));
    for (const auto wrong : {"m", "mzx", "mzxw6y", "mz", "m1", "mzxq=", "0000"})
        EXPECT_EQ(encoding::base32_decode(wrong), std::nullopt) << wrong;
}

TEST(OnionKey, FileOfTor) {
    const auto file = test::unhex(key_file);
    const auto key = onion_key::parse_file(file);
    ASSERT_TRUE(key);
    EXPECT_EQ(key->host(), host);
    EXPECT_EQ(key->file(), secret_bytes(file));
    EXPECT_TRUE(is_onion_host(host));
}

TEST(OnionKey, FilesThatAreNone) {
    auto file = test::unhex(key_file);
    EXPECT_FALSE(onion_key::parse_file({}));
    EXPECT_FALSE(onion_key::parse_file(bytes_view(file).first(95)));
    for (const std::size_t at : {std::size_t(0), std::size_t(30), std::size_t(32), std::size_t(63)}) {
        auto changed = file;
        changed[at] ^= at == 63 ? 0x80 : 1;
        EXPECT_FALSE(onion_key::parse_file(changed)) << at;
    }
}

TEST(OnionKey, NewOnes) {
    test::seeded_random random(7);
    const auto one = onion_key::generate(random);
    const auto other = onion_key::generate(random);
    EXPECT_NE(one.host(), other.host());
    EXPECT_TRUE(is_onion_host(one.host()));
    const auto again = onion_key::parse_file(one.file());
    ASSERT_TRUE(again);
    EXPECT_EQ(again->host(), one.host());
}

TEST(OnionHost, Checksum) {
    EXPECT_TRUE(is_onion_host("www." + std::string(host)));
    std::string upper(host.substr(0, 56));
    for (auto& c : upper) c = static_cast<char>(std::toupper(c));
    EXPECT_TRUE(is_onion_host(upper + ".onion"));
    std::string wrong(host);
    wrong[3] = wrong[3] == 'a' ? 'b' : 'a';
    EXPECT_FALSE(is_onion_host(wrong));
    EXPECT_FALSE(is_onion_host("expyuzz4wqqyqhjn.onion")); // version 2
    EXPECT_FALSE(is_onion_host("example.com"));
    EXPECT_FALSE(is_onion_host(".onion"));
    EXPECT_FALSE(is_onion_host(host.substr(0, 56)));
}

TEST(OnionCommands, Add) {
    const auto key = onion_key::parse_file(test::unhex(key_file));
    ASSERT_TRUE(key);
    const std::string begin = "ADD_ONION ED25519-V3:mNaXEsxnDwB1oSjBkAgrWnPP67WxVE/V0K4426"
                              "5AlWFA7NYt82eH7E1QH9kCawdcb8/4BGd0ZeNIf6Am+tEKuQ==";
    const std::vector<onion_port> ports{{5223, "127.0.0.1:5223"}, {443, "127.0.0.1:8443"}};
    EXPECT_EQ(to_string(add_onion(*key, ports, {})),
              begin + " Flags=DiscardPK Port=5223,127.0.0.1:5223 Port=443,127.0.0.1:8443\r\n");
    const auto client = parse_authorized_client("descriptor:x25519:" + std::string(52, 'A'));
    ASSERT_TRUE(client);
    EXPECT_EQ(to_string(add_onion(*key, {ports[0]}, {*client})),
              begin + " Flags=DiscardPK,V3Auth Port=5223,127.0.0.1:5223 ClientAuthV3=" +
                  std::string(52, 'a') + "\r\n");
    EXPECT_EQ(delete_onion(host), "DEL_ONION " + std::string(host.substr(0, 56)));
}

TEST(OnionCommands, ClientKeys) {
    const std::string name(host.substr(0, 56));
    const auto line = add_client_key(name + ":descriptor:x25519:" + std::string(52, 'a'));
    ASSERT_TRUE(line);
    EXPECT_EQ(to_string(*line),
              "ONION_CLIENT_AUTH_ADD " + name + " x25519:" + std::string(43, 'A') + "=\r\n");
    EXPECT_TRUE(add_client_key(std::string(host) + ":descriptor:x25519:" + std::string(52, 'A')));
    for (const std::string& wrong : std::vector<std::string>{
             "", name, name + ":descriptor:x25519:abc", ":descriptor:x25519:abc",
             "x:descriptor:x25519:" + std::string(52, 'a'), name + ":x25519:" + std::string(52, 'a')})
        EXPECT_FALSE(add_client_key(wrong)) << wrong;
    for (const std::string_view wrong :
         {"", "descriptor:x25519:", "descriptor:x25519:abc\r\nQUIT", "x25519:abc"})
        EXPECT_FALSE(parse_authorized_client(wrong)) << wrong;
}

} // namespace
} // namespace plexus::tor_control
